"""Two-way standard errors: against explicit loops, DeLong, one-way clusters and the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.auroc import presort
from helpers.statistics.clusters import cluster_tables
from helpers.statistics.crossed import crossed_auroc, smallest_effect


def grid(seed: int, n_rows: int = 8, n_columns: int = 12, k: int = 2, ties: int = 1):
    """Scores (k, n) with row and column effects and ties, labels, rows, columns."""
    rng = np.random.default_rng(seed)
    rows, columns = np.divmod(np.arange(n_rows * n_columns), n_columns)
    labels = rng.random(rows.size) < 0.25
    labels[:2] = True, False
    effects = rng.normal(size=(k, n_rows))[:, rows] + rng.normal(size=(k, n_columns))[:, columns]
    scores = np.round(effects + rng.normal(size=(k, rows.size)) + 0.4 * labels, ties)
    return scores, labels, rows, columns


def pigeonhole_draws(scores, labels, rows, columns, rng, n_boot):
    """Bootstrap draws that resample rows and columns independently (Owen 2007)."""
    weights = np.ones((n_boot, labels.size))
    for unit in (rows, columns):
        names, codes = np.unique(unit, return_inverse=True)
        drawn = rng.multinomial(names.size, np.full(names.size, 1 / names.size), size=n_boot)
        weights *= drawn[:, codes]
    return presort(scores, labels).weighted(weights)


def wins(a: float, b: float) -> float:
    return float(a > b) + 0.5 * float(a == b)


def loops(score, labels, rows, columns) -> tuple[float, np.ndarray]:
    """AUROC and influence of every pair, from all comparisons of a positive with a negative."""
    plus, minus = np.flatnonzero(labels), np.flatnonzero(~labels)
    auroc = np.mean([wins(score[p], score[m]) for p in plus for m in minus])
    psi = np.empty(score.size)
    for p in plus:
        psi[p] = (np.mean([wins(score[p], score[m]) for m in minus]) - auroc) / plus.size
    for m in minus:
        psi[m] = (np.mean([wins(score[p], score[m]) for p in plus]) - auroc) / minus.size
    return auroc, psi


def without_each(score, labels, names):
    """AUROC without each unit minus AUROC, by leaving its pairs out, times sqrt((n - 1) / n)."""
    units = np.unique(names)
    auroc = roc_auc_score(labels, score)
    change = [roc_auc_score(labels[names != u], score[names != u]) - auroc for u in units]
    return np.array(change) * np.sqrt((units.size - 1) / units.size)


def loop_variance(score, labels, rows, columns) -> tuple[float, float]:
    """Variance of an AUROC and its degrees of freedom, from explicit loops over units and pairs."""
    row, column = (without_each(score, labels, names) for names in (rows, columns))
    by_pair = (loops(score, labels, rows, columns)[1] ** 2).sum()
    roles = 0.0
    for i, a in enumerate(np.unique(rows)):
        for j, b in enumerate(np.unique(columns)):
            roles += 2 * row[i] * column[j] * (a == b)
    by_row, by_column = (row**2).sum(), (column**2).sum()
    two_way = by_row + by_column - by_pair
    df = [3 * (c**2).sum() ** 2 / (c**4).sum() for c in (row, column)]
    for names in (rows, columns):
        shares = [np.mean(names[labels] == one) for one in np.unique(names)]
        df.append(1 / np.sum(np.square(shares)) - 1)
    return max(by_row, by_column, two_way, two_way + roles), max(1.0, min(df))


@pytest.mark.parametrize("shared_names", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equals_loops_over_units_and_pairs(seed, shared_names):
    scores, labels, rows, columns = grid(seed)
    keep = np.random.default_rng(seed).random(labels.size) < 0.8  # an incomplete universe
    scores, labels, rows, columns = scores[:, keep], labels[keep], rows[keep], columns[keep]
    if shared_names:  # genes 3 to 10 are rows, 0 to 11 columns
        rows = rows + 3
    else:
        columns = columns + 100
    found = crossed_auroc(scores, labels, rows, columns)
    for k, score in enumerate(scores):
        auroc, psi = loops(score, labels, rows, columns)
        assert found.auroc[k] == pytest.approx(auroc, abs=1e-12)
        assert found.auroc[k] == pytest.approx(roc_auc_score(labels, score), abs=1e-12)
        assert found.without_row[k] == pytest.approx(without_each(score, labels, rows), abs=1e-12)
        expected = without_each(score, labels, columns)
        assert found.without_column[k] == pytest.approx(expected, abs=1e-12)
        assert found.by_pair[k, k] == pytest.approx((psi**2).sum(), abs=1e-14)
        variance, df = loop_variance(score, labels, rows, columns)
        assert found.contrasts[k].se ** 2 == pytest.approx(variance, abs=1e-14)
        assert found.contrasts[k].df == pytest.approx(df)


def test_a_difference_is_made_of_the_differences_of_the_changes():
    scores, labels, rows, columns = grid(3)
    found = crossed_auroc(scores, labels, rows, columns + 100)
    contrast = found.contrast(np.array([1.0, -1.0]))
    both = [np.stack([without_each(s, labels, n) for s in scores]) for n in (rows, columns)]
    row, column = (part[0] - part[1] for part in both)
    psi = np.stack([loops(s, labels, rows, columns)[1] for s in scores])
    parts = (row**2).sum(), (column**2).sum(), ((psi[0] - psi[1]) ** 2).sum()
    expected = max(parts[0], parts[1], parts[0] + parts[1] - parts[2])
    assert contrast.se**2 == pytest.approx(expected, abs=1e-14)
    assert contrast.value == pytest.approx(found.auroc[0] - found.auroc[1])


def errors(found) -> np.ndarray:
    return np.array([one.se for one in found.contrasts])


@given(st.integers(0, 10_000))
def test_ranks_and_names_alone_matter(seed):
    scores, labels, rows, columns = grid(seed)
    found = crossed_auroc(scores, labels, rows, columns)
    rng = np.random.default_rng(seed)
    order = rng.permutation(labels.size)
    names = np.array([f"gene{i}" for i in rng.permutation(12)])
    again = crossed_auroc(
        np.exp(scores[:, order] / 3), labels[order], names[rows[order]], names[columns[order]]
    )
    assert again.auroc == pytest.approx(found.auroc, abs=1e-12)
    assert errors(again) == pytest.approx(errors(found), abs=1e-12)
    assert again.covariance == pytest.approx(found.covariance, abs=1e-12)
    # Rows and columns play the same part, and a reversed score has the reversed AUROC.
    turned = crossed_auroc(-scores, labels, columns, rows)
    assert turned.auroc == pytest.approx(1 - found.auroc, abs=1e-12)
    assert errors(turned) == pytest.approx(errors(found), abs=1e-12)


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_covariance_is_symmetric_and_positive(seed, k):
    found = crossed_auroc(*grid(seed, k=k))
    assert found.covariance == pytest.approx(found.covariance.T, abs=1e-14)
    assert np.linalg.eigvalsh(found.covariance).min() > -1e-12
    for row, column, one in zip(
        found.without_row, found.without_column, found.contrasts, strict=True
    ):
        assert one.se**2 >= max((row**2).sum(), (column**2).sum()) - 1e-15
        assert 1 <= one.df <= found.n_units - 1


def delong_parts(score, labels):
    """DeLong's structural components, by the comparisons of their definition."""
    plus, minus = score[labels], score[~labels]
    psi = (plus[:, None] > minus) + 0.5 * (plus[:, None] == minus)
    return psi.mean(axis=1), psi.mean(axis=0)


