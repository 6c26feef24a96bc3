"""Disattenuated correlation: closed forms, a structural model, and coverage of the interval."""

import numpy as np
import pytest
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.disattenuation import disattenuated_correlation


def profiles(rng, n=144, rho=0.87, reliability=0.9, cells=20, heavy=False):
    """Means over cells of two profiles and their standard errors, the noise independent."""
    z = rng.standard_t(5, (n, 2)) / np.sqrt(5 / 3) if heavy else rng.normal(size=(n, 2))
    truth = z[:, 0], rho * z[:, 0] + np.sqrt(1 - rho**2) * z[:, 1]
    sd = np.sqrt((1 - reliability) / reliability * cells)
    out = []
    for values in truth:
        drawn = values[:, None] + sd * rng.normal(size=(n, cells))
        out += [drawn.mean(axis=1), drawn.std(axis=1, ddof=1) / np.sqrt(cells)]
    return out


def test_without_noise_it_is_pearsons_correlation():
    a, _, b, _ = profiles(np.random.default_rng(0))
    found = disattenuated_correlation(a, 0 * a, b, 0 * b)
    assert found.value == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert found.detail["correlation"] == pytest.approx(found.detail["uncut"])
    assert found.detail["reliability_first"] == pytest.approx(1)


def test_against_the_formula_of_spearman():
    a, sa, b, sb = profiles(np.random.default_rng(1), reliability=0.6)
    reliability = [1 - (s**2).mean() / v.var(ddof=1) for v, s in ((a, sa), (b, sb))]
    expected = np.corrcoef(a, b)[0, 1] / np.sqrt(np.prod(reliability))
    found = disattenuated_correlation(a, sa, b, sb)
    assert found.detail["uncut"] == pytest.approx(expected)
    assert found.detail["reliability_second"] == pytest.approx(reliability[1])


def test_interval_against_explicit_leaving_out():
    a, sa, b, sb = profiles(np.random.default_rng(2), n=40)
    parts = []
    for k in range(40):
        keep = np.arange(40) != k
        v = [np.var(x[keep], ddof=1) - (s[keep] ** 2).mean() for x, s in ((a, sa), (b, sb))]
        parts.append((np.cov(a[keep], b[keep])[0, 1], np.sqrt(np.prod(v))))
    spread = np.cov(np.array(parts).T, ddof=0) * 39
    found = disattenuated_correlation(a, sa, b, sb)
    # Fieller: at a limit r the squared distance C - r S is t^2 times its variance
    t = stats.t.ppf(0.975, 39)
    v = [np.var(x, ddof=1) - (s**2).mean() for x, s in ((a, sa), (b, sb))]
    c, scale, r = np.cov(a, b)[0, 1], np.sqrt(np.prod(v)), found.low
    variance = spread[0, 0] - 2 * r * spread[0, 1] + r**2 * spread[1, 1]
    assert (c - r * scale) ** 2 == pytest.approx(t**2 * variance, rel=1e-6)


def test_scale_shift_and_order_do_not_matter():
    a, sa, b, sb = profiles(np.random.default_rng(3))
    found = disattenuated_correlation(a, sa, b, sb)
    order = np.random.default_rng(4).permutation(a.size)
    again = disattenuated_correlation(
        3 * b[order] - 1, 3 * sb[order], 0.5 * a[order], 0.5 * sa[order]
    )
    assert (again.value, again.low, again.high) == pytest.approx(
        (found.value, found.low, found.high)
    )


def test_noise_alone_and_few_components_have_no_estimate():
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(50):
        a, b = rng.normal(size=(2, 100))
        found = disattenuated_correlation(a, np.ones(100), b, np.ones(100))
        refused += isinstance(found, NotEstimable)
    assert refused >= 48
    few = disattenuated_correlation(*(v[:12] for v in profiles(rng)))
    assert isinstance(few, NotEstimable) and "12 components" in few.reason
    with pytest.raises(ParameterError, match="negative"):
        disattenuated_correlation(a, -np.ones(100), b, np.ones(100))
    with pytest.raises(ParameterError, match="finite"):
        disattenuated_correlation(a, np.ones(99), b, np.ones(100))


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("reliability", [0.9, 0.5, 0.2])
def test_coverage_at_the_values_of_page_24(reliability, heavy):
    rng = np.random.default_rng(int(100 * reliability) + heavy)
    found = [
        disattenuated_correlation(*profiles(rng, reliability=reliability, heavy=heavy))
        for _ in range(300)
    ]
    found = [one for one in found if not isinstance(one, NotEstimable)]
    covered = np.mean([one.low <= 0.87 <= one.high for one in found])
    assert len(found) > 60
    assert covered >= 0.91  # wide where little is known
