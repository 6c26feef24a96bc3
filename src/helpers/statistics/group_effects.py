"""Mean differences between groups of cells and their controls, within strata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from helpers.errors import DataError

MIN_CELLS = 5


@dataclass(frozen=True)
class GroupEffects:
    """What each group differs by from the control cells.

    Parameters
    ----------
    names
        (k,) groups.
    difference, se, p
        (k, genes) weighted mean of the differences within strata, its standard error, and the
        two-sided p of Welch's t (nan where neither side varies).
    """

    names: np.ndarray
    difference: np.ndarray
    se: np.ndarray
    p: np.ndarray


def group_effects(
    values: np.ndarray, group: np.ndarray, control: str, strata: np.ndarray
) -> GroupEffects:
    r"""Compare every group with the controls of the same strata, such as days or replicates.

    .. math:: d = \frac{\sum_s w_s d_s}{\sum_s w_s},\quad w_s=\frac{n_s m_s}{n_s+m_s},\quad
              se^2 = \frac{\sum_s w_s^2 (v_s/n_s + u_s/m_s)}{(\sum_s w_s)^2}

    with n, m cells and v, u variances of group and controls in stratum s.

    Parameters
    ----------
    values
        (cells, genes), such as log-normalised counts.
    group, strata
        (cells,) group and stratum of each cell.
    control
        Name of the control group. Its cells serve every group, so the effects of all groups on one
        gene are dependent.

    Raises
    ------
    DataError
        If there are no control cells, or no group has 5 cells in a stratum where controls have 5.
    """
    group, strata = np.asarray(group).astype(str), np.asarray(strata).astype(str)
    if not (group == control).any():
        raise DataError(f"no cell is of the control group {control!r}; {np.unique(group)[:5]}")
    levels = np.unique(strata)
    baseline = {s: _moments(values[(group == control) & (strata == s)]) for s in levels}
    found = {}
    for name in np.setdiff1d(group, [control]):
        parts = [(_moments(values[(group == name) & (strata == s)]), baseline[s]) for s in levels]
        used = [(a, b) for a, b in parts if min(a[0], b[0]) >= MIN_CELLS]
        if used:
            found[name] = _combined(used)
    if not found:
        raise DataError(f"no group has {MIN_CELLS} cells beside {MIN_CELLS} controls of a stratum")
    return GroupEffects(np.array(list(found)), *np.stack(list(found.values()), axis=1))


def _moments(values: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    if len(values) < MIN_CELLS:
        return len(values), np.empty(0), np.empty(0)
    return len(values), values.mean(axis=0), values.var(axis=0, ddof=1)


def _combined(used: list) -> np.ndarray:
    weight = np.array([a[0] * b[0] / (a[0] + b[0]) for a, b in used])
    weight = weight / weight.sum()
    difference = sum(w * (a[1] - b[1]) for w, (a, b) in zip(weight, used, strict=True))
    terms = [(w**2 * m[2] / m[0], m[0] - 1) for w, ab in zip(weight, used, strict=True) for m in ab]
    variance = sum(term for term, _ in terms)
    with np.errstate(invalid="ignore", divide="ignore"):
        df = variance**2 / sum(term**2 / df for term, df in terms)
        p = 2 * stats.t.sf(np.abs(difference) / np.sqrt(variance), df)
    return np.stack([difference, np.sqrt(variance), p])
