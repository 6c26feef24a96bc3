"""Which genes are queries (sources) and keys (targets), and which stratum each cell is in."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.datasets.vocabularies import transcription_factors
from helpers.errors import DataError, ParameterError
from helpers.models.adapter import Tokens

log = logging.getLogger(__name__)

TF_COLUMNS = ("is_tf", "tf")


@dataclass(frozen=True)
class Axes:
    """Gene axes of an extraction.

    Attributes
    ----------
    sources, targets
        Symbols on the query and on the key axis.
    source_slot, target_slot
        (genes + 1,) position on the axis of gene index g at position g + 1; position 0 belongs to
        index -1 (special tokens, padding). What is off the axis has the slot after the last one,
        the dump slot, so that no negative index ever reaches an array.
    sampled_from
        Number of candidate sources when the sources are a random sample of them, else None.
    """

    sources: np.ndarray
    targets: np.ndarray
    source_slot: np.ndarray
    target_slot: np.ndarray
    sampled_from: int | None = None


def slots_of(gene_names: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return each gene index's position in `wanted`, at position index + 1 (see `Axes`)."""
    found = pd.Index(wanted).get_indexer(gene_names)
    return np.concatenate([[len(wanted)], np.where(found < 0, len(wanted), found)]).astype(np.int64)


def listed(names: Sequence[str], known: pd.Index, what: str) -> np.ndarray:
    """Return gene names as an array; refuse an empty list, unknown and repeated names."""
    names = np.asarray(names, dtype=object)
    if len(names) == 0:
        raise ParameterError(f"{what} is empty: name at least one gene")
    if len(set(names)) != len(names):
        raise ParameterError(f"{what} names a gene twice: pass each gene once")
    absent = [name for name in names if name not in known]
    if absent:
        raise DataError(
            f"{len(absent)} of {len(names)} genes in {what} are not among the data's genes "
            f"(first: {', '.join(map(str, absent[:5]))}): use symbols from adata.var_names"
        )
    return names


def known_tfs(adata: AnnData) -> np.ndarray:
    """Return the genes of an AnnData that are transcription factors.

    A bool column ``is_tf`` or ``tf`` of ``adata.var`` decides where there is one. Otherwise it is
    the list of the references (`helpers.datasets.transcription_factors`) for the organism in
    ``adata.uns["source"]``, human where none is named.

    Raises
    ------
    DataError
        If no gene is one, or the references are neither cached nor reachable.
    """
    for column in TF_COLUMNS:
        if column in adata.var:
            return adata.var_names[adata.var[column].to_numpy(dtype=bool)].to_numpy()
    organism = adata.uns.get("source", {}).get("organism", "human")
    listed = transcription_factors(organism)
    found = adata.var_names[adata.var_names.isin(listed)].to_numpy()
    if len(found) == 0:
        raise DataError(
            f"none of the {adata.n_vars} genes is among the {len(listed)} {organism} transcription "
            f"factors of the references: mark them in adata.var[{TF_COLUMNS[0]!r}], or pass the "
            "list of transcription factors as sources"
        )
    log.info("%d of %d genes are %s transcription factors", len(found), adata.n_vars, organism)
    return found


def choose_axes(
    tokens: Tokens,
    adata: AnnData,
    *,
    sources: str | int | Sequence[str] = "tfs",
    genes: Sequence[str] | None = None,
    seed: int = 0,
) -> Axes:
    """Resolve the wanted genes against the data and the tokens.

    Parameters
    ----------
    tokens
        Tokens of the cells.
    adata
        The cells.
    sources
        ``"tfs"``: the transcription factors (`known_tfs`) that occur as a token; ``"all"``: every
        gene that does; a number: that many of them, drawn without replacement; a list: exactly
        these.
    genes
        Targets; None for every gene that occurs as a token. Others go to the dump slot.
    seed
        Seed of the draw when `sources` is a number.

    Raises
    ------
    ParameterError, DataError
        If a gene is unknown or named twice, or if nothing is left.
    """
    names = np.asarray(tokens.gene_names, dtype=object)
    seen = np.zeros(len(names) + 1, dtype=bool)
    for cell in tokens.genes:
        seen[np.asarray(cell) + 1] = True
    occurring = names[seen[1:]]
    known = pd.Index(names)
    targets = occurring if genes is None else listed(genes, known, "genes")
    sampled_from = None
    if isinstance(sources, str):
        if sources not in ("tfs", "all"):
            raise ParameterError(f"sources={sources!r}: use 'tfs', 'all', a number or a list")
        chosen = occurring
        if sources == "tfs":
            chosen = occurring[np.isin(occurring, known_tfs(adata))]
    elif isinstance(sources, (int, np.integer)):
        if not 1 <= sources <= len(occurring):
            raise ParameterError(
                f"sources={sources}: the cells hold {len(occurring)} genes; ask for 1 to that many"
            )
        drawn = np.random.default_rng(seed).choice(len(occurring), size=sources, replace=False)
        chosen, sampled_from = occurring[np.sort(drawn)], len(occurring)
    else:
        chosen = listed(sources, known, "sources")
    if len(chosen) == 0 or len(targets) == 0:
        raise DataError(
            f"{len(chosen)} sources and {len(targets)} targets occur as tokens: "
            "check the gene symbols and the model's vocabulary"
        )
    return Axes(
        sources=chosen,
        targets=targets,
        source_slot=slots_of(names, chosen),
        target_slot=slots_of(names, targets),
        sampled_from=sampled_from,
    )


def choose_strata(
    adata: AnnData, strata: str | Sequence | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return each cell's stratum number and the strata's names (None without strata).

    Parameters
    ----------
    adata
        The cells.
    strata
        None, a column of ``adata.obs``, or one label per cell.

    Raises
    ------
    ParameterError
        If the column is unknown, the length differs, or a label is missing.
    """
    if strata is None:
        return np.zeros(adata.n_obs, dtype=np.int64), None
    if isinstance(strata, str):
        if strata not in adata.obs:
            raise ParameterError(
                f"strata={strata!r} is not in adata.obs; columns: {', '.join(adata.obs.columns)}"
            )
        labels = pd.Series(adata.obs[strata].to_numpy())
    else:
        labels = pd.Series(np.asarray(strata))
    if len(labels) != adata.n_obs:
        raise ParameterError(f"strata has {len(labels)} labels for {adata.n_obs} cells")
    if labels.isna().any():
        raise ParameterError(
            f"{int(labels.isna().sum())} cells have no stratum: drop them or name them"
        )
    names, codes = np.unique(labels.astype(str).to_numpy(dtype=object), return_inverse=True)
    return codes.astype(np.int64), names
