"""Correction over the registry: known answers, bounds, families, and the published recount."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bookkit.sensitivity import by_definition
from helpers.registry import TestRecord, frame
from helpers.registry.correction import calls, correct, eligible, family_summary
from papers.audit import audit, parse_p, published_table, raw_p_for, recount
from papers.claims import printed
from papers.completions import completions, q_range, smallest_m
from papers.simulation import RegistryDesign, error_rates, realised, rejections, simulate

FIVE = [0.005, 0.011, 0.02, 0.04, 0.8]
FIVE_Q = [0.025, 0.0275, 1 / 30, 0.05, 0.8]


def row(number, p, **changes):
    notebook = changes.pop("notebook", "10_coexpression")
    base = {
        "test_id": f"{notebook[:2]}.{number}",
        "notebook": notebook,
        "hypothesis": "h",
        "statistic": "s",
        "test": "t",
        "null": "n",
        "unit": "TF",
        "n_units": 10,
        "family": f"F{notebook[:2]}",
        "role": "confirmatory",
        "p": p,
    }
    return TestRecord(**(base | changes))


def test_the_five_p_example():
    table = correct(frame([row(i, p) for i, p in enumerate(FIVE, 1)]))
    np.testing.assert_allclose(table["q_bh"], FIVE_Q)
    np.testing.assert_allclose(table["q_family"], FIVE_Q)
    np.testing.assert_allclose(table["q_by"], multipletests(FIVE, method="fdr_by")[1])
    np.testing.assert_allclose(table["q_holm"], multipletests(FIVE, method="holm")[1])
    assert table["call"].tolist() == ["significant"] * 4 + ["not significant"]


def test_families_and_variants_do_not_mix():
    rows = [row(i, p) for i, p in enumerate(FIVE, 1)]
    rows += [row(1, 0.04, notebook="11_cssi"), row(1, 0.9, variant="published", unit="pair")]
    rows += [row(6, 0.001, role="descriptive"), row(7, None, estimable=False, reason="2 TFs")]
    table = correct(frame(rows)).set_index(["test_id", "variant"])
    assert table.loc[("11.1", "corrected"), "q_family"] == 0.04
    np.testing.assert_allclose(table.loc[("11.1", "corrected"), "q_bh"], 6 * 0.04 / 5)
    assert table.loc[("10.1", "published"), "q_family"] == 0.9
    assert np.isnan(table.loc[("10.1", "published"), "q_bh"])
    assert np.isnan(table.loc[("10.6", "corrected"), "q_family"])
    assert table.loc[("10.7", "corrected"), "call"] == "not corrected"
    assert int(eligible(table).sum()) == 7
    summary = family_summary(table.reset_index()).set_index("family")
    assert summary.loc["F10", ["rows", "m", "not estimable"]].tolist() == [7, 5, 1]
    assert list(summary.index) == ["F10", "F10 (published)", "F11"]


def test_bounds_enter_as_intervals():
    rows = [row(1, 0.02, p_bound="<"), row(2, 0.03), row(3, 0.3, p_bound=">")]
    table = correct(frame(rows))
    assert table.loc[0, ["q_bh_low", "q_bh"]].tolist() == [0.0, pytest.approx(0.045)]
    np.testing.assert_allclose(table.loc[1, "q_bh"], 0.045)
    np.testing.assert_allclose(table.loc[2, ["q_bh_low", "q_bh"]].astype(float), [0.3, 1.0])
    open_call = calls(pd.Series([0.01]), pd.Series([0.2]))
    assert open_call.tolist() == ["open"]


def test_ties_get_the_same_q_and_an_empty_registry_gets_none():
    table = correct(frame([row(1, 0.02), row(2, 0.02), row(3, 0.5)]))
    assert table.loc[0, "q_bh"] == table.loc[1, "q_bh"] == pytest.approx(0.03)
    empty = correct(frame([]))
    assert empty.empty and "q_by" in empty.columns
    assert family_summary(empty).empty
    assert by_definition(frame([])).empty


def test_calls_that_depend_on_the_family_are_listed():
    rows = [row(i, p) for i, p in enumerate([0.001, 0.012, 0.3, 0.9], 1)]
    rows += [row(10 + i, 0.9, role="descriptive") for i in range(6)]
    rows += [row(1, 0.04, notebook="12_null_models")]
    table = by_definition(frame(rows)).set_index("test_id")
    assert table.loc["10.2", "A"] == pytest.approx(5 * 0.012 / 2)
    assert table.loc["10.2", "B"] == pytest.approx(11 * 0.012 / 2)
    # the primary tests are 10.2 and 12.1
    assert table.loc["10.2", "C"] == pytest.approx(0.024)
    assert table.loc["12.1", "C"] == pytest.approx(0.04)
    assert np.isnan(table.loc["10.1", "C"])
    assert bool(table.loc["10.2", "changes"]) and not bool(table.loc["10.3", "changes"])
    # both families pass Simes, so D runs at the full level
    assert table.loc["10.1", "D"] == 1.0 and table.loc["12.1", "D"] == 1.0


# lost rows


def test_q_range_holds_every_completion():
    rng = np.random.default_rng(0)
    p = rng.uniform(0, 0.2, 8)
    low, high = q_range(p, p, missing=3, silent=2)
    for _ in range(300):
        lost = rng.choice([0.0, 1.0, *p, rng.uniform()], 3)
        q = multipletests([*p, *lost, 1, 1], method="fdr_bh")[1][:8]
        assert (q >= low - 1e-12).all() and (q <= high + 1e-12).all()


def test_completions_with_a_count_agree_with_random_search():
    rng = np.random.default_rng(1)
    p = np.array([0.001, 0.01, 0.02, 0.03, 0.2, 0.6])
    for printed_count in (2, 5, 6):
        found = completions(p, 2, printed_count)
        for _ in range(3000):
            lost = rng.uniform(0, 1, 2) ** 4
            q = multipletests([*p, *lost], method="fdr_bh")[1]
            count = int((q <= 0.05).sum())
            assert count in found.n_significant
            if count == printed_count:
                assert (q[:6] >= found.low - 1e-9).all() and (q[:6] <= found.high + 1e-9).all()
                assert int((q[6:] <= 0.05).sum()) in found.unknown_significant
    assert not completions(p, 2, 8).possible


def test_the_published_table_recounts_as_it_must():
    table = published_table()
    assert (len(table.rows), len(table.with_p), table.missing, table.silent) == (43, 34, 4, 9)
    rows, found = recount(table)
    q = rows.drop_duplicates("test").set_index("test")[["q_low", "q_high"]].round(4)
    assert q.loc["Scaling failure TRRUST"].tolist() == [0.0039, 0.0047]
    assert q.loc["Overall directionality"].tolist() == [0.1031, 0.1184]
    assert q.loc["Dixit 13-day adjusted"].tolist() == [0.0362, 0.0427]
    assert found.n_significant == (23, 24, 25, 26, 27)
    assert found.unknown_significant == (3,)


def test_26_of_47_need_the_row_at_0_020():
    table = published_table()
    p = table.with_p["high"].to_numpy()
    position = int(np.flatnonzero(p == 0.020)[0])
    # BH is a step-up rule: were this row not called, no row with a larger p could be
    assert (p < 0.020).sum() + table.missing == 25
    assert smallest_m(p, position) == 56


def test_raw_p_of_the_lost_cssi_row():
    low, high = raw_p_for(printed("registry/cssi-real-q"), published_table(), 26)
    assert low <= 0.033 <= high
    assert raw_p_for(printed("registry/cssi-real-q"), published_table(), 40) is None


def test_audit_verdicts():
    verdicts = audit().set_index("claim")["verdict"].to_dict()
    assert verdicts["multiplicity/q-scaling"] == "does not recompute"
    assert verdicts["multiplicity/q-pseudotime"] == "does not recompute"
    assert verdicts["multiplicity/q-mediation"] == "recomputes"
    assert verdicts["multiplicity/q-ortholog"] == "bound only"
    assert verdicts["registry/significant-count"] == "recomputes"
    assert verdicts["perturbation/survivors"] == "does not recompute"
    assert verdicts["registry/robust-scaling"] == "not checkable"


def test_printed_p_are_parsed():
    assert parse_p("<0.001") == (0.0, 0.001)
    assert parse_p("> 0.3") == (0.3, 1.0)
    assert parse_p("0.024") == (0.024, 0.024)
    assert np.isnan(parse_p(None)).all()


# simulated registries


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
