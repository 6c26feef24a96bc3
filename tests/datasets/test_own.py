"""Cells of one's own: every format, larger than memory, and what is refused with a reason."""

import gzip
import json
import os
import shutil
import tracemalloc

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import io as scipy_io
from scipy import sparse

from helpers.datasets import blocks, load_orthologs, symbol_to_ensembl
from helpers.datasets.identifiers import known_symbols
from helpers.datasets.own import open_own, read_own
from helpers.datasets.own_counts import restored
from helpers.errors import HelpersError
from helpers.evaluation.donors import no_donors
from helpers.models.recipes import training_genes
from helpers.reading import draw_cells, no_cell_types

N_CELLS = 40
N_GENES = 60
NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def names() -> list[str]:
    """Human symbols with a mouse ortholog and an Ensembl identifier."""
    pairs = load_orthologs()
    human = sorted(set(pairs["human"]) & known_symbols("human"))
    usable = [name for name, one in zip(human, symbol_to_ensembl(human), strict=True) if one]
    return usable[:N_GENES]


@pytest.fixture
def cells(names) -> ad.AnnData:
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.gamma(1.0, 2.0, (N_CELLS, N_GENES))).astype(np.float32)
    obs = pd.DataFrame(
        {"cell_type": ["a", "b"] * 20, "donor": ["d", "e"] * 20},
        index=[f"c{i}" for i in range(N_CELLS)],
    )
    return ad.AnnData(sparse.csr_matrix(counts), obs=obs, var=pd.DataFrame(index=names))


def written(adata: ad.AnnData, folder) -> str:
    path = folder / "my cells.h5ad"
    adata.write_h5ad(path)
    return str(path)


def logged(cells: ad.AnnData) -> ad.AnnData:
    sc.pp.normalize_total(cells, target_sum=1e4)
    sc.pp.log1p(cells)
    return cells


# formats


def as_zarr(cells, folder):
    cells.write_zarr(folder / "cells.zarr")
    return folder / "cells.zarr"


def as_csc(cells, folder):
    cells.X = cells.X.tocsc()
    return written(cells, folder)


def as_dense(cells, folder):
    cells.X = cells.X.toarray()
    return written(cells, folder)


def as_dense_zarr(cells, folder):
    cells.X = cells.X.toarray()
    return as_zarr(cells, folder)


def as_integers(cells, folder):
    cells.X = cells.X.astype(np.int32)
    return written(cells, folder)


def as_layer(cells, folder):
    cells.layers["counts"] = cells.X.copy()
    cells.X = cells.X * 0.3
    return written(cells, folder)


def as_raw(cells, folder):
    cells.raw = cells.copy()
    part = cells[:, :20].copy()
    sc.pp.scale(part)
    return written(part, folder)


def as_log(cells, folder):
    return written(logged(cells), folder)


def as_log_below_scaled(cells, folder):
    cells = logged(cells)
    cells.raw = cells.copy()
    sc.pp.scale(cells)
    return written(cells, folder)


def as_ten_x(cells, folder):
    path = folder / "filtered_feature_bc_matrix.h5"
    matrix, n = cells.X.tocsr(), cells.n_vars
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["data"], group["indices"] = matrix.data.astype(np.int32), matrix.indices
        group["indptr"], group["shape"] = matrix.indptr, np.array([n, cells.n_obs])
        group["barcodes"] = np.array(cells.obs_names, dtype="S")
        features = {"id": [f"g{i}" for i in range(n)], "name": list(cells.var_names)}
        features |= {"feature_type": ["Gene Expression"] * n, "genome": ["GRCh38"] * n}
        for name, values in features.items():
            group[f"features/{name}"] = np.array(values, dtype="S")
    return path


def as_market(cells, folder, packed=True, antibodies=1):
    path = folder / "outs"
    path.mkdir()
    n = cells.n_vars
    extra = sparse.csr_matrix(np.ones((antibodies, cells.n_obs)))
    scipy_io.mmwrite(path / "matrix.mtx", sparse.vstack([cells.X.T, extra]).astype(int))
    kinds = ["Gene Expression"] * n + ["Antibody Capture"] * antibodies
    table = {"id": [f"g{i}" for i in range(n + antibodies)]}
    table |= {"name": [*cells.var_names, *["CD3"] * antibodies], "kind": kinds}
    how = {"sep": "\t", "header": False, "index": False}
    ending = ".gz" if packed else ""
    pd.DataFrame(table).to_csv(path / f"features.tsv{ending}", **how)
    pd.Series(cells.obs_names).to_csv(path / f"barcodes.tsv{ending}", **how)
    if packed:
        packed_file = path / "matrix.mtx.gz"
        packed_file.write_bytes(gzip.compress((path / "matrix.mtx").read_bytes()))
        (path / "matrix.mtx").unlink()
    return path


