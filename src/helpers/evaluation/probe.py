"""A supervised probe of gene vectors, tested on genes that it has not seen.

A probe that has seen other pairs of the same TF and of the same target can rank pairs by how often
the network names their genes. Only where all genes are new does it have to know the pair.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation.crossed import NULL, auroc_with_interval
from helpers.evaluation.sets import EvaluationSet
from helpers.statistics.auroc import auroc_many
from helpers.statistics.crossed import smallest_effect
from helpers.statistics.permutation import null_outcome
from helpers.statistics.relabel import relabelling
from helpers.statistics.results import Outcome

RIDGE = 100.0
DECIMALS = 9


def held_out_parts(
    pairs: EvaluationSet, rng: np.random.Generator, *, held_out: str = "genes"
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (fitted on, scored): booleans (n,) each, for one random cut.

    ``"genes"``: TFs and other genes are halved, and the pairs inside one half are scored by the
    probe of the other half; the two share no gene in any role, and pairs between the halves are
    left out. ``"pairs"``: pairs are quartered at random, and each quarter is scored by the probe of
    another, which has seen as many pairs, of the same genes.
    """
    if held_out == "pairs":
        part = rng.permutation(pairs.n_pairs) % 4
        return [(part == 3 - k, part == k) for k in range(4)]
    if held_out != "genes":
        raise ParameterError(f"held_out is {held_out!r}; choose genes or pairs")
    tfs = pairs.tfs
    groups = tfs, np.setdiff1d(pairs.target, tfs)
    first = np.concatenate([rng.permutation(group)[: group.size // 2] for group in groups])
    source, target = np.isin(pairs.source, first), np.isin(pairs.target, first)
    halves = source & target, ~source & ~target
    return [halves, halves[::-1]]


def probe_scores(
    features: np.ndarray, labels: np.ndarray, cuts: list[list[tuple[np.ndarray, np.ndarray]]]
) -> np.ndarray:
    """Return the scores of linear probes, each fitted on other pairs than it scores.

    Ridge regression on the label is linear in the labels, so that permuted ones are further
    columns. Scores are ranked within each part, whose probes differ in their offset, and averaged
    over cuts.

    Parameters
    ----------
    features
        (n, width).
    labels
        (n, k) booleans; one probe per column.
    cuts
        Of `held_out_parts`.

    Returns
    -------
    numpy.ndarray
        (k, n) scores between 0 and 1; NaN where no cut scores a pair.
    """
    total, times = np.zeros(labels.shape[::-1]), np.zeros(len(labels))
    for train, test in (part for cut in cuts for part in cut):
        model = make_pipeline(StandardScaler(), Ridge(RIDGE))
        found = model.fit(features[train], labels[train]).predict(features[test])
        # Equal features get equal scores, however the machine's matrix product rounds.
        found = np.round(found.reshape(test.sum(), -1), DECIMALS)
        total[:, test] += rankdata(found, axis=0).T / test.sum()
        times[test] += 1
    return np.where(times > 0, total / np.maximum(times, 1), np.nan)


def probe_test(
    pairs: EvaluationSet,
    features: np.ndarray,
    rng: np.random.Generator,
    n_perm: int = 199,
    n_cuts: int = 4,
    *,
    held_out: str = "genes",
) -> Outcome | NotEstimable:
    """Test whether a linear probe ranks edges among pairs that were held out, one-sided.

    Parameters
    ----------
    pairs, features
        Universe, and (n, width) features of every pair, such as products of two vectors.
    rng, n_perm, n_cuts
        Source, relabellings, each with probes fitted anew on the same cuts, and cuts.
    held_out
        ``"genes"`` or ``"pairs"``; see `held_out_parts`.

    Returns
    -------
    Outcome or NotEstimable
        AUROC of the held-out scores; gene labels permuted. ``detail`` has the counts, ``mde`` and,
        of the observed AUROC, ``low`` and ``high`` over TFs and targets.
    """
    cuts = [held_out_parts(pairs, rng, held_out=held_out) for _ in range(n_cuts)]
    how = relabelling(pairs.label, pairs.source, pairs.target, tfs=pairs.regulators)
    labels = np.zeros((pairs.n_pairs, 1 + n_perm), dtype=bool)
    labels[:, 0] = pairs.label
    for column, landed in enumerate(how.draws(rng, n_perm), start=1):
        labels[landed, column] = True
    for train, test in (part for cut in cuts for part in cut):
        if not (labels[train].any(axis=0).all() and labels[test].any(axis=0).all()):
            return NotEstimable(f"{pairs.name}: a part of the pairs holds no positive")
    scores = probe_scores(features, labels, cuts)
    known = np.isfinite(scores[0])
    kept = pairs.subset(known, "never_held_out")
    level = auroc_with_interval(kept, scores[0, known])
    if isinstance(level, NotEstimable):
        return level
    draws = np.array(
        [
            float(auroc_many(one[None], label)[0])
            for one, label in zip(scores[1:, known], labels[known, 1:].T, strict=True)
        ]
    )
    found = null_outcome(
        level.value,
        draws,
        sides="one",
        test=f"linear probe, {held_out} held out",
        null=NULL,
        unit="gene",
        n_units=np.union1d(kept.source, kept.target).size,
        detail=kept.counts() | {"low": float(level.low), "high": float(level.high)},
    )
    found.detail["mde"] = smallest_effect(found.detail["null_sd"], sides="one")
    return found
