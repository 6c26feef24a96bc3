"""Verdicts of the ledger that were wrong or too generous, one case each, with the arithmetic.

Every case names a claim and what the ledger must say of it; the arithmetic beside it is done here
by other means than in the package.
"""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from helpers.files import project_root
from papers import evidence, standing
from papers import ledger as book
from papers.answers import Link
from papers.checks import run_checks
from papers.claims import NUMBER, load_claims, table_rows

CLAIMS = load_claims()


def link(path, value, **more):
    return Link(path, value, more.pop("variant", "published"), "page", path, "f", **more)


def stored():
    """What pages store where all archives are here, for the claims of the cases below."""
    yield link("leakage/immune#0", 20000)
    yield link("leakage/immune-donors-results", 21)
    yield link("leakage/immune-signflip", 17.09)
    yield link("scaling/auroc-1000", 0.596)
    yield link("scaling/gain", 0.0747)
    yield link("cssi/ratio-endpoints#low", 1.126)
    yield link("cssi/ratio-endpoints#high", 1.853)
    for row in table_rows(CLAIMS["cssi/table2"]):
        for name in ("n_cells", "states", "pooled_f1", "pooled_sd", "cssi_f1", "cssi_sd"):
            yield link(f"cssi/table2[{row['config']}].{name}", row[name])
        numbers = [float(n) for n in NUMBER.findall(row["ratio_printed"])]
        part = len(numbers) - 1
        yield link(f"cssi/table2[{row['config']}].ratio_printed#{part}", numbers[part])
    yield link("coexpression/geneformer-cosine", 0.9793)
    yield link("coexpression/geneformer-cosine#sd", 0.00136)
    yield from (link(f"models/scvi-cells#{n}", v) for n, v in enumerate((200, 500)))
    yield from (link(f"models/c2s-cells#{n}", v) for n, v in enumerate((50, 200)))
    yield link("models/c2s-params", 405.3, tolerance=0.5)
    yield link("mediation/positive-rate", 0.625)
    yield link("mediation/top1-certificate", 0.0)
    yield link("mediation/positive-count", 10)
    note = "components taken as independent"
    yield link("mediation/positive-count", 4, variant="corrected", note=note)
    yield from (link(f"b/thresholds#{n}", v) for n, v in enumerate((1, 3, 5, 10)))
    yield from (link(f"b/k-grid#{n}", v) for n, v in enumerate((3, 5, 8, 10)))
    yield link("synthetic/shapley-gain", 5.4, tolerance=10)
    test = "registry/table9[10 4.10 {} Spearman].raw_p"
    yield link(test.format("Synthetic scaling mitigation (CSSI)"), 0.9914)
    yield link(test.format("Pooled scaling (hypothesis text cut)"), 1.457e-7)


@pytest.fixture(scope="module")
def ledger():
    table = book.build_ledger(stored(), run_checks(), evidence.load_notes(), [])
    table["standing"] = standing.standing(table)
    return table.set_index("claim_id")


def registry_q(raw, fillers):
    """BH q of one printed p, the four lost rows filled alike, rows without a p taken as 1."""
    rows = table_rows(CLAIMS["registry/table9"])
    p = [float(NUMBER.findall(r["raw_p"])[0]) if r["raw_p"] else 1.0 for r in rows]
    place = p.index(raw)
    return [multipletests([*p, *[f] * (47 - len(p))], method="fdr_bh")[1][place] for f in fillers]


def test_the_adjusted_dixit_test_survives_and_the_level_is_not_at_fault(ledger):
    low, high = registry_q(0.020, (0.0, 1.0))
    assert (round(low, 3), round(high, 3)) == (0.036, 0.043)
    assert not ledger.loc["multiplicity/alpha"].contradictions
    found = ledger.loc["perturbation/survivors"]
    assert (found.agrees, found.computed, found.published) == (book.NO, "1", "0")
    assert "0.0362 to 0.0427" in found.contradictions


def test_table8_carries_its_own_contradiction(ledger):
    row = next(r for r in table_rows(CLAIMS["ortholog/table8"]) if r["k"] == 5000)
    universe = row["k"] ** 2 / row["expected"]
    assert universe == pytest.approx(186_289, abs=100)
    assert universe > 7 * CLAIMS["ortholog/matched-edges"].value
    assert not ledger.loc["ortholog/matched-edges"].contradictions
    assert "186" in ledger.loc["ortholog/table8"].contradictions


