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
from helpers.statistics.clusters import cluster_tables, linear_se
from helpers.statistics.crossed import crossed_auroc, pigeonhole_draws, smallest_effect
from helpers.statistics.delong import delong_covariance, placements


def grid(seed: int, n_rows: int = 8, n_columns: int = 12, k: int = 2, ties: int = 1):
    """Scores (k, n) with row and column effects and ties, labels, rows, columns."""
    rng = np.random.default_rng(seed)
    rows, columns = np.divmod(np.arange(n_rows * n_columns), n_columns)
    labels = rng.random(rows.size) < 0.25
    labels[:2] = True, False
    effects = rng.normal(size=(k, n_rows))[:, rows] + rng.normal(size=(k, n_columns))[:, columns]
    scores = np.round(effects + rng.normal(size=(k, rows.size)) + 0.4 * labels, ties)
    return scores, labels, rows, columns


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


def loop_covariance(psi, rows, columns):
    """Row, column and pair parts of the covariance, by explicit double loops over pairs."""
    k, n = psi.shape
    parts = np.zeros((3, k, k))
    for x in range(k):
        for y in range(k):
            for i in range(n):
                for j in range(n):
                    product = psi[x, i] * psi[y, j]
                    parts[0, x, y] += product * (rows[i] == rows[j])
                    parts[1, x, y] += product * (columns[i] == columns[j])
                    parts[2, x, y] += product * (i == j)
    n_rows, n_columns = np.unique(rows).size, np.unique(columns).size
    return parts * np.array([n_rows / (n_rows - 1), n_columns / (n_columns - 1), 1])[:, None, None]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equals_loops_over_pairs_of_pairs(seed):
    scores, labels, rows, columns = grid(seed)
    keep = np.random.default_rng(seed).random(labels.size) < 0.8  # an incomplete universe
    scores, labels, rows, columns = scores[:, keep], labels[keep], rows[keep], columns[keep]
    found = crossed_auroc(scores, labels, rows, columns)
    expected = [loops(one, labels, rows, columns) for one in scores]
    by_row, by_column, by_pair = loop_covariance(np.stack([e[1] for e in expected]), rows, columns)
    assert found.auroc == pytest.approx([e[0] for e in expected], abs=1e-12)
    assert found.auroc == pytest.approx([roc_auc_score(labels, one) for one in scores], abs=1e-12)
    assert found.by_row == pytest.approx(by_row, abs=1e-14)
    assert found.by_column == pytest.approx(by_column, abs=1e-14)
    assert found.by_pair == pytest.approx(by_pair, abs=1e-14)
    raw = np.diag(by_row + by_column - by_pair)
    one_way = np.maximum(np.diag(by_row), np.diag(by_column))
    assert found.se**2 == pytest.approx(np.maximum(raw, one_way), abs=1e-14)
    assert found.df == min(np.unique(rows[labels]).size, np.unique(columns[labels]).size) - 1
    w = np.array([1.0, -1.0])
    parts = [w @ part @ w for part in (by_row, by_column, by_pair)]
    contrast = found.contrast(w)
    assert contrast.value == pytest.approx(expected[0][0] - expected[1][0], abs=1e-12)
    assert contrast.se**2 == pytest.approx(
        max(parts[0], parts[1], parts[0] + parts[1] - parts[2]), abs=1e-14
    )


@given(st.integers(0, 10_000))
def test_ranks_and_names_alone_matter(seed):
    scores, labels, rows, columns = grid(seed)
    found = crossed_auroc(scores, labels, rows, columns)
    rng = np.random.default_rng(seed)
    order = rng.permutation(labels.size)
    row_names = np.array([f"tf{i}" for i in rng.permutation(8)])
    again = crossed_auroc(
        np.exp(scores[:, order] / 3), labels[order], row_names[rows[order]], -columns[order]
    )
    assert again.auroc == pytest.approx(found.auroc, abs=1e-12)
    assert again.se == pytest.approx(found.se, abs=1e-12)
    assert again.covariance == pytest.approx(found.covariance, abs=1e-12)
    # Rows and columns play the same part, and a reversed score has the reversed AUROC.
    turned = crossed_auroc(-scores, labels, columns, rows)
    assert turned.auroc == pytest.approx(1 - found.auroc, abs=1e-12)
    assert turned.se == pytest.approx(found.se, abs=1e-12)


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_covariance_is_symmetric_and_positive(seed, k):
    found = crossed_auroc(*grid(seed, k=k))
    assert found.covariance == pytest.approx(found.covariance.T, abs=1e-14)
    assert np.linalg.eigvalsh(found.covariance).min() > -1e-12
    for one in range(k):
        weights = np.eye(k)[one]
        assert found.contrast(weights).se == pytest.approx(found.se[one], abs=1e-12)
        one_way = max(found.by_row[one, one], found.by_column[one, one])
        assert found.se[one] ** 2 >= one_way - 1e-15