def as_plain_market(cells, folder):
    return as_market(cells, folder, packed=False, antibodies=0)


def as_ensembl(cells, folder):
    ids = symbol_to_ensembl(cells.var_names)
    cells.var_names = [f"{one}.{k % 9 + 1}" for k, one in enumerate(ids)]
    return written(cells, folder)


def as_cellxgene(cells, folder):
    cells.var["feature_name"] = cells.var_names.to_numpy()
    cells.var_names = symbol_to_ensembl(cells.var_names).astype(str)
    return written(cells, folder)


FORMATS = [
    written,
    as_zarr,
    as_csc,
    as_dense,
    as_dense_zarr,
    as_integers,
    as_layer,
    as_raw,
    as_log,
    as_log_below_scaled,
    as_ten_x,
    as_market,
    as_plain_market,
    as_ensembl,
    as_cellxgene,
]


@pytest.mark.parametrize("write", FORMATS)
def test_every_format_gives_the_same_counts(cells, tmp_path, write):
    wanted, symbols, barcodes = cells.X.toarray(), list(cells.var_names), list(cells.obs_names)
    own = open_own(write(cells, tmp_path))
    rows = np.array([7, 3, 39, 0, 12])
    drawn = own.take(rows)
    np.testing.assert_array_equal(drawn.X.toarray(), wanted[rows])
    np.testing.assert_array_equal(drawn.layers["counts"].toarray(), wanted[rows])
    assert list(drawn.var_names) == symbols
    assert list(drawn.obs_names) == [barcodes[k] for k in rows]
    found = blocks.gene_moments(own.blocks())
    np.testing.assert_allclose(found.total, wanted.sum(axis=0))
    shares = blocks.detected_share(own.blocks())
    np.testing.assert_allclose(shares, (wanted > 0).mean(axis=0))
    np.testing.assert_allclose(found.variance, wanted.astype(float).var(axis=0, ddof=1))


def test_what_was_read_is_said(cells, tmp_path):
    adata = read_own(as_log(cells, tmp_path))
    assert adata.uns["source"]["values"] == "counts restored from the log values of X"
    assert adata.uns["source"]["species"] == "human"


def test_log_values_come_back_up_to_a_common_factor_of_the_cell():
    rng = np.random.default_rng(1)
    counts = rng.negative_binomial(1, 0.02, (50, 80))
    counts[3] = 6 * rng.integers(1, 9, 80)
    scale = rng.uniform(0.1, 90, (50, 1))
    block = sparse.csr_matrix(np.log1p(counts * scale).astype(np.float32))
    found = restored(block, 50).toarray()
    divisor = [np.gcd.reduce(row[row > 0]) for row in counts]
    np.testing.assert_array_equal(found, counts / np.array(divisor)[:, None])


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_never_taken_for_log_counts(seed):
    values = np.random.default_rng(seed).gamma(2.0, 1.0, (30, 40))
    assert restored(sparse.csr_matrix(values), 50) is None


def test_mouse_genes_become_their_human_orthologs(cells, tmp_path):
    pairs = load_orthologs().drop_duplicates("human").set_index("human")["mouse"]
    human = list(cells.var_names)
    cells.var_names = [*pairs[human[:-2]], "Gm1992", "Rp1"]
    own = open_own(written(cells, tmp_path))
    assert own.genes.species == "mouse"
    assert set(human[:-2]) <= set(own.var_names) and len(own.var_names) < N_GENES
    drawn = own.take(np.arange(5))
    place = own.var_names.get_loc(human[4])
    np.testing.assert_array_equal(drawn.X.toarray()[:, place], cells.X.toarray()[:5, 4])
    kept = read_own(tmp_path / "my cells.h5ad", "mouse")
    assert list(kept.var_names) == list(cells.var_names)
    assert kept.uns["source"]["organism"] == "mouse"


def test_human_genes_are_not_given_as_mouse_genes(cells, tmp_path):
    with pytest.raises(HelpersError, match="are human, not mouse"):
        read_own(written(cells, tmp_path), "mouse")


