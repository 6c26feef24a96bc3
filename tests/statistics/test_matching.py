"""Nearest controls, against scipy's Mahalanobis distances."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.matching import nearest_controls, whitened


def drawn(seed=0, n=300, d=4):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 5
    return x, rng.random(n) < 0.1


def test_controls_are_the_nearest_in_mahalanobis_distance():
    x, case = drawn()
    found, distances = nearest_controls(x, case, 7)
    away = cdist(x[case], x[~case], "mahalanobis", VI=np.linalg.inv(np.cov(x.T)))
    expected = np.argsort(away, axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(found, np.flatnonzero(~case)[expected])
    np.testing.assert_allclose(distances, np.sort(away, axis=1)[:, :7], atol=1e-8)


def test_units_and_mixtures_of_the_coordinates_do_not_matter():
    x, case = drawn(1)
    mixed = x @ np.random.default_rng(2).normal(size=(4, 4)) - 3
    np.testing.assert_array_equal(nearest_controls(x, case)[0], nearest_controls(mixed, case)[0])


def test_ties_go_to_the_first_controls():
    x = np.zeros((50, 2))
    x[:, 0] = np.arange(50) % 2
    case = np.arange(50) >= 48
    found, distances = nearest_controls(x, case, 5)
    np.testing.assert_array_equal(found, [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]])
    assert not distances.any()
    np.testing.assert_array_equal(
        nearest_controls(np.ones((9, 3)), np.arange(9) > 7, 2)[0], [[0, 1]]
    )


def test_constant_and_repeated_columns_are_left_out():
    x, case = drawn(3)
    more = np.column_stack([x, np.ones(len(x)), 2 * x[:, 0]])
    assert whitened(more).shape[1] == 4
    np.testing.assert_array_equal(
        nearest_controls(x, case)[0][:, 0], nearest_controls(more, case)[0][:, 0]
    )


def test_too_few_controls_and_missing_coordinates():
    x, _ = drawn()
    assert isinstance(nearest_controls(x, np.arange(300) > 4), NotEstimable)
    assert isinstance(nearest_controls(x, np.zeros(300, bool)), NotEstimable)
    x[0, 0] = np.nan
    with pytest.raises(ParameterError, match="finite"):
        nearest_controls(x, np.arange(300) < 4)