def test_the_folds_imply_another_universe_than_the_matched_edges(ledger):
    folds = {r["k"]: r["observed"] / (r["k"] ** 2 / 25876) for r in _table8()}
    assert folds[100] == pytest.approx(67.3, abs=0.1)
    assert folds[5000] == pytest.approx(1.13, abs=0.01)
    found = ledger.loc["ortholog/fold-range"]
    assert (found.agrees, found.standing) == (book.YES, standing.CONTRADICTED)
    assert found.contradictions


def _table8():
    return table_rows(CLAIMS["ortholog/table8"])


def test_three_hundred_targets_need_another_alpha(ledger):
    def targets(alpha):
        z = stats.norm.isf(alpha / 2) + stats.norm.ppf(0.8)
        return (z / math.atanh(0.2)) ** 2 + 3

    assert targets(0.001) == pytest.approx(418.4, abs=0.5)
    assert targets(0.01) == pytest.approx(287.1, abs=0.5)
    found = ledger.loc["perturbation/power-n"]
    assert (found.agrees, found.computed) == (book.NO, "416 to 421")


def test_an_unstated_conversion_cannot_be_checked(ledger):
    rhos = [abs(CLAIMS[f"perturbation/{n}"].value) for n in ("dixit7-rho", "shifrut-rho")]
    low, high = (2 * r / math.sqrt(1 - r * r) for r in rhos)
    assert (round(low, 2), round(high, 2)) == (0.23, 0.69)
    found = ledger.loc["perturbation/cohens-d"]
    assert (found.agrees, found.contradictions) == (book.OPEN, "")
    assert "0.23 and 0.69" in found.reason


def test_a_sum_of_analyses_does_not_hide_how_many_sections_there_are(ledger):
    sections = {c.section for c in CLAIMS.values() if c.paper == "A" and c.section[:2] == "3."}
    after_core = {s for s in sections if int(s[2:]) >= 4}
    assert len(after_core) == 11 != CLAIMS["framework/supporting-analyses-count"].value
    found = ledger.loc["framework/analyses-count"]
    assert found.standing == standing.CONTRADICTED


@pytest.mark.parametrize("claim", ["a2/cssi-improvement", "a2/cssi-fig1"])
def test_a_figure_copied_from_a_is_no_evidence_in_a2(ledger, claim):
    assert CLAIMS[claim].value == CLAIMS["cssi/max-improvement"].value
    found = ledger.loc[claim]
    assert (found.agrees, found.evidence) == (book.OPEN, evidence.NONE)
    assert "synthetic cells in A" in found.contradictions


@pytest.mark.parametrize(
    ("claim", "source", "value"),
    [
        ("c/edges", "c2t/edges", 52116 + 8298 + 5098 + 31380),
        ("c/consensus-enrichment", "c2t/consensus", 1142 / 107.3),
        ("c/disease", "c2t/disease", (1126 / (15434 - 1126)) / (16 / (746 - 16))),
    ],
)
def test_figures_of_c_rest_on_claims_and_not_on_typed_numbers(ledger, claim, source, value):
    assert value == pytest.approx(CLAIMS[claim].value, rel=0.005)
    check = next(c for c in run_checks() if c.derives and c.stated.path == claim)
    assert source in check.claim_ids
    assert ledger.loc[claim].evidence == evidence.PRINTED
    assert ledger.loc[claim].defect


@pytest.mark.parametrize("claim", ["b/thresholds", "b/k-grid"])
def test_a_constant_of_this_code_answers_nothing(ledger, claim):
    found = ledger.loc[claim]
    assert (found.agrees, found.evidence, found.compared) == (book.OPEN, evidence.NONE, 0)
    assert "copied from the print" in found.reason


def test_a_rate_with_an_inconsistent_numerator_is_contradicted(ledger):
    assert 100 * 31 / 144 == pytest.approx(21.5, abs=0.05)
    assert 26 + 19 == 45 != CLAIMS["pseudotime/consistent"].value
    found = ledger.loc["pseudotime/rate"]
    assert (found.agrees, found.standing) == (book.YES, standing.CONTRADICTED)


