"""Functions of page 27 on series whose direction is known, and on cells that cannot say."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import sparse

from bookkit.page_functions import definitions
from helpers.datasets.simulate.lagged import lagged_world
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.evaluation import candidate_pairs, signal_test
from helpers.statistics.lags import direction_score, lagged_correlations


@pytest.fixture(scope="module")
def page():
    space = definitions("27_pseudotime", n_genes=40, n_permutations=99)
    space["run"] = type("Run", (), {"alpha": 0.05})()
    return space


def genes_of(world, n_tfs=30):
    """Series of all genes of a world, their names, and its pairs by name."""
    names = [f"T{k}" for k in range(n_tfs)] + [f"G{k}" for k in range(len(world.targets))]
    pairs = {"source": [f"T{k}" for k in world.source], "target": [f"G{k}" for k in world.target]}
    return np.r_[world.tfs, world.targets], names, pd.DataFrame(pairs).assign(sign=world.sign)


def test_the_plain_lead_is_the_fast_one(page):
    w = lagged_world("planted-lag", np.random.default_rng(0))
    x, y = w.tfs[w.source][:5], w.targets[w.target][:5]
    fast = direction_score(lagged_correlations(x, y, 10), w.sign[:5])
    plain = [page["lead"](*pair) for pair in zip(x, y, w.sign[:5], strict=True)]
    np.testing.assert_allclose(plain, fast)


def test_planted_leads_are_found_among_other_pairs_and_turn_with_the_order(page):
    rng = np.random.default_rng(1)
    series, names, edges = genes_of(lagged_world("planted-lag", rng))
    leads = page["all_leads"](series)
    np.testing.assert_allclose(leads, -leads.T, atol=1e-9)
    pairs, (d,) = candidate_pairs(edges, page["matrix_of"](leads, names))
    assert signal_test(pairs, d, rng, 99, sides="one").p == pytest.approx(0.01)
    turned = page["all_leads"](series[:, ::-1])
    pairs, (d,) = candidate_pairs(edges, page["matrix_of"](turned, names))
    assert signal_test(pairs, d, rng, 99, sides="one").p > 0.9


@pytest.mark.parametrize("name", ["zero-lag", "independent-trend"])
def test_networks_without_a_lead_are_called_at_their_level(page, name):
    rejected = []
    for k in range(25):
        rng = np.random.default_rng([k, 7])
        series, names, edges = genes_of(lagged_world(name, rng, n_tfs=15, n_targets=30), 15)
        pairs, (d,) = candidate_pairs(edges, page["matrix_of"](page["all_leads"](series), names))
        rejected.append(signal_test(pairs, d, rng, 99, sides="one").p <= 0.05)
    assert np.mean(rejected) <= 0.2  # 5 % and three standard errors


def test_real_tests_give_declared_units_and_say_why_not(page):
    rng = np.random.default_rng(2)
    series, names, edges = genes_of(lagged_world("planted-lag", rng))
    one = type("Set", (), {"series": series, "genes": np.array(names)})()
    one.leads = page["all_leads"](series)
    found, parts = page["real_tests"](one, edges, rng)
    assert {n: o.unit for n, o in found.items()} == {
        "27.1": "TF x target",
        "27.2": "gene",
        "27.3": "TF",
    }
    assert all(o.p <= 0.05 for o in found.values())
    assert len(parts[4]) == 60
    few, _ = page["real_tests"](one, edges[:3], rng)
    assert isinstance(few["27.1"], NotEstimable)
    assert isinstance(few["27.3"], NotEstimable)
    none, parts = page["real_tests"](one, edges.assign(target=[f"X{k}" for k in range(60)]), rng)
    assert parts is None
    assert all(isinstance(o, NotEstimable) for o in none.values())
    one.series = NotEstimable("4 bins of pseudotime hold a cell; 20 needed")
    short, _ = page["real_tests"](one, edges, rng)
    assert all("20 needed" in o.reason for o in short.values())


def test_single_pairs_are_called_in_a_planted_network_and_hardly_in_none(page):
    for name, least, most in (("planted-lag", 5, 60), ("independent", 0, 5)):
        rng = np.random.default_rng(3)
        w = lagged_world(name, rng)
        q = page["called"](w.tfs[w.source], w.targets[w.target], w.sign)
        assert least <= (q <= 0.05).sum() <= most, name


def test_effects_of_knock_outs_are_unbiased_and_point_the_right_way(page):
    rng = np.random.default_rng(4)
    genes = ["A", "B", "C"]
    knocked = rng.choice([*genes, "control"], 6000)
    day = rng.choice([2, 3], 6000)
    values = rng.normal(size=(6000, 3))
    values[knocked == "A", 1] += 0.8
    found = page["effects"](values, knocked, day, genes)
    assert found[0, 1] == pytest.approx(0.8**2 / values[:, 1].var(), rel=0.15)
    assert np.abs(found[1:]).max() < 0.02


def test_attention_that_follows_the_direction_is_found_and_symmetric_attention_is_refused(page):
    rng = np.random.default_rng(5)
    genes = [f"G{k}" for k in range(30)]
    onset = rng.normal(size=30)
    leads = onset[None, :] - onset[:, None]
    A = page["matrix_of"](0.5 * leads + rng.normal(size=(30, 30)), genes)
    assert page["asymmetry"](A, leads, np.array(genes), rng).p <= 0.05
    back = xr.DataArray(A.values.T, A.coords, A.dims)
    assert page["asymmetry"](back, leads, np.array(genes), rng).estimate < 0
    same = page["matrix_of"](np.ones((30, 30)), genes)
    assert isinstance(page["asymmetry"](same, leads, np.array(genes), rng), NotEstimable)


def test_the_clock_gives_the_order_of_genes_that_rise_one_after_the_other(page):
    hours = np.repeat(np.arange(0, 100.0, 12), 40)
    rises = np.array([20.0, 40.0, 60.0])
    values = 1 / (1 + np.exp(-(hours[:, None] - rises) / 6))
    obs = pd.DataFrame({"time": hours}, index=[f"c{k}" for k in range(hours.size)])
    one = type("Set", (), {"values": values, "clock": "time"})()
    one.cells = ad.AnnData(values, obs=obs)
    leads = page["clock_leads"](one)
    assert leads[0, 1] > 0
    assert leads[1, 2] > 0
    np.testing.assert_allclose(leads, -leads.T, atol=1e-9)


def test_cells_without_order_or_root_say_what_is_missing(page):
    cells = ad.AnnData(np.ones((5, 3)))
    with pytest.raises(DataError, match="root"):
        page["orders_of"](cells, np.ones((5, 3)))


def test_pairs_without_a_sign_enter_the_unsigned_test_only(page):
    rng = np.random.default_rng(6)
    series, names, edges = genes_of(lagged_world("planted-lag", rng))
    one = type("Set", (), {"series": series, "genes": np.array(names)})()
    one.leads = page["all_leads"](series)
    found, _ = page["real_tests"](one, edges.assign(sign=0), rng)
    assert found["27.2"].p <= 0.05
    assert "0 TFs" in found["27.1"].reason and "0 TFs" in found["27.3"].reason


def test_genes_that_are_constant_along_the_order_leave(page):
    rng = np.random.default_rng(7)
    counts = rng.poisson(3.0, (400, 6))
    counts[:, 5] = np.tile([0, 4], 200)  # every bin holds as many of both
    counts[:, 4] = 20 - counts[:, [0, 1, 2, 3, 5]].sum(axis=1).clip(max=20)
    counts[:, 4] += 30 - counts.sum(axis=1)  # equal depth
    cells = ad.AnnData(sparse.csr_matrix(counts.astype(float)))
    cells.var_names, cells.obs["order"] = list("ABCDEF"), np.arange(400) // 2
    edges = pd.DataFrame({"source": list("ABCF"), "target": list("DEEE"), "sign": 1})
    made = {**page, "NETWORKS": {"own": edges}, "n_bins": 25}
    page["prepared"].__globals__.update(made)
    one = page["prepared"]("own", cells, order="order")
    assert list(one.genes) == list("ABCDE")
    assert one.series.shape == (5, 25)


def test_columns_of_ones_own_are_there_and_hold_numbers(page):
    obs = pd.DataFrame({"time": ["1", "2.5", None, "4", "5"], "day": ["d1", "d2", "d3", "d4", "5"]})
    found = page["numbers_of"](obs, "time")
    assert found[found.notna()].tolist() == [1, 2.5, 4, 5]
    cells = ad.AnnData(np.ones((5, 2)), obs=obs.set_axis(list("abcde")))
    for ask, reason in (("hour", "no column hour"), ("day", "80% of the cells have no number")):
        with pytest.raises(DataError, match=reason):
            page["orders_of"](cells, np.ones((5, 2)), order=ask)
    with pytest.raises(DataError, match="begin"):
        page["orders_of"](cells, np.ones((5, 2)), first=("day", "d9"))
