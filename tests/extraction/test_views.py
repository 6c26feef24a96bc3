"""Views of attention and their cost, on small random models with known answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from extraction_models import GENES, TFS, build, cells

from bookkit import definitions
from helpers.errors import ParameterError
from helpers.extraction import extract
from helpers.extraction.cost import cost_table
from helpers.extraction.reference import (
    against_reference,
    largest_difference,
    largest_weights,
    reference_maps,
)
from helpers.extraction.views import both_directions, head_rows, received
from helpers.models.inspect import token_table
from helpers.models.load import shipped_models


@pytest.fixture(scope="module", params=["scgpt", "geneformer-v2"])
def adapter(request, tmp_path_factory):
    return build(request.param, tmp_path_factory.mktemp("model") / request.param)


def test_token_table_holds_the_cells_genes_once_in_reading_order(adapter):
    adata = cells(4)
    table = token_table(adapter, adata, 2)
    genes = table.dropna(subset="count").set_index("gene")["count"]
    counts = adata.X.toarray()[2]
    assert genes.to_dict() == {g: c for g, c in zip(GENES, counts, strict=True) if c > 0}
    assert table["gene"].iloc[0] == "<cls>"
    if adapter.family == "geneformer":
        assert table["gene"].iloc[-1] == "<eos>"
        assert (np.diff(table["count / median"].dropna()) <= 0).all()
    else:
        assert table["bin"].dropna().between(1, 50).all()
    with pytest.raises(ParameterError, match="cells 0 to 3"):
        token_table(adapter, adata, 4)


def test_rows_of_a_head_are_those_of_the_whole_map(adapter):
    adata = cells(4)
    rows = head_rows(adapter, adata, 1, sources=TFS, layer=2, head=3, n_keys=5)
    tokens = adapter.tokenise(adata)
    whole = reference_maps(adapter, adapter.collate(tokens, [1]))[2][0, 3].numpy()
    place = {GENES[g]: p for p, g in enumerate(tokens.genes[1]) if g >= 0}
    assert set(rows["source"].values) == set(TFS) & set(place)
    for source in rows["source"].values:
        for target in rows["target"].values:
            expected = whole[place[source], place[target]]
            assert float(rows.sel(source=source, target=target)) == pytest.approx(
                expected, abs=1e-6
            )
    assert (np.diff(rows.mean("source")) <= 1e-12).all()
    absent = [gene for gene in GENES if gene not in place][:1]
    with pytest.raises(ParameterError, match="none of the query genes"):
        head_rows(adapter, adata, 1, sources=absent, layer=0, head=0)


def test_extractor_and_reference_agree_and_a_difference_would_show(adapter):
    both, found = against_reference(adapter, cells(5), sources=TFS)
    assert largest_difference(both) < 1e-6
    held = int((found["count"] > 0).sum()) * adapter.n_layers * adapter.n_heads
    assert int(both["extracted"].count()) == int(both["reference"].count()) == held
    both["reference"][0, 0, 0, 5] += 0.25
    assert largest_difference(both) == pytest.approx(0.25, abs=1e-6)
    top = largest_weights(both, 3)
    assert list(top["extracted"]) == sorted(top["extracted"], reverse=True)
    first = top.iloc[0]
    keys = {dim: first[dim] for dim in ("layer", "head", "source", "target")}
    assert (
        float(both["extracted"].sel(keys)) == first["extracted"] == float(both["extracted"].max())
    )


def test_directions_and_received_are_means_over_the_cells_that_hold_the_genes(adapter):
    found = extract(adapter, cells(6), sources=TFS, show_progress=False)
    table = both_directions(found, TFS)
    row = table.iloc[0]
    for i, j, column in ((row["i"], row["j"], "i to j"), (row["j"], row["i"], "j to i")):
        pair = {"source": i, "target": j}
        expected = found["sum"].sel(pair).mean() / found["count"].sel(pair)
        assert row[column] == pytest.approx(float(expected))
    assert not np.allclose(table["i to j"], table["j to i"], atol=1e-4)
    keys = received(found)
    assert (np.diff(keys["received"]) <= 0).all()
    gene = keys["gene"].iloc[0]
    expected = found["sum"].sel(target=gene).mean(["layer", "head"]).sum()
    expected = float(expected / found["count"].sel(target=gene).sum())
    assert keys["received"].iloc[0] == pytest.approx(expected)


def test_costs_follow_from_the_shapes():
    table = cost_table(n_tfs=100, genes=1000)
    largest = table.loc["Geneformer V2-316M"]
    assert largest["all maps, GB per cell"] == pytest.approx(18 * 18 * 4096**2 * 4 / 1e9)
    assert largest["sums and squares, MB"] == pytest.approx(18 * 18 * 100 * 1000 * 16 / 1e6)
    assert (table["extra multiplications"] < 0.02).all()


def test_losses_come_from_the_cards():
    names = [name for name in shipped_models() if name.endswith("baron")]
    if not names:
        pytest.skip("no shipped checkpoint in this checkout")
    curve_of = definitions("02_models")["curve_of"]
    for name in names:
        part = curve_of(name).pivot(index="step", columns="loss on", values="loss")
        assert part["held out"].iloc[-1] < part["held out"].iloc[0]
        assert part["held out"].iloc[-1] < part["baseline"].iloc[-1], "a shipped model must learn"
        assert part["baseline"].nunique() == 1


def test_both_readings_of_a_cell_are_joined_by_gene():
    same_genes = definitions("02_models")["same_genes"]
    left = pd.DataFrame({"gene": ["<cls>", "A", "B"], "count": [None, 2, 1], "bin": [None, 9, 3]})
    right = pd.DataFrame({"gene": ["B", "A", "C"], "count": [1, 2, 4], "position": [0, 1, 2]})
    found = same_genes(left, right).set_index("gene")
    assert found["rank"].to_dict() == {"A": 1, "B": 0} and found["bin"].to_dict() == {
        "A": 9,
        "B": 3,
    }
