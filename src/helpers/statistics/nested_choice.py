"""What the best of many scores is worth against another score, where choice and test share nothing.

:mod:`helpers.statistics.held_out` asks it of pooled AUROCs and lists of pairs; here AUROCs are
averaged within rows (perturbations), and the other score, which is not chosen, is subtracted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable


@dataclass(frozen=True)
class NestedChoice:
    """Mean within-row AUROC of chosen scores minus that of the other score.

    Parameters
    ----------
    held_out
        Chosen in one block of rows and columns, measured in the opposite one.
    naive
        Chosen and measured on all pairs.
    draws
        (B,) held-out values under relabelled genes, the choice made anew in every draw.
    picked
        (k,) share of the choices that fell on each score.
    """

    held_out: float
    naive: float
    draws: np.ndarray
    picked: np.ndarray


def relabelled(labels: np.ndarray, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return labels of a screen whose genes have changed places, rows and columns together.

    Perturbed genes change places among themselves and all others among themselves, so that a gene
    which is perturbed and measured keeps one label.

    Parameters
    ----------
    labels
        (T, G) labels of perturbations and genes.
    own
        (T,) column of each perturbed gene, -1 where it is not measured.
    rng
        Source of the permutation.
    """
    row, column = np.arange(len(own)), np.arange(labels.shape[1])
    for group in (np.flatnonzero(own >= 0), np.flatnonzero(own < 0)):
        row[group] = rng.permutation(group)
    measured = own >= 0
    column[own[measured]] = own[row[measured]]
    others = np.setdiff1d(column, own[measured])
    column[others] = rng.permutation(others)
    return labels[row][:, column]


def nested_choice(
    scores: np.ndarray,
    other: np.ndarray,
    labels: np.ndarray,
    own: np.ndarray,
    rng: np.random.Generator,
    n_draws: int = 199,
    n_cuts: int = 10,
) -> NestedChoice | NotEstimable:
    """Choose the score of largest AUROC in one block; subtract the other score in the opposite.

    Rows and columns are cut in halves each, so that neither a perturbation nor a gene of the test
    block took part in the choice.

    Parameters
    ----------
    scores
        (k, T, G) scores to choose from, for example layers; NaN in all where a pair is missing.
    other
        (T, G) the score to compare with.
    labels
        (T, G) booleans.
    own
        (T,) column of each perturbed gene, -1 where it is not measured.
    rng, n_draws, n_cuts
        Source of cuts and relabellings, and their numbers.

    Returns
    -------
    NestedChoice or NotEstimable
        Not estimable with fewer than 4 rows, or where no two opposite blocks have positives.
    """
    every = np.concatenate([scores, other[None]])
    valid = np.isfinite(every).all(axis=0)
    if labels.shape != valid.shape or len(own) != len(labels):
        raise ParameterError(f"labels {labels.shape}, scores {valid.shape}, rows {len(own)}")
    if len(labels) < 4:
        return NotEstimable(f"{len(labels)} perturbations; halves of at least 4 are needed")
    every = np.where(valid, every, np.nan)
    drawn = [labels, *(relabelled(labels, own, rng) for _ in range(n_draws))]
    hits = np.stack(drawn) & valid
    whole = _aurocs(every, hits[:1])[0]
    values, picked = [], np.zeros(len(scores))
    for _ in range(n_cuts):
        halves = [rng.permutation(np.arange(n) % 2) == 0 for n in labels.shape]
        values += _opposite(every, hits, halves, picked)
    with np.errstate(invalid="ignore"):
        seen = np.isfinite(values)
        found = np.where(seen, values, 0).sum(axis=0) / seen.sum(axis=0)
    if not np.isfinite(found[0]) or not np.isfinite(whole).all():
        return NotEstimable("no two opposite blocks of perturbations and genes hold responders")
    draws = found[1:][np.isfinite(found[1:])]
    naive = float(whole[:-1].max() - whole[-1])
    return NestedChoice(float(found[0]), naive, draws, picked / max(picked.sum(), 1))


def _opposite(every, hits, halves, picked) -> list[np.ndarray]:
    """Return held-out differences (4, B) of one cut, and count the choices of the data."""
    found = {}
    for a in (False, True):
        for b in (False, True):
            block = np.ix_(halves[0] == a, halves[1] == b)
            found[a, b] = _aurocs(every[:, block[0], block[1]], hits[:, block[0], block[1]])
    values = []
    for (a, b), train in found.items():
        test = found[not a, not b]
        known = np.isfinite(train).all(axis=1) & np.isfinite(test).all(axis=1)
        choice = np.where(known[:, None], train[:, :-1], 0).argmax(axis=1)
        picked[choice[0]] += known[0]
        value = test[np.arange(len(test)), choice] - test[:, -1]
        values.append(np.where(known, value, np.nan))
    return values


def _aurocs(scores: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """Return mean within-row AUROCs (B, S) of scores (S, T, g) under labels (B, T, g)."""
    valid = np.isfinite(scores[0])
    ranks = np.nan_to_num(rankdata(scores, axis=-1, nan_policy="omit"))
    n1 = hits.sum(axis=-1).astype(float)
    n0 = valid.sum(axis=-1) - n1
    with np.errstate(invalid="ignore", divide="ignore"):
        sums = np.einsum("btg,stg->sbt", hits.astype(float), ranks)
        rows = (sums - n1 * (n1 + 1) / 2) / (n1 * n0)
        seen = (n1 > 0) & (n0 > 0)
        return (np.where(seen, rows, 0).sum(axis=-1) / seen.sum(axis=-1)).T
