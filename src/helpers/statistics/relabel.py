"""The relabel null: genes of a network permuted against fixed scores, in both of their roles.

TFs change places among TFs, other genes among other genes, and a gene that is TF and target keeps
one label for both. Prominent genes stay prominent in the scores, hubs stay hubs in the network, and
the two are unrelated: exactly the null "which genes the network names has nothing to do with the
scores". Permuting the scores' genes instead gives the same distribution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.auroc import midranks, rank_sum_auroc
from helpers.statistics.checks import label_vector

DRAWS_AT_ONCE = 256


@dataclass(frozen=True)
class Relabelling:
    """Where the positives of a network lie when its genes are permuted.

    Parameters
    ----------
    pair_at
        (rows, genes) number of the pair in the universe, or -1 where there is no pair with a score.
        The first genes are the rows, then come TFs without a row, then all others.
    tf, target
        (m,) genes of the positives.
    n_pairs
        Pairs with a score.
    n_tfs
        Rows and TFs without a row.
    """

    pair_at: np.ndarray
    tf: np.ndarray
    target: np.ndarray
    n_pairs: int
    n_tfs: int

    @property
    def n_genes(self) -> int:
        """Number of genes, TFs included."""
        return self.pair_at.shape[1]

    def draws(self, rng: np.random.Generator, n_draws: int) -> Iterator[np.ndarray]:
        """Yield, per relabelling, the pairs on which the positives land.

        A positive that lands where there is no score is left out of that draw.
        """
        n_rows, n_genes = self.pair_at.shape
        ends = (0, n_rows, self.n_tfs, n_genes)
        for first in range(0, n_draws, DRAWS_AT_ONCE):
            many = min(DRAWS_AT_ONCE, n_draws - first)
            genes = np.tile(np.arange(n_genes), (many, 1))
            for group in map(slice, ends, ends[1:]):
                rng.permuted(genes[:, group], axis=1, out=genes[:, group])
            for new in genes:
                landed = self.pair_at[new[self.tf], new[self.target]]
                yield landed[landed >= 0]


@dataclass(frozen=True)
class RelabelNull:
    """AUROCs of k scores (k,), their draws under relabelling (B, k), and positives per draw (B,).

    A draw in which no positive, or nothing else, has a score is left out.
    """

    observed: np.ndarray
    draws: np.ndarray
    n_positive: np.ndarray


def relabelling(
    labels: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    scored: np.ndarray | None = None,
    tfs: np.ndarray | None = None,
) -> Relabelling:
    """Prepare the relabelling of a network.

    Parameters
    ----------
    labels
        (n,) booleans: the network. Pairs that are not listed have neither score nor edge.
    rows, columns
        (n,) names of the TF and of the target of every pair; no pair twice. Every name in `rows`
        is a TF, also where it stands among `columns`.
    scored
        (n,) booleans, False where a pair has no score. Its edge still belongs to the network: it
        counts in the draws that move it to a pair with a score.
    tfs
        Further names that are TFs though they have no row; rows change places with rows, these
        with each other.
    """
    rows, columns = np.asarray(rows), np.asarray(columns)
    labels = label_vector(labels, rows.size)
    scored = np.ones(rows.size, bool) if scored is None else np.asarray(scored, dtype=bool)
    with_row = np.unique(rows)
    others = np.setdiff1d(columns, with_row)
    also = np.isin(others, [] if tfs is None else tfs)
    names = np.concatenate([with_row, others[also], others[~also]])
    order = np.argsort(names, kind="stable")
    row, column = (order[np.searchsorted(names, part, sorter=order)] for part in (rows, columns))
    pair_at = np.full((with_row.size, names.size), -1, dtype=np.int64)
    pair_at[row, column] = np.where(scored, np.cumsum(scored) - 1, -1)
    if np.unique(row * names.size + column).size < rows.size:
        raise ParameterError("a pair of row and column stands twice")
    n_tfs = with_row.size + int(also.sum())
    return Relabelling(pair_at, row[labels], column[labels], int(scored.sum()), n_tfs)


def relabel_null(
    scores: np.ndarray,
    labels: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    rng: np.random.Generator,
    n_draws: int = 1000,
    tfs: np.ndarray | None = None,
) -> RelabelNull | NotEstimable:
    """Return AUROCs of k scores and their draws under relabelling, the same for all scores.

    Scores are ranked once; a draw gathers the ranks at its positives only.

    Parameters
    ----------
    scores
        (n,) or (k, n); NaN marks a pair without a score, which is left out for all k.
    labels, rows, columns, tfs
        As in :func:`relabelling`.
    rng, n_draws
        Source and number of relabellings.

    Examples
    --------
    >>> import numpy as np
    >>> rows, columns = np.divmod(np.arange(200), 20)
    >>> rng = np.random.default_rng(0)
    >>> null = relabel_null(columns * 1.0, columns == 19, rows, columns + 10, rng, 500)
    >>> float(null.observed[0]), round(float(null.draws.mean()), 1)
    (1.0, 0.5)
    """
    scores = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    if scores.shape[1] != np.asarray(rows).size or np.isinf(scores).any():
        raise ParameterError(f"scores of shape {scores.shape} for {np.asarray(rows).size} pairs")
    scored = ~np.isnan(scores).any(axis=0)
    how = relabelling(labels, rows, columns, scored, tfs)
    positive = np.asarray(labels, dtype=bool)[scored]
    if not 0 < positive.sum() < how.n_pairs:
        return NotEstimable(f"{int(positive.sum())} positives among {how.n_pairs} pairs")
    ranks = np.stack([midranks(row) for row in scores[:, scored]], axis=1)
    sums, counts = np.empty((n_draws, len(scores))), np.empty(n_draws)
    for b, landed in enumerate(how.draws(rng, n_draws)):
        sums[b], counts[b] = ranks[landed].sum(axis=0), landed.size
    defined = (counts > 0) & (counts < how.n_pairs)
    sums, counts = sums[defined], counts[defined]
    return RelabelNull(
        rank_sum_auroc(ranks[positive].sum(axis=0), int(positive.sum()), how.n_pairs),
        rank_sum_auroc(sums, counts[:, None], how.n_pairs),
        counts.astype(np.int64),
    )


def gene_permutation(is_tf: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a permutation (n,) that keeps TFs among TFs and other genes among other genes.

    ``scores[np.ix_(order, order)]`` are then scores whose genes are relabelled.
    """
    is_tf = np.asarray(is_tf, dtype=bool)
    order = np.arange(is_tf.size)
    for group in (np.flatnonzero(is_tf), np.flatnonzero(~is_tf)):
        order[group] = rng.permutation(group)
    return order