def test_repeated_symbols_keep_one_name(cells, tmp_path):
    cells.var_names = [*cells.var_names[:-3], *[cells.var_names[0]] * 3]
    own = open_own(written(cells, tmp_path))
    assert own.genes.report["repeated_symbols"] == 3
    assert own.var_names.is_unique and own.var_names[0] == cells.var_names[0]


def test_a_column_can_hold_the_symbols(cells, tmp_path):
    cells.var["short"] = cells.var_names.to_numpy()
    cells.var_names = [f"probe{k}" for k in range(N_GENES)]
    assert list(open_own(written(cells, tmp_path), symbols="short").var_names) == list(
        cells.var["short"]
    )


def test_columns_take_the_names_that_pages_know(cells, tmp_path):
    cells.obs["leiden"] = pd.Categorical(["x", None] * 20)
    own = open_own(written(cells, tmp_path), cell_type="leiden", donor="cell_type")
    assert set(own.obs["cell_type"]) == {"x", "not named"}
    assert list(own.obs["donor"][:2]) == ["a", "b"]


# what cannot be had


def test_without_cell_types_parts_are_not_estimable(cells, tmp_path):
    cells.obs = cells.obs[["donor"]]
    adata = read_own(written(cells, tmp_path))
    assert "obs has donor" in no_cell_types(adata).reason
    adata.obs["cell_type"] = "all"
    assert "1 cell type" in no_cell_types(adata).reason
    adata.obs["cell_type"] = ["a", "b"] * 20
    assert no_cell_types(adata) is None


def test_markup_in_columns_and_types_stays_text(cells, tmp_path):
    cells.obs["<img src=x>"] = pd.Categorical(["<b>a</b>", "b"] * 20)
    path = written(cells, tmp_path)
    assert set(open_own(path, cell_type="<img src=x>").obs["cell_type"]) == {"<b>a</b>", "b"}
    adata = read_own(path)
    adata.obs = adata.obs[["<img src=x>"]]
    for reason in (no_cell_types(adata), no_donors(adata)):
        assert "<" not in reason.reason and "img src" in reason.reason


def test_donors_need_cells_types_and_company(cells):
    adata = ad.concat([cells] * 3, index_unique="-")
    assert no_donors(adata) is None
    assert "0 donors with 50 cells" in no_donors(cells).reason
    del adata.obs["donor"]
    assert "no donor (donor=COLUMN" in no_donors(adata).reason


def values(change):
    """Return a writer of cells whose dense values went through `change`."""

    def write(cells, folder):
        cells.X = change(cells.X.toarray())
        return written(cells, folder)

    return write


def with_value(value):
    def change(x):
        x[3, 4] = value
        return x

    return values(change)


def named(change):
    def write(cells, folder):
        cells.var_names = [change(k, name) for k, name in enumerate(cells.var_names)]
        return written(cells, folder)

    return write


def damaged(cells, folder):
    path = written(cells, folder)
    os.truncate(path, 9000)
    return path


def changed(place, change):
    """Return a writer that changes one array of the written file."""

    def write(cells, folder):
        path = written(cells, folder)
        with h5py.File(path, "r+") as file:
            array = file[place][:]
            del file[place]
            file[place] = change(array)
        return path

    return write


def without(place):
    def write(cells, folder):
        path = written(cells, folder)
        with h5py.File(path, "r+") as file:
            del file[place]
        return path

    return write


def text_as(ending):
    def write(cells, folder):
        path = folder / f"cells.{ending}"
        path.write_text("gene,c1\nGATA1,3\n")
        return path

    return write


def other_hdf5(cells, folder):
    path = folder / "model.h5"
    with h5py.File(path, "w") as file:
        file["weights/first"] = np.ones(3)
    return path


def market_without(name):
    def write(cells, folder):
        path = as_market(cells, folder)
        (path / name).unlink()
        return path

    return write


def short_market(cells, folder):
    path = as_plain_market(cells, folder)
    lines = (path / "features.tsv").read_text().splitlines()[:-2]
    (path / "features.tsv").write_text("\n".join(lines))
    return path


def empty_folder(cells, folder):
    path = folder / "nothing"
    path.mkdir()
    return path


def pickled_zarr(cells, folder):
    path = as_zarr(cells, folder)
    file = next(f for name in ("zarr.json", ".zarray") for f in path.rglob(name))
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"filters": [{"id": "pickle"}]}))
    return path


def half_zarr(cells, folder):
    path = as_zarr(cells, folder)
    shutil.rmtree(path / "var")
    return path


