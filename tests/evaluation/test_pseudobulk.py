"""Changes of summed counts, against a closed form and simulation."""

import numpy as np
import pytest
from scipy import stats

from helpers.errors import DataError
from helpers.evaluation.pseudobulk import bulk_effects, by_shrunken_change


def cells(rng, means, n, theta=2.0):
    size = np.exp(rng.normal(0, 0.3, n))[:, None]
    return rng.poisson(size * means * rng.gamma(theta, 1 / theta, (n, len(means))))


def test_with_equal_totals_it_is_the_delta_method_on_means():
    rng = np.random.default_rng(0)
    one, two = rng.negative_binomial(2, 0.1, (2, 60, 5)).astype(float)
    rest = 1000 - one.sum(axis=1, keepdims=True), 1000 - two.sum(axis=1, keepdims=True)
    one, two = np.hstack([one, rest[0]]), np.hstack([two, rest[1]])
    found = bulk_effects(one, two)
    expected = np.log((one.sum(0) + 0.5) / (two.sum(0) + 0.5))
    np.testing.assert_allclose(found.difference, expected, rtol=1e-12)
    spread = sum(x.var(0, ddof=1) / len(x) / x.mean(0) ** 2 for x in (one, two))
    np.testing.assert_allclose(found.se[:5] ** 2, spread[:5], rtol=0.02)
    np.testing.assert_allclose(found.p, 2 * stats.norm.sf(abs(found.difference) / found.se))


def test_without_a_change_p_holds_the_level_and_hardly_a_gene_is_called():
    rng = np.random.default_rng(1)
    means = np.exp(rng.normal(-0.5, 1, 2000))
    found = bulk_effects(cells(rng, means, 100), cells(rng, means, 400))
    assert 0.03 < (found.p < 0.05).mean() < 0.07
    assert by_shrunken_change(found).mean() < 0.002


def test_halved_genes_are_found_and_small_changes_are_not_called():
    rng = np.random.default_rng(2)
    means = np.exp(rng.normal(0, 1, 400))
    factor = np.repeat([0.5, 0.9, 1.0], [40, 40, 320])
    found = bulk_effects(cells(rng, means * factor, 400), cells(rng, means, 2000))
    called = by_shrunken_change(found)
    assert called[:40].mean() > 0.6 and called[80:].mean() < 0.02 and called[40:80].mean() < 0.1


def test_strata_take_out_what_differs_between_days_and_empty_genes_stay_quiet():
    rng = np.random.default_rng(3)
    means = np.full(30, 5.0)
    means[0] = 0
    other = means * np.r_[1, np.repeat([1.0, 4.0], [15, 14])]
    two = np.vstack([cells(rng, means, 200), cells(rng, other, 200)])
    one = np.vstack([cells(rng, means, 90), cells(rng, other, 10)])
    day = np.repeat([0, 1], [200, 200]), np.repeat([0, 1], [90, 10])
    within = bulk_effects(one, two, day[1], day[0])
    pooled = bulk_effects(one, two)
    within_mean, pooled_mean = (np.abs(one.difference[1:]).mean() for one in (within, pooled))
    assert within_mean < 0.15 < 0.25 < pooled_mean
    assert not by_shrunken_change(within)[0]


def test_strata_without_cells_of_both_are_refused():
    with pytest.raises(DataError, match="no stratum"):
        bulk_effects(np.ones((2, 3)), np.ones((2, 3)), np.array([0, 0]), np.array([1, 1]))
