"""Readers of the sets of cells from their public origins (tier ``real``), R objects included."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.datasets.assemble import assemble
from helpers.datasets.fetch import artefact_path
from helpers.datasets.identifiers import ensembl_to_symbol
from helpers.datasets.robjects import Experiment, load_r_objects
from helpers.errors import DataError

# Symbols of 2015 that a reader of the haematopoiesis literature expects under another name.
PAUL_RENAMED = {"Sfpi1": "Spi1"}


def experiment(name: str, variable: str) -> Experiment:
    """Return one experiment of an R file of the registry."""
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


def hesc(name: str) -> AnnData:
    """Human embryonic stem cells (385 cells), log2 values, of the McCalla 2023 benchmark."""
    table = pd.read_csv(artefact_path("hesc-chen"), sep="\t", index_col=0)
    obs = pd.DataFrame({"batch": "chen"}, index=table.columns)
    return assemble(name, table.to_numpy().T, table.index.to_numpy(), obs, values="log")


READERS = {"kang": kang, "paul": paul, "papalexi": papalexi, "hesc": hesc}
