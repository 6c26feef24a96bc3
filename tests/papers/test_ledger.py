import dataclasses
import json

import pytest
import yaml

from helpers.errors import RegistryError
from helpers.files import project_root
from helpers.registry.records import NOT_FETCHED
from papers import evidence, shown, standing
from papers import ledger as book
from papers.answers import Link, collect_links, links_of, unique
from papers.checks import run_checks
from papers.claims import load_claims

PATHS = [
    f"b/table4[{granularity} {tissues}].jaccard"
    for granularity in ("Heads", "MLP")
    for tissues in ("Kidney-Lung", "Kidney-Immune", "Lung-Immune")
]
PRINTED = [0.3393, 0.1806, 0.1806, 0.5476, 0.3393, 0.7143]


def link(path, value, variant="published", **more):
    return Link(path, value, variant, "50_mediation_circuits", "key", "package.function", **more)


def table4(**changes):
    values = dict(zip(PATHS, PRINTED, strict=True)) | changes
    return [link(path, value) for path, value in values.items()]


@pytest.fixture(scope="module")
def checks():
    return run_checks()


@pytest.fixture(scope="module")
def notes():
    return evidence.load_notes()


def row(links, checks, notes, claim="b/table4", notebooks=("50_mediation_circuits",)):
    return book.build_ledger(links, checks, notes, notebooks).set_index("claim_id").loc[claim]


def test_every_claim_has_three_answers_from_closed_lists(checks, notes):
    table = book.build_ledger([], checks, notes, [])
    assert len(table) == 373 + 138
    assert table.claim_id.is_unique
    assert set(table.agrees) <= set(book.AGREES)
    assert set(table.evidence) <= set(evidence.KINDS)
    assert set(table.kind) == {"measured", "setting"}
    assert table.contradictions.map(lambda text: isinstance(text, str)).all()


def test_counts_hold_every_claim_once_and_settings_apart(checks, notes):
    table = book.build_ledger([], checks, notes, [])
    for counts in (standing.standing_counts(table), standing.evidence_counts(table)):
        assert counts["measured"].sum() == table.kind.eq("measured").sum()
        assert counts["settings"].sum() == table.kind.eq("setting").sum()
        papers = counts.drop(columns=["measured", "settings"])
        assert (papers.sum(axis=1) == counts["measured"]).all()


def test_matching_cells_agree_and_a_documented_defect_stands_beside_them(checks, notes):
    found = row(table4(), checks, notes)
    assert (found.agrees, found.compared, found.matching) == (book.YES, 6, 6)
    assert found.evidence == evidence.FINER
    assert found.defect == notes.defects["b/table4"]
    frame = book.build_ledger(table4(), checks, notes, [])
    assert standing.standing(frame)[frame.claim_id == "b/table4"].item() == standing.DEFECT


def test_one_changed_digit_disagrees_and_names_the_cell(checks, notes):
    links = table4(**{PATHS[3]: 0.5477})
    found = row(links, checks, notes)
    assert (found.agrees, found.matching) == (book.NO, 5)
    assert PATHS[3] in found.reason
    others = book.build_ledger(links, checks, notes, []).set_index("claim_id").drop("b/table4")
    before = book.build_ledger(table4(), checks, notes, []).set_index("claim_id").drop("b/table4")
    assert (others.agrees == before.agrees).all()


def test_half_a_table_agrees_in_part(checks, notes):
    found = row(table4()[:3], checks, notes)
    assert found.agrees == book.PART
    assert "3 of 6 figures have no answer" in found.reason


def test_an_explained_difference_says_what_could_explain_it(checks, notes):
    path = "cssi/early-layers-auroc#high"
    found = row([link(path, 0.6101)], checks, notes, claim="cssi/early-layers-auroc")
    assert found.agrees == book.NO
    assert path in found.reason
    assert found.reason.endswith(notes.differences["cssi/early-layers-auroc"])


def test_a_claim_names_every_page_and_function_that_answers_it(checks, notes):
    links = [link(PATHS[0], 0.3393), link(PATHS[0], 0.3, "corrected")]
    links[1] = dataclasses.replace(links[1], notebook="22_mediation_bias", function="a.b.c")
    found = row(links, checks, notes)
    assert found.notebook == "50_mediation_circuits, 22_mediation_bias"
    assert found.function == "package.function, a.b.c"
    against = dataclasses.replace(links[1], variant="contradicts", notebook="51_sae_circuits")
    assert row([*links, against], checks, notes).notebook.endswith(", 51_sae_circuits")


