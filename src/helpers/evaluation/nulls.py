"""Permutation nulls of an AUROC in a candidate universe, from the freest to the strictest."""

from __future__ import annotations

import numpy as np

from helpers.estimates import NotEstimable
from helpers.evaluation.sets import EvaluationSet, drop_missing
from helpers.statistics.curveball import curveball_tests
from helpers.statistics.jackknife import LeaveOneOut, leave_one_cluster_out
from helpers.statistics.results import Outcome


def rewire(
    evaluation: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    n_draws: int = 1000,
    trades: int | None = None,
) -> Outcome | NotEstimable:
    """Test against networks with every TF's and every target's degree kept (curveball)."""
    many = rewire_many(evaluation, np.asarray(scores)[None], rng, n_draws, trades)
    return many if isinstance(many, NotEstimable) else many[0]


def rewire_many(
    evaluation: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    n_draws: int = 1000,
    trades: int | None = None,
) -> list[Outcome] | NotEstimable:
    """Run :func:`rewire` for k scores (k, n) on the same networks.

    Pairs outside the universe (self pairs, pairs without a score) are forbidden cells.
    """
    kept, values = drop_missing(evaluation, scores)
    tfs, row = np.unique(kept.source, return_inverse=True)
    genes, column = np.unique(kept.target, return_inverse=True)
    network = np.zeros((tfs.size, genes.size), dtype=bool)
    forbidden = np.ones(network.shape, dtype=bool)
    matrices = np.zeros((len(values), *network.shape))
    network[row, column] = kept.label
    forbidden[row, column] = False
    matrices[:, row, column] = values
    return curveball_tests(matrices, network, rng, n_draws, forbidden, trades)


def decompose(outcome: Outcome) -> dict[str, float]:
    """Return chance, null part and rest of an AUROC: 0.5 + (null mean - 0.5) + (AUROC - mean)."""
    mean = outcome.detail["null_mean"]
    return {"chance": 0.5, "null": mean - 0.5, "beyond": outcome.estimate - mean}


def leave_one_tf_out(evaluation: EvaluationSet, scores: np.ndarray) -> LeaveOneOut | NotEstimable:
    """Return the AUROC without each TF, its jackknife standard error and the largest influence."""
    kept, values = drop_missing(evaluation, scores)
    return leave_one_cluster_out(values, kept.label, kept.source)
