"""Natural cubic splines, against scipy's interpolant with natural ends."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from helpers.errors import ParameterError
from helpers.statistics.splines import KNOTS, natural_cubic

X = np.random.default_rng(0).normal(size=200)


def rest_of(curve, values=X):
    """Largest distance of a curve from the span of a constant and the basis."""
    design = np.column_stack([np.ones(values.size), natural_cubic(values)])
    return np.abs(curve - design @ np.linalg.lstsq(design, curve, rcond=None)[0]).max()


@pytest.mark.parametrize("knot", range(4))
def test_the_span_holds_every_natural_spline_of_the_knots(knot):
    places = np.quantile(X, KNOTS)
    spline = CubicSpline(places, np.eye(4)[knot], bc_type="natural")
    inside = (places[0] <= X) & (places[-1] >= X)
    curve = np.where(inside, spline(X), 0.0)
    for place, beyond in ((places[0], places[0] > X), (places[-1], places[-1] < X)):
        curve[beyond] = spline(place) + spline(place, 1) * (X[beyond] - place)
    assert rest_of(curve) < 1e-10
    assert natural_cubic(X).shape == (200, 3)


def test_a_step_is_not_in_the_span_and_a_cube_is_not_either():
    assert rest_of((X > 0.5).astype(float)) > 0.1
    assert rest_of(X**3) > 0.1


def test_scale_and_shift_leave_the_span():
    curve = natural_cubic(5 * X - 3)[:, 1]
    assert rest_of(curve) < 1e-10


def test_ties_at_the_knots_leave_the_values():
    np.testing.assert_array_equal(natural_cubic(np.array([0.0] * 30 + [1.0])).ravel()[-1], 1.0)
    assert natural_cubic(np.zeros(10)).shape == (10, 1)


def test_bad_values_and_quantiles_are_refused():
    with pytest.raises(ParameterError, match="finite"):
        natural_cubic(np.array([0.0, np.nan]))
    with pytest.raises(ParameterError, match="increasing"):
        natural_cubic(X, (0.5, 0.1, 0.9))
