"""What a caller may ask of `extract`: genes, strata, scores, activations; and what is refused."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import xarray as xr
from extraction_models import GENES, TFS, build, cells

from helpers.datasets import load, transcription_factors
from helpers.errors import DataError, ParameterError
from helpers.extraction import axes, extract
from helpers.models.load import load_model

QUIET = {"show_progress": False}


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    return build("scgpt", tmp_path_factory.mktemp("model"))


def test_strata_add_up_and_scores_keep_their_dimensions(adapter):
    adata = cells(9)
    whole = extract(adapter, adata, sources=TFS, **QUIET)
    assert whole["sum"].dims == ("layer", "head", "source", "target")
    assert whole["sum"].dtype == np.float64 and whole["count"].dtype == np.int64
    split = extract(adapter, adata, sources=TFS, strata="donor", scores=("qk", "softmax"), **QUIET)
    assert split["sum"].dims == ("stratum", "score", "layer", "head", "source", "target")
    assert list(split["stratum"].values) == ["d0", "d1", "d2"]
    np.testing.assert_allclose(
        split["sum"].sel(score="softmax").sum("stratum"), whole["sum"], atol=1e-5
    )
    np.testing.assert_array_equal(split["count"].sum("stratum"), whole["count"])
    only = extract(adapter, adata[adata.obs["donor"] == "d1"].copy(), sources=TFS, **QUIET)
    kept = split["sum"].sel(score="softmax", stratum="d1", target=only["target"])
    np.testing.assert_allclose(kept, only["sum"], atol=1e-5)


def test_counts_are_cells_holding_both_genes(adapter):
    adata = cells(9)
    held = adata.X.toarray() > 0
    found = extract(adapter, adata, sources=TFS, genes=GENES, **QUIET)
    columns = [GENES.index(tf) for tf in TFS]
    np.testing.assert_array_equal(found["count"], held[:, columns].T.astype(int) @ held.astype(int))
    np.testing.assert_array_equal(found["cells"], held[:, columns].sum(axis=0))
    assert int(found["count"].sel(target="G00").max()) == 0  # never expressed, never counted
    assert float(found["sum"].sel(target="G00").max()) == 0


def test_a_gene_outside_the_list_never_reaches_the_last_gene(adapter):
    """Index -1 would add special tokens and other genes to the last target."""
    adata = cells(9)
    every = extract(adapter, adata, sources=TFS, genes=GENES[1:], **QUIET)
    few = extract(adapter, adata, sources=TFS, genes=GENES[1:21], **QUIET)
    np.testing.assert_allclose(few["sum"], every["sum"].sel(target=GENES[1:21]), atol=1e-5)
    rest = every["sum"].sel(target=GENES[21:]).sum("target") + every["outside"]
    np.testing.assert_allclose(few["outside"], rest, atol=1e-5)


def test_sources_by_mark_by_number_and_all(adapter):
    adata = cells(9)
    marked = extract(adapter, adata, **QUIET)
    assert list(marked["source"].values) == TFS
    drawn_once = extract(adapter, adata, sources=7, seed=3, **QUIET)
    again = extract(adapter, adata, sources=7, seed=3, **QUIET)
    other = extract(adapter, adata, sources=7, seed=4, **QUIET)
    assert list(drawn_once["source"].values) == list(again["source"].values)
    assert list(drawn_once["source"].values) != list(other["source"].values)
    assert drawn_once.attrs["sources_sampled_from"] == 39  # one of the 40 never occurs
    every = extract(adapter, adata, sources="all", **QUIET)
    np.testing.assert_allclose(every["sum"].sel(source=TFS), marked["sum"], atol=1e-5)


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        ({"sources": ["G03", "XYZ"]}, DataError, r"1 of 2 genes in sources .* \(first: XYZ\)"),
        ({"genes": ["G03", "G03"]}, ParameterError, "genes names a gene twice"),
        ({"sources": []}, ParameterError, "sources is empty"),
        ({"sources": "some"}, ParameterError, "use 'tfs', 'all', a number or a list"),
        ({"sources": 500}, ParameterError, "the cells hold 39 genes"),
        ({"scores": "sigmoid"}, ParameterError, "softmax, value_weighted, qk, qk_rank"),
        ({"scores": ("qk", "qk")}, ParameterError, "different kinds"),
        ({"strata": "age"}, ParameterError, "'age' is not in adata.obs; columns: donor"),
        ({"strata": ["a"]}, ParameterError, "1 labels for 9 cells"),
        ({"strata": ["a"] * 8 + [None]}, ParameterError, "1 cells have no stratum"),
        ({"device": "tpu"}, ParameterError, "device='tpu'"),
        ({"device": "meta"}, ParameterError, "device='meta'"),
        ({"dtype": "float8"}, ParameterError, "float32, float64, bfloat16"),
        ({"batch_size": 0}, ParameterError, "at least 1"),
        ({"activations": ("embedding",)}, ParameterError, "residual, mlp, z"),
    ],
)
def test_bad_arguments_say_what_to_do(adapter, choice, error, message):
    with pytest.raises(error, match=message):
        extract(adapter, cells(9), **choice, **QUIET)


def test_unmarked_tfs_come_from_the_references(adapter, monkeypatch, caplog):
    adata = cells(9)
    marked = extract(adapter, adata, **QUIET)
    del adata.var["is_tf"]
    asked = []

    def listed(organism):
        asked.append(organism)
        return frozenset({*TFS, "TP53"}) if organism == "human" else frozenset({"Trp53"})

    monkeypatch.setattr(axes, "transcription_factors", listed)
    with caplog.at_level(logging.INFO):
        found = extract(adapter, adata, **QUIET)
    assert "5 of 40 genes are human transcription factors" in caplog.text
    xr.testing.assert_identical(found, marked)
    adata.uns["source"] = {"organism": "mouse"}
    with pytest.raises(DataError, match="none of the 40 genes is among the 1 mouse"):
        extract(adapter, adata, **QUIET)
    assert asked == ["human", "mouse"]


@pytest.mark.network
def test_real_cells_need_one_argument_and_a_model():
    try:
        adata, listed = load("baron-human"), transcription_factors()
    except DataError as error:
        pytest.skip(f"Baron or the references are neither cached nor reachable: {error}")
    adata = adata[:6].copy()
    assert not {"is_tf", "tf"} & set(adata.var.columns)
    model = load_model("geneformer-baron")
    found = extract(model, adata, **QUIET)
    expressed = adata.var_names[np.asarray(adata.layers["counts"].sum(axis=0)).ravel() > 0]
    known = model.dictionaries.identify(adata)
    read = [gene for gene in expressed if known[adata.var_names.get_loc(gene)]]
    assert list(found["source"].values) == [gene for gene in read if gene in listed]
    assert found.sizes["source"] > 20 and found.sizes["target"] == len(read)
    whole = found["sum"].sum("target") + found["outside"]
    np.testing.assert_allclose(whole, found["cells"].broadcast_like(whole), atol=1e-4)
