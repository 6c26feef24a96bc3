"""Responders called from summed counts, with changes shrunken towards none."""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.errors import DataError
from helpers.evaluation.responders import Effects, false_sign_rates, shrunken


def bulk_effects(
    perturbed: np.ndarray,
    control: np.ndarray,
    perturbed_strata: np.ndarray | None = None,
    control_strata: np.ndarray | None = None,
) -> Effects:
    r"""Return log fold changes of summed counts, made inside strata and averaged.

    With cell totals :math:`n_c`, counts :math:`k_c` of a gene, :math:`K = \sum_c k_c + 1/2` and
    :math:`r = K / \sum_c n_c`,

    .. math:: d = \ln r_1 - \ln r_0,\quad
        \mathrm{var}(\ln r) = K^{-2} \max\left(\frac{m}{m-1}\sum_c (k_c - r n_c)^2,\ K\right)

    the linearised variance of a ratio over m cells, never below that of Poisson counts. Strata are
    weighted by their share of the perturbed cells. p is that of a normal z.

    Parameters
    ----------
    perturbed, control
        (cells, genes) whole counts.
    perturbed_strata, control_strata
        Days, replicates; strata with fewer than 2 cells of either group are left out.

    Raises
    ------
    DataError
        If no stratum has 2 cells of both groups.
    """
    ones = [np.zeros(len(part), int) for part in (perturbed, control)]
    strata = ones if perturbed_strata is None else [perturbed_strata, control_strata]
    parts, sizes = [], []
    for name in np.unique(strata[0]):
        groups = [part[at == name] for part, at in zip((perturbed, control), strata, strict=True)]
        if min(len(group) for group in groups) >= 2:
            (one, spread_one), (two, spread_two) = (_log_rate(group) for group in groups)
            parts.append((one - two, spread_one + spread_two))
            sizes.append(len(groups[0]))
    if not parts:
        raise DataError("no stratum holds 2 perturbed cells and 2 control cells")
    weight = np.array(sizes) / np.sum(sizes)
    change = weight @ np.stack([one for one, _ in parts])
    se = np.sqrt(weight**2 @ np.stack([spread for _, spread in parts]))
    return Effects(change, se, 2 * stats.norm.sf(np.abs(change) / se))


def by_shrunken_change(
    found: Effects, least: float = float(np.log(1.25)), level: float = 0.05
) -> np.ndarray:
    """Return responders whose sign is sure and whose shrunken change exceeds `least`.

    Changes in standard errors are shrunken by the mixture of `false_sign_rates`; a gene is called
    where its local false sign rate lies below `level` and the posterior mean of its log fold change
    beyond `least`, 25 % by default.

    Parameters
    ----------
    found
        From `bulk_effects`.
    """
    z = found.difference / found.se
    return (false_sign_rates(z) < level) & (np.abs(shrunken(z) * found.se) > least)


def _log_rate(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the log of summed counts per summed total, and its variance."""
    counts = np.asarray(counts, dtype=np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    summed = counts.sum(axis=0) + 0.5
    rate = summed / totals.sum()
    squares = ((counts - rate * totals) ** 2).sum(axis=0) * len(counts) / (len(counts) - 1)
    return np.log(rate), np.maximum(squares, summed) / summed**2
