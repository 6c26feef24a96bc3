"""Effect sizes, and the correlation scale of an AUROC with its ceiling."""

from __future__ import annotations

import numpy as np

from helpers.errors import ParameterError


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
