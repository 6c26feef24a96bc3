"""False findings among the largest means: a closed form, and drawing as a second route."""

import numpy as np
import pytest

from helpers.errors import ParameterError
from helpers.statistics.from_summaries import normal_noncoverage
from helpers.statistics.selected_hits import drawn_selected_hits, expected_selected_hits


def drawn(sd, n, k, draws, rng):
    mean = rng.normal(size=(draws, len(sd))) * sd / np.sqrt(n)
    se = sd * np.sqrt(rng.chisquare(n - 1, size=mean.shape) / (n - 1) / n)
    largest = np.argsort(-np.abs(mean), axis=1, kind="stable")[:, :k]
    return np.take_along_axis(np.abs(mean) > 1.959964 * se, largest, axis=1).sum(1)


def test_without_selection_it_is_the_sum_of_the_noncoverages():
    sd, n = np.array([1.0, 3.0, 0.2, 1.0]), np.array([2.0, 5.0, 12.0, 40.0])
    expected = float(normal_noncoverage(n).sum())
    assert expected_selected_hits(sd, n, 4) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("cells", "k"), [(2, 3), (12, 10)])
def test_integration_and_drawing_agree(cells, k):
    rng = np.random.default_rng(cells)
    sd, n = rng.lognormal(sigma=0.7, size=14), np.full(14, float(cells))
    found = drawn(sd, n, k, 40_000, rng)
    error = found.std() / np.sqrt(found.size)
    assert expected_selected_hits(sd, n, k) == pytest.approx(found.mean(), abs=4 * error)


def test_selection_by_size_raises_the_share_of_findings_but_not_their_number():
    sd, n = np.ones(12), np.full(12, 5.0)
    ten, all_twelve = expected_selected_hits(sd, n, 10), expected_selected_hits(sd, n, 12)
    assert ten < all_twelve
    assert ten / 10 > all_twelve / 12


@pytest.mark.parametrize("k", [0, 4])
def test_a_selection_that_cannot_be_is_refused(k):
    with pytest.raises(ParameterError, match="between 1 and N = 3"):
        expected_selected_hits(np.ones(3), np.full(3, 4.0), k)


def test_one_cell_is_refused():
    with pytest.raises(ParameterError, match="one cell"):
        expected_selected_hits(np.ones(3), np.ones(3), 2)


def test_the_drawn_counterpart_agrees_among_the_largest_and_over_all():
    rng = np.random.default_rng(9)
    sd, n = rng.lognormal(sigma=0.7, size=12), np.repeat([3.0, 9.0], 6)
    selected, everywhere = drawn_selected_hits(sd, n, 5, 20_000, rng)
    assert selected == pytest.approx(expected_selected_hits(sd, n, 5), abs=0.03)
    assert everywhere == pytest.approx(normal_noncoverage(n).sum(), abs=0.03)
