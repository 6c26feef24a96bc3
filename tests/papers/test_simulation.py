"""Simulated registries: uniform nulls, error rates of the procedures."""

from __future__ import annotations

import numpy as np
from scipy import stats

from papers.simulation import RegistryDesign, error_rates, realised, rejections, simulate


def test_null_p_values_are_uniform_and_correlated_in_blocks():
    p, truth = simulate(RegistryDesign(), 4000, np.random.default_rng(2))
    assert not truth.any()
    assert stats.kstest(p[:, 0], "uniform").pvalue > 1e-3
    z = stats.norm.isf(p)
    assert np.corrcoef(z[:, 0], z[:, 1])[0, 1] > 0.2
    assert abs(np.corrcoef(z[:, 0], z[:, 5])[0, 1]) < 0.08


def test_bh_holds_its_level_and_by_is_stricter():
    table, found = error_rates(2000, np.random.default_rng(3))
    for world in ("all null, independent", "all null, blocks"):
        bh = found[world, "bh"]
        # the share of registries with a false call is the FDR when nothing is true
        assert bh.any_false <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
        assert found[world, "by"].any_false < bh.any_false
    mixture = found["60 % effects, blocks", "bh"]
    assert mixture.fdr <= 0.05 + 2 * mixture.fdr_se
    assert found["60 % effects, blocks", "by"].power < mixture.power
    assert len(table) == 6


def test_a_procedure_without_correction_is_caught():
    p, truth = simulate(RegistryDesign(), 500, np.random.default_rng(4))
    assert realised(p <= 0.05, truth).fdr > 0.5
    assert realised(rejections(p), truth).fdr < 0.1
