"""Page 12: its own functions on worlds whose truth is known."""

import numpy as np
import pytest

from helpers.datasets.simulate import world
from helpers.estimates import Estimate, NotEstimable
from helpers.evaluation.pair_scores import pair_scores
from bookkit import declared
from bookkit import definitions, notebooks

NAME = "12_null_models"


@pytest.fixture(scope="module")
def page():
    return definitions(NAME, permutations=99, rewired=99)


@pytest.fixture(scope="module")
def stated():
    return declared.load(notebooks.notebooks_dir() / f"{NAME}.yaml")


@pytest.fixture(scope="module")
def prominence():
    drawn = world("prominence-only", 1)
    return drawn, pair_scores("p", drawn.attention, drawn.adata, drawn.reference, min_count=1)


@pytest.fixture(scope="module")
def signal():
    drawn = world("pair-signal", 1)
    return pair_scores("s", drawn.attention, drawn.adata, drawn.reference, min_count=1)


def every_test(page, case):
    found = page["pair_tests"](case, np.random.default_rng(0)) | page["matched_tests"](case)
    return found | {"12.11": page["one_tf"](case)}


def as_declared(stated, found):
    """Refuse outcomes whose unit, null or sides are not the declared ones."""
    for number, outcome in found.items():
        stated.record(number, ("x",), outcome, seed=0, variant="corrected", planted=False)


def test_sums_inflate_and_means_do_not(page, prominence):
    table = page["sum_against_mean"](prominence[0], np.random.default_rng(0))
    value = table.set_index(["score", "negatives"])["AUROC"]
    assert value["summed"].min() > 0.65
    n = table["positives"].iloc[0]
    # SE of a null AUROC with n positives is about sqrt(1 / 12 n); three of them
    assert np.abs(value["averaged"] - 0.5).max() < 3 * np.sqrt(1 / (12 * n))


def test_prominence_has_strong_products_and_no_attention_signal(page, stated, prominence):
    case = prominence[1]
    level = page["levels"](case)["AUROC"]
    assert level[["detection product", "mean product"]].min() > 0.65
    assert abs(level["attention"] - 0.5) < 0.06
    found = every_test(page, case)
    assert set(found) == set(stated.tests)
    as_declared(stated, found)
    for number in ("12.1", "12.5", "12.6"):
        assert isinstance(found[number], NotEstimable) or found[number].p > 0.01
    assert found["12.10"].estimate > 0.1 and found["12.10"].p <= 0.05


def test_pair_signal_passes_every_control(page, signal):
    found = every_test(page, signal)
    for number in ("12.1", "12.5", "12.6", "12.8"):
        assert found[number].p <= 0.05, number
    assert found["12.5"].detail["share_unchanged"] == 0
    assert found["12.5"].detail["mean_jaccard_distance"] > 0.5


def test_one_tf_with_all_signal_moves_the_auroc_most(page):
    drawn = world("one-TF", 0)
    case = pair_scores("one", drawn.attention, drawn.adata, drawn.reference, min_count=1)
    found = page["one_tf"](case)
    assert isinstance(found, Estimate) and found.value > 0 and found.unit == "TF"
    case = case.complete()
    pairs, a = case.pairs, case.score("attention")
    kept = pairs.source != found.detail["tf"]
    without = page["auroc_many"](a[kept], pairs.label[kept])[0]
    assert found.value == pytest.approx(page["auroc_many"](a, pairs.label)[0] - without)


@pytest.mark.parametrize("n_tfs", [1, 4])
def test_few_tfs_have_a_value_but_no_test(page, stated, signal, n_tfs):
    names = np.unique(signal.pairs.source[signal.pairs.label])[:n_tfs]
    case = signal.subset(np.isin(signal.pairs.source, names), "few")
    level = page["levels"](case)
    assert level["low"].isna().all() and level["AUROC"].notna().all()
    found = every_test(page, case)
    for number in ("12.2", "12.3", "12.4", "12.7", "12.8", "12.10"):
        assert isinstance(found[number], NotEstimable), number
        assert "at least 5" in found[number].reason or "imbalance" in found[number].reason
    if n_tfs == 1:
        for number in ("12.1", "12.5", "12.6", "12.9"):
            assert isinstance(found[number], NotEstimable), number
    as_declared(stated, found)
