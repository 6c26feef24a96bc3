"""Functions of page 93 on cases whose answer is known, and its figures from the archives."""

from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.estimates import NotEstimable
from bookkit import definitions
from papers.archives import locator, missing_message, outside


@pytest.fixture(scope="module")
def page():
    names = definitions("93_outside_evidence")
    names |= {"alpha": 0.05, "NORMAL": stats.norm.ppf(0.975), "needed": 6}
    return names


@pytest.mark.parametrize("rho", [-1.0, 0.0, 0.7])
def test_limits_for_any_dependence_hold(page, rho):
    rng, half, missed = np.random.default_rng(3), 1.96, 0
    for e in rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 2000):
        a, b = ({"auroc": x, "low": x - half, "high": x + half} for x in e)
        found = page["difference"](a, b)
        missed += not found["low"] <= 0 <= found["high"]
        assert found["low"] <= found["low_free"] <= found["high_free"] <= found["high"]
    assert missed / 2000 < 0.065


@pytest.mark.parametrize("n", [3, 6, 9])
def test_sign_and_rank_tests_equal_scipy(page, n):
    for seed in range(5):
        d = np.random.default_rng(seed).normal(0.4, 1, n)
        higher = int((d > 0).sum())
        assert page["sign_p"](d > 0) == pytest.approx(stats.binomtest(higher, n).pvalue)
        assert page["signed_rank_p"](d) == pytest.approx(stats.wilcoxon(d).pvalue)


def test_sign_test_holds_its_level_and_finds_what_it_says(page):
    test, rng = page["sign_test"], np.random.default_rng(0)
    page["smallest_share"] = cache(page["smallest_share"])
    # p of every number of signs, which is all that the test sees of eleven values
    p = np.array([test(np.where(np.arange(11) < k, 1.0, -1.0)).p for k in range(12)])
    d = rng.normal(size=11)
    assert test(d).p == p[(d > 0).sum()]
    null = p[(rng.normal(size=(1000, 11)) > 0).sum(axis=1)] <= 0.05
    assert np.mean(null) < 0.035  # exact and discrete: 0.0117 at n = 11
    share = 0.5 + test(np.ones(11)).detail["mde"]
    drawn = p[(rng.random((2000, 11)) < share).sum(axis=1)] <= 0.05
    assert np.mean(drawn) == pytest.approx(0.8, abs=0.03)
    assert isinstance(test(np.array([1.0, 1, 1, 1, 1, 0])), NotEstimable)


def test_shares_of_a_balanced_design_add_up_to_one(page):
    rows = [{"a": a, "b": b, "y": 3 * a + b} for a, b in product(range(3), range(4))]
    found = page["shares"](pd.DataFrame(rows), "y", ("a", "b"))
    assert found.sum() == pytest.approx(1) and found["rest"] == pytest.approx(0, abs=1e-12)
    assert found["a"] == pytest.approx(6 / (6 + 1.25))  # variances 9 * 2/3 and 5/4


def present():
    groups = {outside.MAXTOKI: outside.MAXTOKI_FILES, outside.BCB2026: outside.BCB2026_FILES}
    groups[outside.LEADERBOARD] = outside.LEADERBOARD_FILES
    return not any(missing_message(locator(name), *files) for name, files in groups.items())


archived = pytest.mark.skipif(
    not present(), reason="archives not fetched; run: helpers data fetch archives"
)


@archived
def test_published_shares_recompute_and_rows_repeat(page):
    table = outside.read_bcb2026(locator(outside.BCB2026))
    table["family"] = table["method"].str.split("_").str[0]
    table["family"] = table["family"].replace(dict.fromkeys(["pearson", "spearman"], "both"))
    table["log_aupr"] = np.log10(table["aupr"])
    factors = ("candidate_set", "gold_standard", "tag", "family")
    printed = outside.read_shares(locator(outside.BCB2026)).to_numpy()[:5]
    assert np.allclose(100 * page["shares"](table, "log_aupr", factors), printed, atol=1e-6)
    wide = table.set_index(["tag", "gold_standard", "method", "candidate_set"])["aupr"]
    assert wide.xs("all_pairs", level=3).equals(wide.xs("tf_sources", level=3))


@archived
def test_leaderboard_and_maxtoki_hold_what_the_page_says():
    board = outside.read_leaderboard(locator(outside.LEADERBOARD))
    wide = board.pivot(index="dataset", columns="method", values="r_precision")
    for model in ("scgpt", "geneformer", "scprint"):
        assert (wide[model] < wide["pearson_corr"]).sum() == 11
    maxtoki = outside.read_maxtoki(locator(outside.MAXTOKI))
    assert set(maxtoki["run"]) == set(outside.RUNS)
    assert (maxtoki["low"] <= maxtoki["auroc"]).all() and (
        maxtoki["auroc"] <= maxtoki["high"]
    ).all()
    assert maxtoki.loc[maxtoki["score"] == "gene_variance", "z"].isna().all()
