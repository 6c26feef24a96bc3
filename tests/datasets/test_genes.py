"""Choice of genes: detection, variable genes, and impossible choices."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy
from scipy import sparse

from helpers.datasets import detection, narrowed, select_genes
from helpers.datasets import identifiers as ids
from helpers.datasets.genes import OTHERS
from helpers.edges import correlation_edges
from helpers.errors import DataError


@pytest.fixture(scope="module")
def cells() -> anndata.AnnData:
    """300 cells, 400 genes; the first 20 genes are switched on in half of the cells."""
    rng = np.random.default_rng(0)
    mean = rng.uniform(0.5, 2.5, 400)
    mean[380:] = 0.001
    rate = np.repeat(mean[None, :], 300, axis=0)
    rate[:150, :20] *= 1.95
    rate[150:, :20] *= 0.05
    counts = sparse.csr_matrix(rng.poisson(rate).astype(np.float32))
    made = anndata.AnnData(counts, var=pd.DataFrame(index=[f"g{i}" for i in range(400)]))
    made.layers["counts"] = counts.copy()
    return made


def test_detection_equals_the_dense_calculation(cells):
    np.testing.assert_allclose(detection(cells), (cells.X.toarray() > 0).mean(axis=0))


def test_with_few_genes_libraries_and_what_is_made_of_pairs_stay(cells):
    genes = [f"g{i}" for i in (399, 3, 250, 20)]
    few = narrowed(cells, genes)
    assert list(few.var_names) == ["g3", "g20", "g250", "g399", OTHERS]
    np.testing.assert_array_equal(few.X.sum(axis=1), cells.X.sum(axis=1))
    kept = [gene for gene in genes if gene != "g399"]
    whole = correlation_edges(cells).sel(source=kept, target=kept)
    np.testing.assert_array_equal(correlation_edges(few).sel(source=kept, target=kept), whole)


def test_planted_variable_genes_are_found_and_silent_ones_left_out(cells):
    chosen = select_genes(cells, n_hvg=40, tfs=["g100", "g390"], targets=["g200", "absent"])
    hvg = set(chosen.genes[chosen.is_hvg])
    assert {f"g{i}" for i in range(20)} <= hvg
    assert "g390" not in chosen.genes
    assert {"g100", "g200"} <= set(chosen.genes)
    share = dict(zip(cells.var_names, detection(cells), strict=True))
    assert min(share[gene] for gene in chosen.genes) >= 0.02
    assert (chosen.is_hvg | chosen.is_tf | chosen.is_target).all()
    report = chosen.report
    assert (report["tfs_given"], report["tfs_measured"], report["tfs_detected"]) == (2, 2, 1)
    assert (report["targets_given"], report["targets_measured"]) == (2, 1)
    assert report["genes"] == len(chosen) and report["hvg"] == 40


def test_variable_genes_are_those_of_scanpy(cells):
    chosen = select_genes(cells, n_hvg=30, tfs=[], targets=[], min_detection=0.0)
    direct = scanpy.AnnData(cells.layers["counts"].copy(), var=cells.var.copy())
    scanpy.pp.normalize_total(direct, target_sum=1e4)
    scanpy.pp.log1p(direct)
    table = scanpy.pp.highly_variable_genes(direct, n_top_genes=30, inplace=False)
    assert set(chosen.genes) == set(direct.var_names[table["highly_variable"]])


def test_the_data_are_not_changed(cells):
    before = cells.X.copy()
    select_genes(cells, n_hvg=30, tfs=[], targets=[])
    assert (cells.X != before).nnz == 0 and not list(cells.var.columns)


def test_impossible_choices_are_refused(cells):
    with pytest.raises(DataError, match="fewer than n_hvg=1000"):
        select_genes(cells, n_hvg=1000, tfs=[], targets=[])
    with pytest.raises(DataError, match="is the species right"):
        select_genes(cells, n_hvg=5, tfs=["Sox2"], targets=[])


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A human annotation of five genes."""
    rows = pd.DataFrame(
        {
            "Chromosome": ["CHR_ALT", "20", "8", "14", "1"],
            "gene_name": ["NKX2-2", "NKX2-2", "MYC", "NKX2-1", "OLDER"],
            "gene_biotype": "protein_coding",
            "Source": "ensembl_havana",
            "Approved symbol": ["NKX2-2", "NKX2-2", "MYC", "NKX2-1", "NEWER"],
            "Previous symbols": ["", None, "BHLHE39-OLD, SHARED", "SHARED, T-EBP", None],
        },
        index=["ENSG1", "ENSG2", "ENSG3", "ENSG4", "ENSG5"],
    )
    functions = (ids.gene_table, ids.known_symbols, ids.previous_symbols, ids._ensembl_by_symbol)
    for one in functions:
        one.cache_clear()
    monkeypatch.setattr(ids, "_annotation", lambda build: rows)
    yield
    for one in functions:
        one.cache_clear()
