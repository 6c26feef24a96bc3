"""Expected share of the largest magnitudes: closed forms, and drawing as a second route."""

import numpy as np
import pytest

from helpers.errors import ParameterError
from helpers.statistics.from_summaries import resample_means, top_share
from helpers.statistics.top_share_law import expected_noise_share, expected_top_share


def exponential(n):
    return lambda x: np.repeat(np.exp(-x)[None], n, axis=0)


@pytest.mark.parametrize(("n", "k"), [(4, 1), (6, 3), (12, 5)])
def test_exponential_magnitudes_in_closed_form(n, k):
    """For exponentials the ratio is independent of the total: k/N (1 + H_N - H_k)."""
    harmonic = [sum(1 / i for i in range(1, m + 1)) for m in (n, k)]
    expected = k / n * (1 + harmonic[0] - harmonic[1])
    assert expected_top_share(exponential(n), 1.0, k) == pytest.approx(expected, abs=1e-3)


def test_the_unit_does_not_matter():
    se, n = np.array([1.0, 2.0, 0.5, 3.0]), np.full(4, 7)
    assert expected_noise_share(1e-4 * se, n, 2) == pytest.approx(expected_noise_share(se, n, 2))


@pytest.mark.parametrize("cells", [2, 6, 12])
def test_integration_and_drawing_agree(cells):
    rng = np.random.default_rng(cells)
    se, n = rng.lognormal(sigma=1.0, size=11), np.full(11, cells)
    drawn = top_share(resample_means(np.zeros(11), se, n, 40_000, rng), 5)
    error = drawn.std() / np.sqrt(drawn.size)
    assert expected_noise_share(se, n, 5) == pytest.approx(drawn.mean(), abs=4 * error + 1e-3)


def test_a_top_set_of_all_is_refused():
    with pytest.raises(ParameterError, match="k = 3"):
        expected_top_share(exponential(3), 1.0, 3)
