import math

import pytest
from scipy import stats

from helpers.errors import RegistryError
from papers.checks import CHECK_VERDICTS, arithmetic, attainability, audit, sampling
from papers.claims import Printed, load_claims, printed


@pytest.fixture(scope="module")
def results():
    return {result.id: result for result in audit.run_checks()}


def exactly(value):
    return Printed(value, value, value)


def test_there_are_at_least_120_checks_on_existing_claims(results):
    assert len(results) >= 120
    claims = load_claims()
    for result in results.values():
        assert result.verdict in CHECK_VERDICTS
        assert result.claim_ids
        assert set(result.claim_ids) <= set(claims)


def test_table_has_one_row_a_check(results):
    table = audit.audit_table(list(results.values()))
    assert list(table.check) == list(results)
    assert set(table.verdict) == set(CHECK_VERDICTS)


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        ("cssi/table2-ratio-Large", "consistent"),
        ("cssi/table3-delta-10", "consistent"),
        ("mediation/rate", "consistent"),
        ("registry/percent", "consistent"),
        ("registry/q-mediation", "consistent"),
        ("registry/q-scaling", "inconsistent"),
        ("registry/q-pseudotime-pseudotime/q", "inconsistent"),
        ("pseudotime/parts", "inconsistent"),
        ("ortholog/universe-5000", "inconsistent"),
        ("crosstissue/trrust-width", "inconsistent"),
        ("crosstissue/dorothea-width", "consistent"),
        ("perturbation/no-survivor-Dixit 13-day adjusted", "inconsistent"),
        ("perturbation/no-survivor-Dixit 7-day", "consistent"),
        ("b/table5-random-Heads-5", "consistent under another reading"),
        ("b/table6-sign-STAT4->S100A4", "consistent under another reading"),
        ("coexpression/rank-ceiling", "consistent under another reading"),
        ("c/edges-sum", "consistent"),
        ("c/consensus-fold", "consistent"),
        ("c/disease-odds", "consistent"),
        ("pseudotime/fig10-lineages", "consistent"),
    ],
)
def test_verdicts_known_from_hand_calculation(results, check, verdict):
    assert results[check].verdict == verdict


def test_a_changed_digit_changes_exactly_its_verdict(monkeypatch, results):
    def altered(path, decimals=None):
        figure = printed(path, decimals)
        if path == "mediation/positive-rate":
            return Printed(0.635, 0.6345, 0.6355, path)
        return figure

    monkeypatch.setattr(audit, "printed", altered)
    changed = {r.id for r in audit.run_checks() if r.verdict != results[r.id].verdict}
    assert changed == {"mediation/rate"}


def test_bh_of_the_registry_equals_the_hand_example_of_the_twentieth_row():
    # p = 0.020 over 47 tests: at best 35 of them rank at or above it, at worst 22.
    low, high = sampling._registry_range(0.020, 47)
    assert 0.02 < low < high < 0.05


def test_permutation_floor_is_one_over_one_plus_b():
    assert sampling.permutation_floor(exactly(999), Printed(0.001, 0, 0.001)).agrees
    assert not sampling.permutation_floor(exactly(99), Printed(0.001, 0, 0.001)).agrees


def test_implied_units_inverts_the_correlation_p():
    rho, n = 0.3, 80
    z = math.atanh(rho) * math.sqrt(n - 3)
    p = 2 * stats.norm.sf(z)
    outcome = sampling.implied_units(exactly(rho), exactly(p), exactly(n))
    assert outcome.agrees
    assert outcome.low == pytest.approx(n)


def test_exact_jaccard_is_the_mean_over_all_pairs_of_sets():
    import itertools

    sets = list(itertools.combinations(range(6), 3))
    brute = sum(len({*a} & {*b}) / len({*a} | {*b}) for a in sets for b in sets) / len(sets) ** 2
    outcome = attainability.jaccard_exact(3, exactly(6), 0, exactly(brute))
    assert outcome.low == pytest.approx(brute)
    plug_in = attainability.jaccard_plug_in(3, exactly(6), exactly(brute))
    assert plug_in.low < brute


def test_grid_mean_refuses_what_no_count_gives():
    assert attainability.grid_mean(10, Printed(0.3, 0.2995, 0.3005)).agrees
    assert not attainability.grid_mean(10, Printed(0.334, 0.3335, 0.3345)).agrees


def test_rank_ceiling_is_reached_by_the_best_ranking():
    n, positives = 400, 20
    labels = [0] * (n - positives) + [1] * positives
    best = stats.pearsonr(range(n), labels).statistic
    outcome = sampling.rank_ceiling(positives, n, exactly(best))
    assert outcome.high == pytest.approx(best, rel=1e-4)  # exact as n grows


def test_interval_arithmetic_covers_rounding():
    outcome = arithmetic.ratio(Printed(1, 0.95, 1.05), Printed(2, 1.95, 2.05), exactly(0.5))
    assert outcome.low == pytest.approx(0.95 / 2.05)
    assert outcome.high == pytest.approx(1.05 / 1.95)


def test_odds_ratio_of_a_two_by_two_table():
    table = [[30, 70], [10, 90]]
    expected = stats.contingency.odds_ratio(table, kind="sample").statistic
    outcome = arithmetic.odds_ratio(*map(exactly, (30, 100, 10, 100)), exactly(expected))
    assert outcome.agrees
    assert outcome.low == pytest.approx(expected)


def test_source_of_a_check_is_where_its_function_stands(results):
    assert results["c/disease-odds"].source == "papers.checks.arithmetic.odds_ratio"
    assert results["pseudotime/fig10-lineages"].source == (
        "papers.checks.attainability.pooled_share"
    )


def test_a_repeated_or_unknown_check_is_an_error():
    row = {"id": "x", "question": "", "function": "none", "figures": {"stated": "mediation/runs"}}
    with pytest.raises(RegistryError, match="no function"):
        audit._run(row)