def test_pairs_that_share_nothing_give_delong():
    scores, labels, *_ = grid(3)
    n, plus = labels.size, int(labels.sum())
    found = crossed_auroc(scores, labels, np.arange(n), np.arange(n))
    v10, v01 = zip(*(placements(one, labels) for one in scores), strict=True)
    # DeLong divides by n - 1 in each class, the influences by n, and the two-way sum has n / (n-1).
    moments = np.cov(v10, ddof=0) / plus + np.cov(v01, ddof=0) / (n - plus)
    assert found.covariance == pytest.approx(moments * (n + 1) / (n - 1), rel=1e-9)
    assert found.se == pytest.approx(
        np.sqrt(np.diag(delong_covariance(scores, labels)[1])), rel=0.05
    )


def test_one_column_per_pair_gives_clusters_of_rows():
    scores, labels, rows, _ = grid(4)
    found = crossed_auroc(scores, labels, rows, np.arange(labels.size))
    n = labels.size
    for k, table in enumerate(cluster_tables(scores, labels, rows)):
        one_way = float(linear_se(table.influence())[0])
        assert np.sqrt(found.by_row[k, k]) == pytest.approx(one_way, rel=1e-9)
        assert found.by_column[k, k] == pytest.approx(found.by_pair[k, k] * n / (n - 1), rel=1e-9)


def test_a_single_row_leaves_the_columns():
    scores, labels, _, columns = grid(5, n_rows=1, n_columns=60)
    found = crossed_auroc(scores, labels, np.zeros(60), columns)
    assert found.se**2 == pytest.approx(np.diag(found.by_column), rel=1e-12)
    assert isinstance(found.difference(np.array([1.0, -1.0])), NotEstimable)
    assert "1 TFs" in found.too_few().reason


def test_the_bootstrap_of_rows_and_columns_agrees():
    scores, labels, rows, columns = grid(6, 30, 40, ties=3)
    found = crossed_auroc(scores, labels, rows, columns)
    draws = pigeonhole_draws(scores, labels, rows, columns, np.random.default_rng(0), 600)
    assert draws.mean(axis=0) == pytest.approx(found.auroc, abs=0.01)
    # Owen 2007: products of counts add the pair part where the closed form takes it away.
    wide = np.diag(found.by_row + found.by_column + found.by_pair)
    assert draws.std(axis=0) == pytest.approx(np.sqrt(wide), rel=0.12)
    assert (draws.std(axis=0) > found.se).all()


def test_a_draw_counts_pairs_as_often_as_row_times_column():
    scores, labels, rows, columns = grid(7)
    rng = np.random.default_rng(1)
    found = pigeonhole_draws(scores[:1], labels, rows, columns, rng, 3)
    rng = np.random.default_rng(1)
    by_row = rng.multinomial(8, np.full(8, 1 / 8), size=3)
    by_column = rng.multinomial(12, np.full(12, 1 / 12), size=3)
    for b in range(3):
        weight = by_row[b, rows] * by_column[b, columns]
        expected = roc_auc_score(labels, scores[0], sample_weight=weight)
        assert found[b, 0] == pytest.approx(expected, abs=1e-12)


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
        w = np.array([1.0, -1.0])
        z = outcome.estimate / np.sqrt(w @ found.by_row @ w)
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
    se, value = found.se[0], found.auroc[0]
    at_margin = found.equivalent(value - 4 * se, 4 * se)
    assert at_margin.p == pytest.approx(0.5)  # the estimate lies on the margin itself
    centre = found.equivalent(value, 4 * se)
    assert centre.p == pytest.approx(stats.t.sf(4, found.df))
    assert centre.low == pytest.approx(value - stats.t.ppf(0.95, found.df) * se)
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