def test_monte_carlo_tolerance_is_respected():
    assert link("b/p-heads", 0.0215, tolerance=0.003).matches()
    assert not link("b/p-heads", 0.0215).matches()
    assert not link("b/p-heads", None).matches()
    assert link("b/p-heads", 0.5, decided=True).matches()


def test_a_check_answers_a_figure_only_if_it_computes_that_figure(checks, notes):
    found = row([], checks, notes, claim="multiplicity/q-scaling")
    assert (found.agrees, found.evidence) == (book.NO, evidence.PRINTED)
    assert found.contradictions
    copied = row([], checks, notes, claim="c/consensus-pairs")
    assert (copied.agrees, copied.evidence) == (book.OPEN, evidence.NONE)
    derived = row([], checks, notes, claim="c/edges")
    assert (derived.agrees, derived.computed, derived.check) == (book.YES, "96892", "c/edges-sum")
    plain = [dataclasses.replace(check, derives=False) for check in checks]
    assert row([], plain, notes, claim="c/edges").agrees == book.OPEN


def test_a_stored_value_goes_before_a_check_of_the_same_figure(checks, notes):
    own = [link("mediation/positive-rate", 0.5)]
    assert row(own, checks, notes, claim="mediation/positive-rate").agrees == book.NO
    assert row([], checks, notes, claim="mediation/positive-rate").agrees == book.YES


def test_an_absent_archive_is_not_missing_evidence(checks, notes):
    absent = row([], checks, notes, "b/robust-pair")
    assert (absent.agrees, absent.evidence) == (book.OPEN, NOT_FETCHED)
    here = row(table4(), checks, notes, "b/robust-pair")
    assert here.evidence == evidence.NONE
    assert "has not run" in here.reason
    frame = book.build_ledger([], checks, notes, [])
    assert standing.standing(frame)[frame.claim_id == "b/robust-pair"].item() == NOT_FETCHED
    again = frame.set_index("claim_id").loc["a2t/leak-asi"]
    assert (again.evidence, again.agrees) == (NOT_FETCHED, book.OPEN)
    assert frame.set_index("claim_id").loc["ortholog/fragile"].evidence == evidence.NONE


def test_a_contradiction_shows_in_the_counts_whether_or_not_anything_was_compared(checks, notes):
    frame = book.build_ledger([], checks, notes, [])
    stands = dict(zip(frame.claim_id, standing.standing(frame), strict=True))
    assert stands["perturbation/dixit13-adjusted"] == standing.DOUBTED
    assert stands["pseudotime/rate"] == standing.CONTRADICTED
    assert stands["ortholog/fragile"] == book.OPEN


def test_the_build_says_which_archives_it_had(notes):
    none = evidence.archives_here([], notes)
    assert set(none) == set(standing.ARCHIVES) and not any(none.values())
    some = evidence.archives_here(table4(), notes)
    assert sum(some.values()) == 1
    assert "2 of 3 archives" in standing.archives_sentence(some)
    assert standing.archives_sentence(dict.fromkeys(none, True)).startswith("All 3")


def test_a_value_whose_evidence_nobody_states_is_an_error(checks, notes):
    stranger = link("ortholog/fragile", 599)
    with pytest.raises(RegistryError, match="kind of evidence"):
        book.build_ledger([stranger], checks, notes, [])
    named = dataclasses.replace(stranger, evidence=evidence.CELLS)
    found = row([named], checks, notes, "ortholog/fragile")
    assert (found.agrees, found.evidence) == (book.YES, evidence.CELLS)


def test_data_are_named_only_if_a_notebook_could_use_them(checks, notes):
    reason = row([], checks, notes, "coexpression/rho-p", ("10_coexpression",)).reason
    assert reason.startswith("10_coexpression implements it")
    assert "implements" not in row([], checks, notes, "coexpression/rho-p", ()).reason


def test_text_is_compared_as_text(checks, notes):
    found = row([link("b/robust-pair", "KLF2->CXCR4")], checks, notes, "b/robust-pair")
    assert (found.agrees, found.computed) == (book.YES, "KLF2->CXCR4")
    assert row([link("b/robust-pair", "A->B")], checks, notes, "b/robust-pair").agrees == book.NO


