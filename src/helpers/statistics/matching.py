"""Nearest controls of every case in Mahalanobis distance, ties broken by position."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable

SPARE = 10
DECIMALS = 9


def whitened(coordinates: np.ndarray) -> np.ndarray:
    """Return coordinates in which Euclidean distance is the Mahalanobis distance of the given ones.

    Directions without variance, such as a constant column, are left out.

    Parameters
    ----------
    coordinates
        (n, d) finite values.

    Returns
    -------
    ndarray
        (n, r), r = rank of the covariance.
    """
    coordinates = np.asarray(coordinates, dtype=np.float64)
    if coordinates.ndim != 2 or not np.isfinite(coordinates).all():
        raise ParameterError("a table (n, d) of finite coordinates is expected")
    centred = coordinates - coordinates.mean(axis=0)
    spread = centred.std(axis=0)
    varies = spread > 1e-12
    scaled = centred[:, varies] / spread[varies]
    if not varies.any():
        return np.zeros((len(coordinates), 0))
    sizes, vectors = np.linalg.eigh(np.atleast_2d(np.cov(scaled.T)))
    kept = sizes > 1e-9 * sizes.max()
    return scaled @ (vectors[:, kept] / np.sqrt(sizes[kept]))


def nearest_controls(
    coordinates: np.ndarray, case: np.ndarray, k: int = 10
) -> tuple[np.ndarray, np.ndarray] | NotEstimable:
    r"""Return, for every case, its k nearest controls, with replacement between cases.

    .. math:: D_{pn}^2 = (x_p - x_n)^\top S^{-1} (x_p - x_n)

    with S the covariance of the coordinates over cases and controls.

    Parameters
    ----------
    coordinates
        (n, d) finite values.
    case
        (n,) booleans.
    k
        Controls per case.

    Returns
    -------
    (controls, distances) or NotEstimable
        (P, k) positions, nearest first, and their distances. Equal distances (to 9 decimals) are
        taken in the order of position, so that the choice is the same on every machine.

    References
    ----------
    Rubin DB (1980), Biometrics 36:293-298.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0], [1.0], [3.0], [0.9]])
    >>> nearest_controls(x, np.array([True, False, False, False]), 2)[0]
    array([[3, 1]])
    """
    case = np.asarray(case, dtype=bool)
    controls = np.flatnonzero(~case)
    if not case.any() or controls.size < k:
        return NotEstimable(
            f"{int(case.sum())} cases and {controls.size} controls; {k} of these needed"
        )
    places = whitened(coordinates)
    others, own = places[controls], places[case]
    if places.shape[1] == 0:
        return np.tile(controls[:k], (len(own), 1)), np.zeros((len(own), k))
    asked = min(k + SPARE, controls.size)
    away, near = cKDTree(others).query(own, asked)
    away = np.round(away, DECIMALS)
    order = np.lexsort((near, away), axis=1)
    away, near = (np.take_along_axis(part, order, axis=1) for part in (away, near))
    cut = (away[:, -1] <= away[:, k - 1]) & (asked < controls.size)
    for row in np.flatnonzero(cut):  # more ties than spares: look at all controls
        all_away = np.round(np.sqrt(((others - own[row]) ** 2).sum(axis=1)), DECIMALS)
        near[row, :k] = np.argsort(all_away, kind="stable")[:k]
        away[row, :k] = all_away[near[row, :k]]
    return controls[near[:, :k]], away[:, :k]