def test_pairs_that_share_nothing_give_delong():
    scores, labels, *_ = grid(3)
    n, plus = labels.size, int(labels.sum())
    found = crossed_auroc(scores, labels, np.arange(n), n + np.arange(n))
    minus = n - plus
    v10, v01 = zip(*(delong_parts(one, labels) for one in scores), strict=True)
    a, b = np.cov(v10, ddof=1) / plus, np.cov(v01, ddof=1) / minus  # DeLong's two parts
    left_out = (n - 1) / n * (a * plus / (plus - 1) + b * minus / (minus - 1))
    of_pairs = a * (plus - 1) / plus + b * (minus - 1) / minus
    assert found.covariance == pytest.approx(2 * left_out - of_pairs, rel=1e-9)
    assert errors(found) == pytest.approx(np.sqrt(np.diag(a + b)), rel=0.05)


def test_one_column_per_pair_gives_clusters_of_rows():
    scores, labels, rows, _ = grid(4)
    found = crossed_auroc(scores, labels, rows, 100 + np.arange(labels.size))
    for k, table in enumerate(cluster_tables(scores, labels, rows)):
        expected = (table.leave_one_out() - table.auroc()) * np.sqrt(7 / 8)
        assert found.without_row[k] == pytest.approx(expected, abs=1e-12)
        assert errors(found)[k] ** 2 >= (expected**2).sum() - 1e-15


def test_a_single_row_leaves_the_columns():
    scores, labels, _, columns = grid(5, n_rows=1, n_columns=60)
    found = crossed_auroc(scores, labels, np.full(60, 99), columns)
    assert errors(found) ** 2 == pytest.approx((found.without_column**2).sum(axis=1), rel=1e-12)
    assert isinstance(found.difference(np.array([1.0, -1.0])), NotEstimable)
    assert "1 TFs" in found.too_few().reason


def test_a_unit_with_all_positives_changes_the_auroc_by_its_influence():
    scores, labels, rows, columns = grid(6)
    labels = (columns == 3) & (rows % 2 == 0)
    found = crossed_auroc(scores, labels, rows, columns)
    psi = loops(scores[0], labels, rows, columns)[1]
    expected = -psi[columns == 3].sum() * np.sqrt(11 / 12)
    assert found.without_column[0, 3] == pytest.approx(expected, abs=1e-12)


