"""Tokenisers against straightforward second implementations, on toy and on real cells."""

from __future__ import annotations

import warnings
from collections import defaultdict

import models_kit as kit
import numpy as np
import pandas as pd
import pytest

from helpers.datasets.cells import load
from helpers.errors import DataError, ModelError
from helpers.models import geneformer_tokens, scgpt_tokens
from helpers.models.geneformer_tokens import Dictionaries
from helpers.models.weights import read_dictionary


def straightforward(adata, tables: Dictionaries, max_length: int) -> dict[int, list[int]]:
    """Rank tokens of each cell with plain dictionaries and sorting; cells without any left out."""
    counts = np.asarray(adata.layers["counts"].todense() if "counts" in adata.layers else adata.X)
    names = adata.var["ensembl_id"].astype(str).tolist()
    cells = {}
    for row in range(adata.n_obs):
        summed: dict[str, float] = defaultdict(float)
        for column in np.flatnonzero(counts[row] > 0):
            name = tables.mapping.get(names[column], names[column])
            if name in tables.tokens and name in tables.medians:
                summed[name] += float(counts[row, column])
        if not summed:
            continue
        order = sorted(
            summed, key=lambda name: (-summed[name] / tables.medians[name], tables.tokens[name])
        )
        ids = [tables.tokens[name] for name in order]
        if "<cls>" in tables.tokens:
            ids = [tables.tokens["<cls>"], *ids[: max_length - 2], tables.tokens["<eos>"]]
        cells[row] = ids[:max_length]
    return cells


def assert_same(adata, tables: Dictionaries, max_length: int) -> geneformer_tokens.Tokens:
    tokens = geneformer_tokens.tokenise(adata, tables, max_length=max_length)
    expected = straightforward(adata, tables, max_length)
    assert tokens.cells.tolist() == list(expected)
    for row, ids in zip(tokens.cells, tokens.ids, strict=True):
        assert ids.tolist() == expected[row]
    return tokens


@pytest.mark.parametrize("special", [True, False], ids=["second", "first"])
@pytest.mark.parametrize("max_length", [8, 64])
def test_geneformer_tokens_of_toy_cells(special, max_length):
    adata = kit.cells(30)
    # Two genes share an identifier, one has none, and medians repeat, so that ranks tie.
    adata.var.iloc[5, 0] = adata.var.iloc[4, 0]
    adata.var.iloc[7, 0] = ""
    tables = kit.dictionaries(special)
    tokens = assert_same(adata, tables, max_length)
    assert tokens.report["empty_cells"] == [29]
    assert tokens.report["genes_summed"] == 1
    assert tokens.report["genes_not_in_vocabulary"] == ["GENE7", "GENE37", "GENE38", "GENE39"]
    assert (tokens.report["truncated_cells"] > 0) == (max_length == 8)
    for ids, genes in zip(tokens.ids, tokens.genes, strict=True):
        for token, gene in zip(ids, genes, strict=True):
            name = list(tables.tokens)[token]
            assert name.startswith("<") if gene < 0 else adata.var["ensembl_id"].iloc[gene] == name


def test_geneformer_ties_follow_token_numbers_not_gene_order():
    adata = kit.cells(30)
    order = np.random.default_rng(3).permutation(adata.n_vars)
    tables = Dictionaries(kit.dictionaries().tokens, dict.fromkeys(kit.ENSEMBL[:-3], 1.0))
    first = geneformer_tokens.tokenise(adata, tables, max_length=64)
    second = geneformer_tokens.tokenise(adata[:, order].copy(), tables, max_length=64)
    assert all(np.array_equal(a, b) for a, b in zip(first.ids, second.ids, strict=True))


def test_identifiers_come_from_ids_versions_mapping_and_symbols():
    adata = kit.cells(5)
    adata.var["ensembl_id"] = [f"{name}.7" for name in kit.ENSEMBL]
    tables = kit.dictionaries()
    assert tables.identify(adata)[:3].tolist() == kit.ENSEMBL[:3]
    adata.var["ensembl_id"] = ["OLD1", None, *kit.ENSEMBL[2:]]
    tables = Dictionaries(
        tables.tokens, tables.medians, {"OLD1": kit.ENSEMBL[0]}, {"GENE1": kit.ENSEMBL[1]}
    )
    assert tables.identify(adata)[:3].tolist() == kit.ENSEMBL[:3]


