"""Which genes respond to a perturbation: effects, rules that call responders, and their reference.

A rule that calls responders prefers genes in which a change can be seen. `pseudo_cells` measures
that preference: control cells whose counts of random genes were thinned respond in genes that
nothing about the cell has chosen, so a gene-level score that finds *them* finds detectability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import fdrcorrection

from helpers.errors import DataError, ParameterError

TARGET_SUM = 1e4


@dataclass(frozen=True)
class Effects:
    """Mean differences of log-normalised expression, perturbed minus control.

    Parameters
    ----------
    difference, se, p
        (genes,) difference, its standard error, and p of Welch's t test; p is 1 where neither group
        varies.
    """

    difference: np.ndarray
    se: np.ndarray
    p: np.ndarray


def log_normalised(counts: np.ndarray) -> np.ndarray:
    r"""Return :math:`\ln(1 + 10^4 c_{ng} / \sum_g c_{ng})` of whole counts (cells, genes).

    Raises
    ------
    DataError
        If a value is negative or no whole number, or a cell has no counts.
    """
    counts = np.asarray(counts, dtype=np.float64)
    if counts.size and (counts.min() < 0 or np.abs(counts - np.rint(counts)).max() > 1e-3):
        raise DataError("responders are called from counts; these values are no whole numbers")
    total = counts.sum(axis=1, keepdims=True)
    if not total.all():
        raise DataError(f"{int((total == 0).sum())} cells have no counts; leave them out first")
    return np.log1p(counts / total * TARGET_SUM)


def effects(
    perturbed: np.ndarray,
    control: np.ndarray,
    perturbed_strata: np.ndarray | None = None,
    control_strata: np.ndarray | None = None,
) -> Effects:
    r"""Return differences of means, made inside strata (days, replicates) and averaged.

    .. math:: d = \sum_s w_s (\bar x_{1s} - \bar x_{0s}),\quad
              SE^2 = \sum_s w_s^2 \left(\frac{v_{1s}}{n_{1s}} + \frac{v_{0s}}{n_{0s}}\right)

    with :math:`w_s` the share of the perturbed cells that lie in stratum s; t with Welch's and
    Satterthwaite's degrees of freedom. With one stratum it is Welch's test.

    Parameters
    ----------
    perturbed, control
        (cells, genes) log-normalised values.
    perturbed_strata, control_strata
        Their strata; strata with fewer than 2 cells of either group are left out.

    Raises
    ------
    DataError
        If no stratum has 2 cells of both groups.
    """
    ones = [np.zeros(len(part), int) for part in (perturbed, control)]
    strata = ones if perturbed_strata is None else [perturbed_strata, control_strata]
    parts = []
    for name in np.unique(strata[0]):
        groups = [part[at == name] for part, at in zip((perturbed, control), strata, strict=True)]
        if min(len(group) for group in groups) >= 2:
            parts.append(groups)
    if not parts:
        raise DataError("no stratum holds 2 perturbed cells and 2 control cells")
    total = sum(len(groups[0]) for groups in parts)
    difference, terms, sizes = 0.0, [], []
    for groups in parts:
        weight = len(groups[0]) / total
        difference = difference + weight * (groups[0].mean(axis=0) - groups[1].mean(axis=0))
        for group in groups:
            terms.append(weight**2 * group.var(axis=0, ddof=1) / len(group))
            sizes.append(len(group) - 1)
    terms = np.stack(terms)
    variance = terms.sum(axis=0)
    varies = variance > 0
    fourth = (terms**2 / np.array(sizes)[:, None]).sum(axis=0)
    df = variance**2 / np.where(varies, fourth, 1)
    t = difference / np.sqrt(np.where(varies, variance, np.inf))
    p = np.where(varies, 2 * stats.t.sf(np.abs(t), np.where(varies, df, 1)), 1.0)
    return Effects(np.asarray(difference), np.sqrt(variance), p)


def by_threshold(found: Effects, least: float = 0.5, level: float = 0.05) -> np.ndarray:
    """Return responders by the published rule: BH q below `level` and a difference above `least`.

    A2's protocol: Welch's t test per gene, BH inside the perturbation, absolute difference of mean
    log1p expression above 0.5.
    """
    return (fdrcorrection(found.p)[1] < level) & (np.abs(found.difference) > least)


def by_false_sign_rate(found: Effects, level: float = 0.05) -> np.ndarray:
    r"""Return responders whose local false sign rate is below `level`, whatever their difference.

    Effects in standard errors are taken as draws from a mixture of zero and normal distributions
    of growing width, fitted by EM with a prior that favours zero (adaptive shrinkage, Stephens
    2017, Biostatistics 18:275, with effects exchangeable on the scale of z); the rate is the
    posterior probability that the sign is not the one seen. z comes from the t test's p, which
    keeps the few cells of rare genes in view.
    """
    z = np.sign(found.difference) * stats.norm.isf(np.maximum(found.p, 1e-300) / 2)
    return false_sign_rates(z) < level


WIDTHS = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
"""Standard deviations of the mixture's parts, in standard errors; the first is a point at zero."""