def test_the_bootstrap_of_rows_and_columns_agrees():
    scores, labels, rows, columns = grid(6, 30, 40, ties=3)
    columns = columns + 100
    found = crossed_auroc(scores, labels, rows, columns)
    draws = pigeonhole_draws(scores, labels, rows, columns, np.random.default_rng(0), 600)
    assert draws.mean(axis=0) == pytest.approx(found.auroc, abs=0.01)
    # Owen 2007: products of counts add the pair part where the closed form takes it away.
    parts = (found.without_row**2).sum(axis=1) + (found.without_column**2).sum(axis=1)
    wide = np.sqrt(parts + np.diag(found.by_pair))
    assert draws.std(axis=0) == pytest.approx(wide, rel=0.12)
    assert (draws.std(axis=0) > errors(found)).all()


def crossed_world(rng, difference=0.0, n_rows=25, n_columns=60):
    """Two scores whose row and column effects are those of hubs, with a planted difference."""
    rows, columns = np.divmod(np.arange(n_rows * n_columns), n_columns)
    hub = 4 * rng.pareto(2.5, n_columns)[columns] + rng.pareto(2.5, n_rows)[rows]
    labels = rng.random(rows.size) < 0.1 * (1 + hub) / (1 + hub).mean()
    score = rng.normal(size=n_columns)[columns] + rng.normal(size=n_rows)[rows]
    own = 2 * rng.normal(size=(2, n_columns))[:, columns] + rng.normal(size=(2, rows.size))
    first, second = score + own
    return np.stack([first + difference * labels, second]), labels, rows, columns


def test_level_coverage_and_power_where_columns_matter():
    rng = np.random.default_rng(8)
    rejected, one_way, covered, found_planted = [], [], [], []
    for _ in range(300):
        scores, labels, rows, columns = crossed_world(rng)
        found = crossed_auroc(scores, labels, rows, columns)
        outcome = found.difference(np.array([1.0, -1.0]))
        rejected.append(outcome.p <= 0.05)
        row = found.without_row[0] - found.without_row[1]
        z = outcome.estimate / np.sqrt((row**2).sum())
        one_way.append(2 * stats.norm.sf(abs(z)) <= 0.05)
        low, high = found.contrast(np.array([1.0, 0.0])).interval()
        covered.append(low <= 0.5 <= high)
        planted = crossed_auroc(*crossed_world(rng, 1.5))
        found_planted.append(planted.difference(np.array([1.0, -1.0])).p <= 0.05)
    assert np.mean(rejected) <= stats.binom.ppf(0.999, 300, 0.05) / 300
    assert np.mean(covered) >= 0.91
    assert np.mean(one_way) > 0.25  # what resampling TFs alone would have called
    assert np.mean(found_planted) > 0.8


def test_equivalence_at_the_margin_and_at_the_centre():
    scores, labels, rows, columns = grid(9, 40, 50, k=1, ties=3)
    found = crossed_auroc(scores, labels, rows, columns)
    se, value, df = found.contrasts[0].se, found.auroc[0], found.contrasts[0].df
    at_margin = found.equivalent(value - 4 * se, 4 * se)
    assert at_margin.p == pytest.approx(0.5)  # the estimate lies on the margin itself
    centre = found.equivalent(value, 4 * se)
    assert centre.p == pytest.approx(stats.t.sf(4, df))
    assert centre.low == pytest.approx(value - stats.t.ppf(0.95, df) * se)
    again = found.equivalent(value, centre.detail["mde"])
    assert again.detail["power_at_centre"] == pytest.approx(0.8)


def test_smallest_effect_has_the_power_it_says():
    effect = smallest_effect(1.0, df=12, level=0.95, sides="one")
    critical = stats.t.ppf(0.95, 12)
    assert stats.t.sf(critical - effect, 12) == pytest.approx(0.8)


def test_bad_input_is_named():
    scores, labels, rows, columns = grid(10)
    with pytest.raises(ParameterError, match="stands twice"):
        crossed_auroc(scores, labels, rows, np.zeros(rows.size))
    with pytest.raises(ParameterError, match="NaN"):
        crossed_auroc(np.where(labels, np.nan, scores), labels, rows, columns)
    assert isinstance(crossed_auroc(scores, labels & False, rows, columns), NotEstimable)
    alike = crossed_auroc(np.stack([scores[0], 2 * scores[0]]), labels, rows, columns)
    assert "rank the pairs alike" in alike.difference(np.array([1.0, -1.0])).reason
    constant = crossed_auroc(np.zeros(labels.size), labels, rows, columns)
    assert constant.auroc[0] == 0.5 and isinstance(constant.equivalent(0.5, 0.05), NotEstimable)