def test_an_interval_is_shown_with_its_value(checks, notes):
    found = row([link(PATHS[0], 0.3, "corrected", low=0.25, high=0.351)], checks, notes)
    assert found.corrected == "0.3 [0.25, 0.351]"


def test_corrected_values_never_decide(checks, notes):
    found = row([link(PATHS[0], 0.3393, "corrected")], checks, notes)
    assert (found.agrees, found.corrected) == (book.OPEN, "0.339")


def test_a_value_can_speak_against_a_claim_without_answering_it(checks, notes):
    other = link(PATHS[0], 5.0, "contradicts", note="Another run gives")
    found = row([*table4(), other], checks, notes)
    assert found.agrees == book.YES
    assert "Another run gives 5." in found.contradictions


def test_a_figure_that_is_printed_again_stands_where_the_first_one_does(checks, notes):
    first = [link("leakage/immune-flagged", 54.57), link("leakage/lung-flagged", 10.15)]
    found = row(first, checks, notes, "a2t/leak-asi")
    assert (found.agrees, found.matching, found.figures) == (book.YES, 2, 2)
    assert found.evidence == evidence.SUMMARY
    worse = [first[0], link("leakage/lung-flagged", 11.0)]
    assert row(worse, checks, notes, "a2t/leak-asi").agrees == book.NO


def test_no_verdict_is_typed_by_hand():
    room = project_root() / "src" / "papers"

    def words(node):
        if isinstance(node, dict):
            for key, value in node.items():
                yield str(key)
                yield from words(value)
        elif isinstance(node, list):
            for value in node:
                yield from words(value)
        else:
            yield str(node)

    for name in ("ledger_notes.yaml", "claims.yaml", "checks/checks.yaml"):
        content = yaml.safe_load((room / name).read_text(encoding="utf-8"))
        typed = set(standing.STANDINGS) & set(words(content)) - {"no", "yes"}
        assert not typed, name


def store(folder, entries):
    folder.mkdir(parents=True)
    (folder / "values.json").write_text(json.dumps(entries), encoding="utf-8")


def entry(**changes):
    base = {"value": 0.625, "claim": "mediation/positive-rate", "variant": "published"}
    return base | {"function": "package.function"} | changes


def test_links_are_read_from_stored_values(tmp_path):
    store(tmp_path / "22_mediation_bias", {"rate": entry(), "other": {"value": 1}})
    (found,) = collect_links(tmp_path)
    assert found.notebook == "22_mediation_bias"
    assert found.matches()
    assert collect_links(tmp_path, ["10_coexpression"]) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"claim": "no/such"}, "does not exist"),
        ({"variant": "other"}, "needs variant"),
        ({"claim": "cssi/table2[None].pooled_f1"}, "matches 0 rows"),
    ],
)
def test_a_bad_link_is_an_error(tmp_path, changes, words):
    store(tmp_path / "page", {"key": entry(**changes)})
    with pytest.raises(RegistryError, match=words):
        collect_links(tmp_path)


def test_a_value_that_a_page_compared_needs_no_function(tmp_path):
    store(tmp_path / "page", {"key": entry(function="", matches=True)})
    (found,) = collect_links(tmp_path)
    assert found.decided


def test_two_values_for_one_figure_are_an_error(tmp_path):
    store(tmp_path / "a", {"key": entry()})
    store(tmp_path / "b", {"key": entry()})
    with pytest.raises(RegistryError, match="keep one"):
        collect_links(tmp_path)
    with pytest.raises(RegistryError, match="keep one"):
        unique(links_of({"one": entry(), "two": entry()}, "page"))


def test_notes_name_claims_that_exist(monkeypatch, notes):
    broken = dataclasses.replace(notes, defects={"no/such": "fault"})
    assert list(evidence._unknown(broken)) == ["no/such"]
    assert list(evidence._unknown(notes)) == []


def test_printed_text_of_every_claim_is_short_text():
    for claim in load_claims().values():
        assert shown.printed_text(claim)
    ranged = dataclasses.replace(load_claims()["mediation/runs"], value=None, range=(1, 2))
    assert shown.printed_text(ranged) == "1 to 2"