def false_sign_rates(z: np.ndarray, steps: int = 200, favoured: float = 10.0) -> np.ndarray:
    """Return local false sign rates of z scores; see `by_false_sign_rate`.

    Parameters
    ----------
    z
        (genes,) finite z scores.
    steps
        Steps of EM.
    favoured
        Weight of the prior on zero, in pseudo-counts (Stephens' null-biased choice).

    Examples
    --------
    >>> false_sign_rates(np.array([0.1, -0.2, 0.4, 0.3, 9.0])).round(2)
    array([0.99, 0.99, 0.99, 0.99, 0.  ])
    """
    share = _posterior(z, steps, favoured)
    # Inside a normal part the sign is wrong with the posterior mass beyond zero.
    kept = np.abs(np.asarray(z, float)[:, None]) * WIDTHS / np.sqrt(1 + WIDTHS**2)
    wrong = np.where(WIDTHS == 0, 1.0, stats.norm.sf(kept))
    return (share * wrong).sum(axis=1)


def shrunken(z: np.ndarray, steps: int = 200, favoured: float = 10.0) -> np.ndarray:
    r"""Return posterior means of effects in standard errors, by the mixture of `false_sign_rates`.

    .. math:: E(\theta \mid z) = z \sum_k w_k(z) \frac{\sigma_k^2}{1 + \sigma_k^2}

    Examples
    --------
    >>> shrunken(np.array([0.1, 0.2, 0.4, 0.3, 9.0])).round(1)
    array([0. , 0. , 0. , 0. , 8.9])
    """
    share = _posterior(z, steps, favoured)
    return np.asarray(z, float) * (share * WIDTHS**2 / (1 + WIDTHS**2)).sum(axis=1)


def _posterior(z: np.ndarray, steps: int, favoured: float) -> np.ndarray:
    """Return the posterior weights (genes, parts) of the mixture, fitted by EM."""
    z = np.asarray(z, dtype=np.float64)[:, None]
    likelihood = stats.norm.pdf(z, scale=np.sqrt(1 + WIDTHS**2))
    likelihood /= likelihood.max(axis=1, keepdims=True)
    prior = np.where(WIDTHS == 0, favoured, 1.0)
    weight = prior / prior.sum()
    for _ in range(steps):
        weight = weight * (likelihood.T @ (1 / (likelihood @ weight))) + prior - 1
        weight /= weight.sum()
    share = likelihood * weight
    return share / share.sum(axis=1, keepdims=True)


def thinned(
    counts: np.ndarray, targets: np.ndarray, kept: float, rng: np.random.Generator
) -> np.ndarray:
    """Return counts in which each molecule of the targets stays with probability `kept`.

    Parameters
    ----------
    counts
        (cells, genes) whole counts.
    targets
        Columns.
    kept
        Fold change, 0 to 1.
    """
    if not 0 <= kept <= 1:
        raise ParameterError(f"kept is {kept}; a share between 0 and 1 is expected")
    changed = np.array(counts)
    changed[:, targets] = rng.binomial(changed[:, targets].astype(np.int64), kept)
    return changed


def pseudo_cells(
    source: np.ndarray,
    n_cells: int,
    n_targets: int,
    rng: np.random.Generator,
    kept: float = 0.5,
    allowed: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return counts of a perturbation that changes genes drawn at random, and these genes.

    Parameters
    ----------
    source
        (cells, genes) counts of control cells that effects are not compared with; drawn with
        replacement only where there are fewer than `n_cells`.
    n_cells, n_targets
        Cells of the pseudo-perturbation, and genes that it changes.
    rng, kept, allowed
        Source of randomness, fold change, and columns that may be targets (all by default).
    """
    columns = np.arange(source.shape[1]) if allowed is None else np.asarray(allowed)
    if n_targets > columns.size:
        raise ParameterError(f"{n_targets} targets among {columns.size} genes")
    targets = rng.choice(columns, n_targets, replace=False)
    # Drawn twice, a cell adds the noise of `source` to that of the sample.
    drawn = rng.choice(len(source), n_cells, replace=n_cells > len(source))
    cells = thinned(source[drawn], targets, kept, rng)
    return cells[cells.sum(axis=1) > 0], targets
