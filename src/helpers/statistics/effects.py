"""Effect sizes, and the correlation scale of an AUROC with its ceiling."""

from __future__ import annotations

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable


def rho_ceiling(positive_rate: float) -> float:
    r"""Return the largest Spearman correlation of a score with a binary label.

    .. math:: \rho_{\max}=\sqrt{3\pi(1-\pi)}

    for a score without ties and many pairs; tiny when positives are rare.
    """
    if not 0.0 < positive_rate < 1.0:
        raise ParameterError(f"positive rate {positive_rate}; a value inside (0, 1) is needed")
    return float(np.sqrt(3 * positive_rate * (1 - positive_rate)))


def rho_binary(auroc: float, positive_rate: float) -> float:
    """Return the Spearman correlation that an AUROC amounts to: (2 AUROC - 1) * ceiling."""
    return (2 * auroc - 1) * rho_ceiling(positive_rate)


def rank_biserial(auroc: float) -> float:
    """Return the rank-biserial correlation, equal to Cliff's delta: 2 AUROC - 1."""
    return 2 * auroc - 1


def cohens_d(a: np.ndarray, b: np.ndarray, hedges: bool = False) -> float | NotEstimable:
    """Return the mean difference in pooled SDs; with Hedges' small-sample factor if asked.

    The factor is 1 - 3 / (4 df - 1) (Hedges 1981).
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    df = a.size + b.size - 2
    if min(a.size, b.size) < 2:
        return NotEstimable(f"groups of {a.size} and {b.size}; 2 values in each needed")
    pooled = np.sqrt(((a.size - 1) * a.var(ddof=1) + (b.size - 1) * b.var(ddof=1)) / df)
    if pooled == 0:
        return NotEstimable("no variance within the groups")
    d = (a.mean() - b.mean()) / pooled
    return float(d * (1 - 3 / (4 * df - 1))) if hedges else float(d)


def cohens_dz(differences: np.ndarray) -> float | NotEstimable:
    """Return the mean of paired differences in SDs of the differences."""
    differences = np.asarray(differences, dtype=np.float64)
    if differences.size < 2 or differences.std(ddof=1) == 0:
        return NotEstimable("fewer than 2 differences, or no variance among them")
    return float(differences.mean() / differences.std(ddof=1))