def late_fraction(cells, folder):
    """A value that the first look at 200 cells does not see."""
    many = ad.concat([cells] * 10, index_unique="-")
    x = many.X.toarray()
    x[1, 4] = 0.25
    many.X = sparse.csr_matrix(x)
    return written(many, folder)


REFUSED = {
    "logged, no counts behind": (values(lambda x: np.log2(x + 0.7)), "no whole number|negative"),
    "normalised": (values(lambda x: x / x.sum(axis=1, keepdims=True)), "no whole number"),
    "scaled": (values(lambda x: (x - x.mean(axis=0)) / 2), "negative"),
    "one value is no number": (with_value(NAN), "not a number"),
    "one value is infinite": (with_value(INF), "not a number"),
    "one value is negative": (with_value(-1), "-1 in cell 3, gene .*negative"),
    "one value is a fraction": (with_value(2.5), "2.5 in cell 3, gene .*no whole number"),
    "a late value is a fraction": (late_fraction, "0.25 in cell 1, gene .*no whole number"),
    "all zero": (values(lambda x: x * 0), "no value above zero"),
    "booleans": (values(lambda x: x > 0), "type bool"),
    "no cells": (lambda c, f: written(c[:0].copy(), f), "0 cells"),
    "no genes": (lambda c, f: written(c[:, :0].copy(), f), "0 genes"),
    "no matrix": (without("X"), "has none of layers"),
    "names of no species": (named(lambda k, _: f"probe{k}"), "0% human, 0% mouse.*symbols=COLUMN"),
    "numbers as names": (named(lambda k, _: str(k)), "such as 0, 1, 2"),
    "markup as names": (named(lambda k, _: f"<script>{k}</script>"), "0% human"),
    "long names": (named(lambda k, _: "x" * 5000 + str(k)), "0% human"),
    "small letters": (named(lambda _, name: name.lower()), "correct their case"),
    "two genomes": (named(lambda _, name: f"GRCh38_{name}"), "0% human"),
    "zebrafish": (named(lambda k, _: f"ENSDARG{k:011d}"), "ENSDARG.*neither human nor mouse"),
    "transcripts": (named(lambda k, _: f"ENST{k:011d}"), "0% human"),
    "truncated": (damaged, "damaged|no HDF5"),
    "index beyond the genes": (changed("X/indices", lambda a: a + 10_000), "damaged"),
    "values fewer than indices": (changed("X/data", lambda a: a[:-5]), "damaged"),
    "obs shorter": (without("obs"), "neither of anndata nor of 10x"),
    "text as h5ad": (text_as("h5ad"), "no HDF5 file"),
    "csv": (text_as("csv"), "no HDF5 file; cells are read from .h5ad, .zarr"),
    "hdf5 of something else": (other_hdf5, "neither of anndata nor of 10x"),
    "absent": (lambda _, f: f / "none.h5ad", "no such file"),
    "empty folder": (empty_folder, "no matrix.mtx"),
    "no features": (market_without("features.tsv.gz"), "no features.tsv or genes.tsv"),
    "no barcodes": (market_without("barcodes.tsv.gz"), "no barcodes.tsv"),
    "features too few": (short_market, "shape"),
    "zarr with pickle": (pickled_zarr, "pickle, which can run code"),
    "zarr without genes": (half_zarr, "0% human"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_used_is_refused_with_a_reason(cells, tmp_path, case):
    write, words = REFUSED[case]
    path = write(cells, tmp_path)
    with pytest.raises(HelpersError, match=words) as error:
        read_own(path)
    assert len(str(error.value)) < 17_000 and "Traceback" not in str(error.value)


@pytest.mark.parametrize("role", ["cell_type", "donor", "batch", "symbols"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(cells, tmp_path, role):
    with pytest.raises(HelpersError, match=r"has no column 'sort of'; it has \["):
        open_own(written(cells, tmp_path), **{role: "sort of"})


def test_more_cells_than_there_are_and_too_few_genes_are_refused(cells, tmp_path):
    path = written(cells, tmp_path)
    with pytest.raises(HelpersError, match="holds 40 cells"):
        draw_cells(path, 41, 0)
    with pytest.raises(HelpersError, match="fewer than n_hvg"):
        draw_cells(path, 10, 0)


def emptied(cells):
    """Return the cells with five empty ones among them, and the rows of the others."""
    empty = [0, 7, 8, 20, 39]
    x = cells.X.toarray()
    x[empty] = 0
    cells.X = sparse.csr_matrix(x)
    return cells, np.setdiff1d(np.arange(N_CELLS), empty)


EMPTIED = (as_zarr, as_csc, as_dense, as_dense_zarr, as_layer, as_log, as_market)


@pytest.mark.parametrize("write", [written, *EMPTIED])
def test_cells_without_counts_are_left_out_and_told(cells, tmp_path, write):
    cells, others = emptied(cells)
    counts = cells.X.toarray()[others]
    path = write(cells, tmp_path)
    own = open_own(path)
    assert own.n_obs == len(own.obs) == len(others) == 35
    drawn = own.take(np.array([34, 0, 5]))
    assert drawn.obs_names.tolist() == [f"c{others[k]}" for k in (34, 0, 5)]
    every = np.vstack([block.toarray() for block in own.blocks()])
    factor = every.sum(axis=1) / counts.sum(axis=1) if write is as_log else 1.0
    np.testing.assert_allclose(every, counts * np.reshape(factor, (-1, 1)))
    np.testing.assert_array_equal(drawn.X.toarray(), every[[34, 0, 5]])
    assert drawn.uns["source"]["repaired"]["cells_without_counts_left_out"] == 5
    with pytest.raises(HelpersError, match="holds 35 cells"):
        draw_cells(str(path), 36, 0)


def test_cells_whose_genes_have_no_ortholog_or_that_hold_stored_zeros(cells, tmp_path):
    pairs = load_orthologs().drop_duplicates("human").set_index("human")["mouse"]
    cells.var_names = pairs[cells.var_names].to_numpy()
    names = cells.var_names.to_numpy(dtype=object).copy()
    names[-1] = "no mouse gene"
    cells.var_names = names
    x = cells.X.toarray()
    x[4, :-1], x[4, -1] = 0, 3
    cells.X = sparse.csr_matrix(x)
    own = open_own(written(cells, tmp_path))
    assert own.n_obs == 39 and own.obs.index[4] == "c5" and len(own.var_names) == 59
    cells.X.data[cells.X.indptr[6] : cells.X.indptr[7]] = 0
    cells = cells[:, :-1].copy()
    stored = tmp_path / "stored"
    stored.mkdir()
    path = written(cells, stored)
    with pytest.raises(HelpersError, match=r"of 1 cells only zeros are stored; .*filter_cells"):
        open_own(path, organism="mouse").take(np.arange(10))
    cells.X = cells.X * 0
    with pytest.raises(HelpersError, match="no value above zero"):
        open_own(written(cells, stored))


# larger than memory


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """20,000 cells x 2,000 genes with 100 counts each, 16 MB on disk."""
    rng = np.random.default_rng(0)
    n, genes, each = 20_000, 2000, 100
    names = sorted(known_symbols("human"))[:genes]
    indices = np.sort(rng.integers(0, genes // each, (n, each)) + np.arange(each) * 20, axis=1)
    data = rng.geometric(0.5, n * each).astype(np.float32)
    matrix = sparse.csr_matrix((data, indices.ravel(), np.arange(n + 1) * each), (n, genes))
    path = tmp_path_factory.mktemp("large") / "cells.h5ad"
    obs = pd.DataFrame(index=np.arange(n).astype(str))
    ad.AnnData(matrix, obs=obs, var=pd.DataFrame(index=names)).write_h5ad(path)
    return path, matrix


def test_a_draw_and_sums_hold_a_block_and_not_the_file(large, monkeypatch):
    path, matrix = large
    open_own(path)  # what is loaded once: gene tables
    monkeypatch.setattr("helpers.datasets.blocks.CELLS_AT_ONCE", 500)
    tracemalloc.start()
    own = open_own(path)
    drawn = own.take(np.random.default_rng(0).permutation(own.n_obs)[:200])
    total = blocks.gene_moments(own.blocks()).total
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(total, np.asarray(matrix.sum(axis=0)).ravel())
    assert drawn.n_obs == 200
    in_memory = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    assert peak < 0.5 * in_memory


def test_genes_chosen_in_blocks_are_those_chosen_in_memory(large, monkeypatch):
    path, matrix = large
    monkeypatch.setattr("helpers.datasets.blocks.CELLS_AT_ONCE", 999)
    own = open_own(path)
    adata = ad.AnnData(matrix, var=pd.DataFrame(index=own.var_names))
    adata.layers["counts"] = adata.X
    assert training_genes(own) == training_genes(adata)
