"""The jackknife: a closed form, and the cluster that matters."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.statistics.jackknife import jackknife_se, leave_one_cluster_out


def test_jackknife_se_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(size=30)
    left_out = (values.sum() - values) / 29
    assert jackknife_se(left_out) == pytest.approx(values.std(ddof=1) / np.sqrt(30))


def test_leave_one_cluster_out_finds_the_one_that_matters():
    rng = np.random.default_rng(0)
    tf = np.repeat([f"t{i}" for i in range(10)], 40)
    labels = np.tile(np.arange(40) < 4, 10)
    scores = rng.normal(size=400) + 6 * labels * (tf == "t3")
    result = leave_one_cluster_out(scores, labels, tf)
    assert result.most_influential == "t3"
    assert result.share_of_excess > 0.5
    single = leave_one_cluster_out(scores, labels & (tf == "t3"), tf)
    assert single.undefined == ("t3",)
