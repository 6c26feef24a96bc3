"""The explicit candidate universe of an evaluation: which TF-gene pairs, and which are positive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import xarray as xr

from helpers.errors import DataError, ParameterError


@dataclass(frozen=True)
class EvaluationSet:
    """Directed TF -> gene pairs with labels.

    Parameters
    ----------
    name
        For tables and records, for example ``"trrust"``.
    source, target
        (n,) gene symbols of the regulator (row of a score matrix) and the target (column).
    label
        (n,) True where the reference holds the pair.
    database
        Name of the reference.
    notes
        How the set was built: counts of what was left out.
    regulators
        Genes that the reference knows as TFs, sources of the set or not; relabelling exchanges TFs
        with TFs only. By default the sources.
    """

    name: str
    source: np.ndarray
    target: np.ndarray
    label: np.ndarray
    database: str
    notes: dict = field(default_factory=dict)
    regulators: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.source.shape == self.target.shape == self.label.shape:
            raise ParameterError("source, target and label must be vectors of one length")
        if self.label.dtype != bool:
            raise ParameterError("label must be boolean")
        if (self.source == self.target).any():
            raise ParameterError("the universe must not hold self pairs")

    @property
    def n_pairs(self) -> int:
        """Number of candidate pairs."""
        return self.label.size

    @property
    def n_positive(self) -> int:
        """Number of positive pairs."""
        return int(self.label.sum())

    @property
    def tfs(self) -> np.ndarray:
        """Sorted names of the TFs of the universe."""
        return np.unique(self.source)

    @property
    def n_tfs(self) -> int:
        """Number of TFs of the universe."""
        return self.tfs.size

    @property
    def n_tfs_with_positive(self) -> int:
        """Number of TFs that have at least one positive pair."""
        return np.unique(self.source[self.label]).size

    @property
    def n_targets_with_positive(self) -> int:
        """Number of targets that have at least one positive pair."""
        return np.unique(self.target[self.label]).size

    @property
    def positive_rate(self) -> float:
        """Share of positive pairs."""
        return self.n_positive / self.n_pairs

    def counts(self) -> dict:
        """Return the numbers that stand beside every AUROC."""
        return {
            "n_pairs": self.n_pairs,
            "n_positive": self.n_positive,
            "n_tfs": self.n_tfs,
            "n_tfs_with_positive": self.n_tfs_with_positive,
            "n_targets_with_positive": self.n_targets_with_positive,
        }

    def subset(self, keep: np.ndarray, note: str) -> EvaluationSet:
        """Return the set with the pairs where `keep` is True; the number dropped goes to notes."""
        keep = np.asarray(keep, dtype=bool)
        notes = self.notes | {note: int((~keep).sum())}
        return replace(
            self,
            source=self.source[keep],
            target=self.target[keep],
            label=self.label[keep],
            notes=notes,
        )

    def scores_from(self, edges: xr.DataArray) -> np.ndarray:
        """Return the scores of the pairs in the order of the set.

        Parameters
        ----------
        edges
            Edge scores with dims ``source`` and ``target`` (row = source = query, column =
            target = key) and any leading dims such as ``layer`` and ``head``.

        Returns
        -------
        ndarray
            (n,) or (*leading, n); NaN where `edges` marks the pair as missing.

        Raises
        ------
        DataError
            If a gene of the universe is not on the axes of `edges`.
        """
        if "source" not in edges.dims or "target" not in edges.dims:
            raise ParameterError(f"edge scores need dims source and target, not {edges.dims}")
        rows = _positions(edges, "source", self.source)
        columns = _positions(edges, "target", self.target)
        leading = [dim for dim in edges.dims if dim not in ("source", "target")]
        return edges.transpose(*leading, "source", "target").values[..., rows, columns]

    def gene_scores(self, values: pd.Series, side: str) -> np.ndarray:
        """Return a gene-level value for the ``source`` or ``target`` of every pair."""
        genes = {"source": self.source, "target": self.target}.get(side)
        if genes is None:
            raise ParameterError(f"side is {side!r}; 'source' or 'target' expected")
        missing = np.setdiff1d(genes, values.index.to_numpy())
        if missing.size:
            raise DataError(f"{missing.size} {side} genes have no value, first {missing[:3]}")
        return values.reindex(genes).to_numpy(dtype=np.float64)


def evaluation_set(
    reference: pd.DataFrame,
    genes: Sequence[str],
    *,
    tfs: Sequence[str] | None = None,
    name: str = "reference",
) -> EvaluationSet:
    """Build the universe U = {(TF, gene)}: TF in the reference and in the gene set, no self pairs.

    Parameters
    ----------
    reference
        Table with unique rows of ``source, target`` and, optionally, ``database``.
    genes
        Gene set: the genes that the scores cover.
    tfs
        Further restriction of the TFs, for example to the rows of streamed attention.
    name
        Name of the set.

    Raises
    ------
    DataError
        If the set has no positives or no negatives; the message names reference and gene set.
    ParameterError
        If genes or reference edges are repeated.
    """
    genes = np.asarray(list(genes), dtype=object).astype(str)
    if np.unique(genes).size != genes.size:
        raise ParameterError("the gene set holds a symbol twice")
    sources = reference["source"].to_numpy().astype(str)
    targets = reference["target"].to_numpy().astype(str)
    if reference.duplicated(["source", "target"]).any():
        raise ParameterError("the reference holds an edge twice; keep one row per edge")
    regulators = kept_tfs = np.intersect1d(sources, genes)
    if tfs is not None:
        kept_tfs = np.intersect1d(kept_tfs, np.asarray(list(tfs)).astype(str))
    database = name
    if "database" in reference and len(reference):
        database = ", ".join(sorted(set(reference["database"].astype(str))))
    where = f"reference {database!r} ({len(reference)} edges) and gene set of {genes.size} genes"
    if kept_tfs.size == 0:
        raise DataError(f"no positives: no TF is in both the {where}")

    source = np.repeat(kept_tfs, genes.size)
    target = np.tile(genes, kept_tfs.size)
    row_of = {gene: i for i, gene in enumerate(kept_tfs)}
    column_of = {gene: j for j, gene in enumerate(genes)}
    label = np.zeros((kept_tfs.size, genes.size), dtype=bool)
    inside = [(row_of.get(s), column_of.get(t)) for s, t in zip(sources, targets, strict=True)]
    for row, column in inside:
        if row is not None and column is not None:
            label[row, column] = True
    keep = source != target
    notes = {
        "edges_in_reference": len(reference),
        "edges_outside_universe": sum(None in pair for pair in inside),
        "self_edges": int((label.ravel() & ~keep).sum()),
        "genes": int(genes.size),
    }
    kept = source[keep], target[keep], label.ravel()[keep]
    result = EvaluationSet(name, *kept, database, notes, regulators)
    if result.n_positive == 0:
        raise DataError(f"no positives: no edge lies in the {where}")
    if result.n_positive == result.n_pairs:
        raise DataError(f"no negatives: every pair is an edge in the {where}")
    return result


def candidate_pairs(
    reference: pd.DataFrame, *scores: xr.DataArray, name: str = "reference"
) -> tuple[EvaluationSet, np.ndarray]:
    """Return the TF-gene pairs of the genes that every score covers, and their scores.

    Parameters
    ----------
    reference
        Curated edges, as for :func:`evaluation_set`.
    *scores
        Edge scores (source, target).
    name
        Name of the set.

    Returns
    -------
    (pairs, scores)
        The universe, and (k, n) scores in its order. A pair that one score lacks is NaN in all, so
        that all are compared on the same pairs; the network keeps the pair, because permuting gene
        labels needs all of it. `drop_missing` leaves such pairs out.

    Examples
    --------
    >>> axes = {"source": ["a", "b", "c"], "target": ["a", "b", "c"]}
    >>> score = xr.DataArray(np.arange(9.0).reshape(3, 3), axes, ("source", "target"))
    >>> pairs, (found,) = candidate_pairs(pd.DataFrame({"source": ["a"], "target": ["c"]}), score)
    >>> found
    array([1., 2.])
    """
    sources = set.intersection(*(set(score["source"].values.astype(str)) for score in scores))
    targets = set.intersection(*(set(score["target"].values.astype(str)) for score in scores))
    genes = [gene for gene in scores[0]["target"].values.astype(str) if gene in targets]
    pairs = evaluation_set(reference, genes, tfs=sorted(sources), name=name)
    found = np.stack([pairs.scores_from(score) for score in scores]).astype(np.float64)
    return pairs, np.where(np.isnan(found).any(axis=0), np.nan, found)


def random_pair_set(
    reference: pd.DataFrame,
    genes: Sequence[str],
    rng: np.random.Generator,
    per_positive: int = 10,
    name: str = "random pairs",
) -> EvaluationSet:
    """Build the published comparison: random ordered gene pairs as negatives for every positive.

    The negatives come from all G (G - 1) ordered pairs, whether or not the source is a TF, so
    being a TF separates the classes. Use :func:`evaluation_set` for conclusions.

    Parameters
    ----------
    reference, genes, name
        As in :func:`evaluation_set`.
    rng, per_positive
        Source of the draws, and negatives per positive (without replacement).
    """
    universe = evaluation_set(reference, genes, name=name)
    genes = np.asarray(list(genes)).astype(str)
    index = pd.Index(genes)
    source = index.get_indexer(universe.source[universe.label])
    target = index.get_indexer(universe.target[universe.label])
    taken = np.zeros((genes.size, genes.size), dtype=bool)
    np.fill_diagonal(taken, True)
    taken[source, target] = True
    free = np.flatnonzero(~taken)
    drawn = rng.choice(free, min(free.size, per_positive * source.size), replace=False)
    rows, columns = np.divmod(drawn, genes.size)
    return EvaluationSet(
        name,
        np.concatenate([genes[source], genes[rows]]),
        np.concatenate([genes[target], genes[columns]]),
        np.arange(source.size + drawn.size) < source.size,
        universe.database,
        universe.notes | {"negatives": "random ordered gene pairs"},
    )


def drop_missing(evaluation: EvaluationSet, scores: np.ndarray) -> tuple[EvaluationSet, np.ndarray]:
    """Return the set and the scores without pairs whose score is missing.

    A pair that is missing in any of several scores is dropped for all of them, so that paired
    comparisons use the same pairs. The number dropped is in ``notes["missing_scores"]``.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape[-1] != evaluation.n_pairs:
        raise ParameterError(
            f"{scores.shape[-1]} scores for {evaluation.n_pairs} pairs; align with scores_from"
        )
    if np.isinf(scores).any():
        raise ParameterError("a score is infinite")
    missing = np.isnan(scores).any(axis=tuple(range(scores.ndim - 1)))
    return evaluation.subset(~missing, "missing_scores"), scores[..., ~missing]


def _positions(edges: xr.DataArray, dim: str, genes: np.ndarray) -> np.ndarray:
    index = pd.Index(edges[dim].values.astype(str))
    if not index.is_unique:
        raise DataError(f"the {dim} axis of the edge scores holds a gene twice")
    positions = index.get_indexer(genes)
    if (positions < 0).any():
        missing = np.unique(genes[positions < 0])
        raise DataError(
            f"{missing.size} genes of the universe are not on the {dim} axis of the edge scores, "
            f"first {', '.join(missing[:3])}; build the set from the genes that the scores cover"
        )
    return positions