def test_cells_without_donors_are_half_a_claim(ledger):
    found = ledger.loc["leakage/immune"]
    assert (found.agrees, found.compared, found.figures) == (book.PART, 1, 2)
    assert "24 against 21" in found.contradictions


def test_the_gain_of_shapley_is_not_reproduced_by_dividing_two_printed_figures(ledger):
    assert 0.789 - 0.412 == pytest.approx(0.377)
    assert 100 * (0.789 - 0.412) / 0.412 == pytest.approx(91.5, abs=0.1)
    assert ledger.loc["synthetic/shapley-gain"].agrees == book.NO


@pytest.mark.parametrize(
    "claim",
    [
        "coexpression/geneformer-cosine",
        "models/scvi-cells",
        "models/c2s-cells",
        "models/c2s-params",
        "leakage/immune-signflip",
        "mediation/positive-rate",
        "mediation/top1-certificate",
        "scaling/gain",
    ],
)
def test_a_documented_fault_of_the_label_is_shown(ledger, claim):
    found = ledger.loc[claim]
    assert (found.agrees, found.standing) == (book.YES, standing.DEFECT)


@pytest.mark.parametrize(
    "claim",
    [
        "scaling/auroc-25",
        "scaling/auroc-750",
        "scaling/exp-fit",
        "scaling/baseline",
        "scaling/ceiling",
        "scaling/characteristic",
        "scaling/jump-150-200",
    ],
)
def test_every_scaling_value_says_that_its_model_is_mislabelled(claim):
    assert "14 layers" in evidence.load_notes().defects[claim]


@pytest.mark.parametrize(
    "claim",
    ["cssi/ratio-endpoints", "scaling/auroc-1000", "leakage/immune-donors-results", "cssi/table2"],
)
def test_an_archive_does_not_hide_a_contradiction(ledger, claim):
    found = ledger.loc[claim]
    assert (found.agrees, found.standing) == (book.YES, standing.CONTRADICTED)
    assert found.contradictions


def test_the_appendix_rows_of_the_archived_draws_are_compared(ledger):
    found = ledger.loc["registry/table9"]
    assert (found.agrees, found.matching, found.compared) == (book.PART, 2, 2)
    assert found.evidence == evidence.FINER


def test_a_worst_case_is_not_shown_as_an_estimate(ledger):
    assert ledger.loc["mediation/positive-count"].corrected == "4 (components taken as independent)"
    page = (project_root() / "notebooks" / "22_mediation_bias.md").read_text(encoding="utf-8")
    claimed = [line for line in page.splitlines() if "claim=" in line]
    assert any("mediation/positive-count" in line for line in claimed)
    assert not any("worst" in line for line in claimed)


def test_the_computed_column_holds_the_claimed_quantity_only(ledger):
    rho, p, smaller = 0.269, 0.032, 0.199
    n = (stats.norm.isf(p / 2) / math.atanh(rho)) ** 2 + 3
    t = smaller * math.sqrt((n - 2) / (1 - smaller**2))
    assert 2 * stats.t.sf(t, n - 2) == pytest.approx(0.117, abs=0.003)  # not the rho of the claim
    found = ledger.loc["perturbation/dixit13-adjusted"]
    assert (found.agrees, found.computed) == (book.OPEN, "")
    assert "0.114 to 0.119" in found.contradictions


@pytest.mark.parametrize(
    ("claim", "verdict", "value"),
    [
        ("detectability/ratio", book.YES, 100 / 1.5**2),
        ("detectability/tau-collapse", book.NO, 1.5),
        ("pseudotime/failure-simultaneous", book.YES, 100 * 26 / 44),
        ("pseudotime/failure-target-leads", book.YES, 100 * 14 / 44),
        ("pseudotime/q", book.NO, None),
        ("baselines/auroc-band", book.YES, None),
        ("c/inhibitory", book.YES, None),
        ("ortholog/table8", book.PART, None),
        ("pseudotime/by-lineage", book.PART, None),
        ("pseudotime/immune-consistent", book.PART, 100 * 26 / 114),
    ],
)
def test_claims_that_arithmetic_decides_are_decided(ledger, claim, verdict, value):
    found = ledger.loc[claim]
    assert (found.agrees, found.evidence) == (verdict, evidence.PRINTED)
    if value is not None:
        shown = [float(n) for n in NUMBER.findall(found.computed)]
        assert any(np.isclose(value, s, rtol=5e-3) for s in shown)