def test_poor_cover_warns_with_the_count_and_none_is_refused():
    adata = kit.cells(5)
    few = {name: i for i, name in enumerate(["<pad>", "<mask>", *kit.ENSEMBL[:9]])}
    medians = dict.fromkeys(kit.ENSEMBL[:9], 1.0)
    with pytest.warns(UserWarning, match="covers 9 of 40 genes"):
        geneformer_tokens.tokenise(adata, Dictionaries(few, medians), max_length=64)
    with pytest.raises(ModelError, match="none of the 40 genes"):
        geneformer_tokens.tokenise(
            adata, Dictionaries({"<pad>": 0, "<mask>": 1, "X": 2}, {"X": 1.0}), max_length=64
        )
    vocabulary = {name: i for i, name in enumerate([*kit.GENES[:7], "<pad>", "<cls>"])}
    with pytest.warns(UserWarning, match="covers 7 of 40 genes"):
        scgpt_tokens.tokenise(adata, vocabulary, max_length=64)


def test_dictionaries_that_cannot_be_used_are_refused():
    with pytest.raises(ModelError, match="<mask>"):
        Dictionaries({"<pad>": 0}, {})
    with pytest.raises(ModelError, match="come together"):
        Dictionaries({"<pad>": 0, "<mask>": 1, "<cls>": 2}, {})
    with pytest.raises(ModelError, match="not positive"):
        Dictionaries({"<pad>": 0, "<mask>": 1}, {"A": 0.0})


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("make", [kit.scgpt_adapter, kit.geneformer_adapter])
def test_counts_that_are_no_counts_are_refused(make, bad):
    adata = kit.cells(4)
    adata.X[1, 2] = bad
    with pytest.raises(ModelError, match="raw counts"):
        make().tokenise(adata)


def real_cells(name: str):
    """200 cells of a real set, with what makes tokenisers stumble."""
    try:
        adata = load(name)
    except DataError as error:
        pytest.skip(f"{name} is neither cached nor reachable: {error}")
    rows = np.sort(np.random.default_rng(0).choice(adata.n_obs, 200, replace=False))
    adata = adata[rows].copy()
    counts = adata.layers["counts"].tolil()
    counts[3] = 0
    adata.layers["counts"] = counts.tocsr()
    identifiers = adata.var["ensembl_id"].astype(object).fillna("").to_numpy().copy()
    detected = np.argsort(-np.asarray((counts.tocsr() > 0).sum(axis=0)).ravel(), kind="stable")
    identifiers[detected[1]] = identifiers[detected[0]]
    identifiers[detected[2]] = "ENSG_UNKNOWN"
    adata.var["ensembl_id"] = pd.Series(identifiers, index=adata.var_names)
    return adata


@pytest.mark.network
def test_geneformer_first_dictionaries_on_200_baron_cells():
    from helpers.datasets.cells import member
    from helpers.datasets.safe_pickle import load_primitives

    adata = real_cells("baron-human")
    tables = Dictionaries(
        load_primitives(member("scfoundry", "token"), "token"),
        load_primitives(member("scfoundry", "median"), "median"),
    )
    tokens = assert_same(adata, tables, 2048)
    assert tokens.report["empty_cells"] == [3] and tokens.report["genes_summed"] >= 1
    assert tokens.report["genes_in_vocabulary"] > 15_000


@pytest.mark.mirror
@pytest.mark.parametrize("cells", ["baron-human", "kang"])
@pytest.mark.parametrize(("version", "max_length"), [("V1", 2048), ("V2", 4096)])
def test_geneformer_dictionaries_on_200_real_cells(
    mirror_dir, cells, version, max_length, monkeypatch
):
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(mirror_dir))
    folder = mirror_dir / "kkkamur07__geneformer-distillation/src/data/tokenizer_data" / version
    size = "gc30M" if version == "V1" else "gc104M"
    tables = Dictionaries(
        read_dictionary(folder / f"token_dictionary_{size}.pkl"),
        read_dictionary(folder / f"gene_median_dictionary_{size}.pkl"),
        read_dictionary(folder / f"ensembl_mapping_dict_{size}.pkl"),
    )
    assert tables.special == (version == "V2")
    adata = real_cells(cells)
    # Symbols also stand in the second mapping; here only identifiers are compared.
    adata.var_names = [f"gene {i}" for i in range(adata.n_vars)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tokens = assert_same(adata, tables, max_length)
    assert 3 in tokens.report["empty_cells"] and tokens.report["genes_summed"] >= 1
