"""Choosing one of many scores without being fooled: choice and test share no TF and no target.

Halves of TFs alone leak: a target that many TFs share is in both halves. TFs and targets are cut in
halves each; a score chosen in one of the four blocks is tested in the block opposite to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from helpers.estimates import NotEstimable
from helpers.statistics.auroc import midranks
from helpers.statistics.checks import cluster_codes, label_vector, score_matrix
from helpers.statistics.relabel import relabelling

BLOCKS = 4


@dataclass(frozen=True)
class HeldOutChoice:
    """What a score chosen elsewhere is worth, with the same under relabelling.

    Parameters
    ----------
    chosen, advantage
        Mean AUROC of the chosen score in its test blocks, and how far it lies above the mean of
        the other scores there.
    chosen_draws, advantage_draws
        (B,) the same under relabelled genes, the choice made anew in every draw.
    picked
        (k,) share of the choices that fell on each score.
    """

    chosen: float
    advantage: float
    chosen_draws: np.ndarray
    advantage_draws: np.ndarray
    picked: np.ndarray


def held_out_choice(
    scores: np.ndarray,
    labels: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    rng: np.random.Generator,
    n_draws: int = 1000,
    n_splits: int = 10,
    tfs: np.ndarray | None = None,
) -> HeldOutChoice | NotEstimable:
    """Choose the score of largest AUROC in one block, test it in the opposite one.

    Parameters
    ----------
    scores
        (k, n) finite scores, k at least 2.
    labels, rows, columns
        (n,) booleans and names of TF and target.
    rng, n_draws
        Source of splits and relabellings, and number of relabellings.
    n_splits
        Random cuts into halves; results are means over cuts and blocks.
    tfs
        As in :func:`helpers.statistics.relabel.relabelling`.

    Returns
    -------
    HeldOutChoice or NotEstimable
        A block without positives, or whose opposite block has none, is left out; where no block
        is left in any cut there is no result.
    """
    scores = score_matrix(scores)
    labels = label_vector(labels, scores.shape[1])
    if len(scores) < 2:
        return NotEstimable("a choice needs at least two scores")
    cuts = [_Cut(scores, rows, columns, rng) for _ in range(n_splits)]
    how = relabelling(labels, rows, columns, tfs=tfs)
    found, picked = _evaluate(cuts, [np.flatnonzero(labels)])
    if np.isnan(found).any():
        return NotEstimable("no two opposite blocks of TFs and targets both hold a positive")
    draws, _ = _evaluate(cuts, how.draws(rng, n_draws))
    draws = draws[np.isfinite(draws).all(axis=1)]
    return HeldOutChoice(*found[0].tolist(), draws[:, 0], draws[:, 1], picked)


class _Cut:
    """One cut of TFs and targets into halves, with the ranks of all scores inside each block."""

    def __init__(self, scores, rows, columns, rng: np.random.Generator) -> None:
        n = scores.shape[1]
        halves = []
        for names in (rows, columns):
            groups, codes = cluster_codes(names, n)
            halves.append(rng.permutation(np.arange(groups.size) % 2)[codes])
        self.block = 2 * halves[0] + halves[1]  # 3 - block is the opposite one
        self.size = np.bincount(self.block, minlength=BLOCKS).astype(float)
        self.ranks = np.empty((n, len(scores)))
        for block in np.unique(self.block):
            inside = self.block == block
            self.ranks[inside] = np.stack([midranks(row[inside]) for row in scores], axis=1)

    def aurocs(self, positives: np.ndarray) -> np.ndarray:
        """Return AUROCs (4, k) per block; NaN where a class is missing."""
        at = self.block[positives] == np.arange(BLOCKS)[:, None]
        count = at.sum(axis=1).astype(float)
        sums = at.astype(float) @ self.ranks[positives]
        with np.errstate(invalid="ignore", divide="ignore"):
            excess = sums - (count * (count + 1) / 2)[:, None]
            return excess / (count * (self.size - count))[:, None]


def _evaluate(cuts: list[_Cut], drawn: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return (B, 2) AUROC and advantage of the chosen score, and (k,) shares of the choices."""
    k = cuts[0].ranks.shape[1]
    values, picked = [], np.zeros(k)
    for positives in drawn:
        parts = []
        for cut in cuts:
            test = cut.aurocs(positives)
            train = test[::-1]
            held = np.isfinite(test[:, 0]) & np.isfinite(train[:, 0])
            test, choice = test[held], train[held].argmax(axis=1)
            chosen = test[np.arange(choice.size), choice]
            others = (test.sum(axis=1) - chosen) / (k - 1)
            parts.append(np.stack([chosen, chosen - others], axis=1))
            picked += np.bincount(choice, minlength=k)
        every = np.concatenate(parts)
        values.append(every.mean(axis=0) if len(every) else np.full(2, np.nan))
    return np.stack(values), picked / max(picked.sum(), 1)
