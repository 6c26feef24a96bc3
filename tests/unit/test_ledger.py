import dataclasses
import json

import pytest
import yaml

from helpers.errors import RegistryError
from helpers.files import project_root
from helpers.registry import ledger as book
from helpers.registry.claims import load_claims
from helpers.registry.published import run_checks

PATHS = [
    f"b/table4[{granularity} {tissues}].jaccard"
    for granularity in ("Heads", "MLP")
    for tissues in ("Kidney-Lung", "Kidney-Immune", "Lung-Immune")
]
PRINTED = [0.3393, 0.1806, 0.1806, 0.5476, 0.3393, 0.7143]


def link(path, value, variant="published", **more):
    return book.Link(
        path, value, variant, "50_mediation_circuits", "key", "package.function", **more
    )


@pytest.fixture(scope="module")
def checks():
    return run_checks()


@pytest.fixture(scope="module")
def notes():
    return book.load_notes()


def status(links, checks, notes, claim="b/table4", notebooks=("50_mediation_circuits",)):
    table = book.build_ledger(links, checks, notes, notebooks).set_index("claim_id")
    return table.loc[claim]


def test_every_claim_has_one_status_of_the_closed_list(checks, notes):
    table = book.build_ledger([], checks, notes, [])
    assert len(table) == 373
    assert table.claim_id.is_unique
    assert set(table.status) <= set(book.STATUSES)
    counts = book.status_counts(table)
    assert counts["all"].sum() == 373


def test_matching_cells_with_a_documented_defect_are_reproduced_with_correction(checks, notes):
    links = [link(path, value) for path, value in zip(PATHS, PRINTED, strict=True)]
    row = status(links, checks, notes)
    assert (row.status, row.cells, row.matching) == (book.CORRECTED, 6, 6)
    assert row.reason == notes["defects"]["b/table4"]


def test_without_the_defect_note_they_are_reproduced(checks, notes):
    links = [link(path, value) for path, value in zip(PATHS, PRINTED, strict=True)]
    plain = notes | {"defects": {}}
    assert status(links, checks, plain).status == book.REPRODUCED


def test_one_changed_digit_differs_and_names_the_cell(checks, notes):
    links = [link(path, value) for path, value in zip(PATHS, PRINTED, strict=True)]
    links[3] = link(PATHS[3], 0.5477)
    row = status(links, checks, notes)
    assert row.status == book.DIFFERS
    assert PATHS[3] in row.reason
    others = book.build_ledger(links, checks, notes, []).set_index("claim_id").drop("b/table4")
    before = book.build_ledger([], checks, notes, []).set_index("claim_id").drop("b/table4")
    assert (others.status == before.status).all()


def test_an_explained_difference_says_what_could_explain_it(checks, notes):
    path = "cssi/early-layers-auroc#high"
    row = status([link(path, 0.6101)], checks, notes, claim="cssi/early-layers-auroc")
    assert row.status == book.DIFFERS
    assert path in row.reason
    assert row.reason.endswith(notes["differences"]["cssi/early-layers-auroc"])


def test_a_claim_names_every_page_and_function_that_answers_it(checks, notes):
    links = [link(PATHS[0], 0.3393), link(PATHS[0], 0.3, "corrected")]
    links[1] = dataclasses.replace(links[1], notebook="22_mediation_bias", function="a.b.c")
    row = status(links, checks, notes)
    assert row.notebook == "50_mediation_circuits, 22_mediation_bias"
    assert row.function == "package.function, a.b.c"


def test_monte_carlo_tolerance_is_respected(checks, notes):
    assert link("b/p-heads", 0.0215, tolerance=0.003).matches()
    assert not link("b/p-heads", 0.0215).matches()
    assert not link("b/p-heads", None).matches()


def test_a_claim_that_other_figures_contradict_is_inconsistent(checks, notes):
    row = status([], checks, notes, claim="multiplicity/q-scaling")
    assert row.status == book.INCONSISTENT
    assert "registry/q-scaling" in row.contradictions


def test_a_derived_claim_is_computed_from_its_parents(checks, notes):
    row = status([], checks, notes, claim="mediation/positive-rate")
    assert row.status == book.REPRODUCED
    assert row.function == "registry.published.arithmetic.ratio"
    assert (row.notebook, row.check) == ("92_published_numbers", "mediation/rate")


def test_needs_data_only_if_a_notebook_implements_the_protocol(checks, notes):
    assert status([], checks, notes, "b/robust-pair").status == book.NEEDS_DATA
    assert status([], checks, notes, "b/robust-pair", ()).status == book.NO_EVIDENCE


def test_a_setting_is_not_answered_by_bringing_data(checks, notes):
    row = status([], checks, notes, "crosstissue/bootstrap-n", ("12_null_models",))
    assert row.status == book.NO_EVIDENCE
    assert "setting" in row.reason


def test_text_is_compared_as_text(checks, notes):
    row = status([link("b/robust-pair", "KLF2->CXCR4")], checks, notes, "b/robust-pair")
    assert (row.status, row.computed) == (book.REPRODUCED, "KLF2->CXCR4")
    assert status([link("b/robust-pair", "A->B")], checks, notes, "b/robust-pair").status == (
        book.DIFFERS
    )


def test_a_figure_that_others_define_is_reproduced_whatever_its_kind(checks, notes):
    row = status([], checks, notes, "c/edges")
    assert (row.status, row.check) == (book.REPRODUCED, "c/edges-sum")
    plain = [dataclasses.replace(check, derives=False) for check in checks]
    assert status([], plain, notes, "c/edges").status == book.NO_EVIDENCE


def test_a_claim_without_link_or_check_has_no_evidence(checks, notes):
    assert status([], checks, notes, "ortholog/fragile").status == book.NO_EVIDENCE


def test_an_interval_is_shown_with_its_value(checks, notes):
    shown = status([link(PATHS[0], 0.3, "corrected", low=0.25, high=0.351)], checks, notes)
    assert shown.corrected == "0.3 [0.25, 0.351]"


def test_what_other_printed_figures_give_is_the_computed_value(checks, notes):
    assert status([], checks, notes, "c/edges").computed == "96892"


def test_corrected_values_never_decide(checks, notes):
    row = status([link(PATHS[0], 0.3393, "corrected")], checks, notes, notebooks=())
    assert row.status == book.NO_EVIDENCE
    assert row.corrected == "0.3393"


def test_no_status_is_typed_by_hand():
    room = project_root() / "src" / "helpers" / "registry"

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

    for name in ("ledger_notes.yaml", "claims.yaml", "published/checks.yaml"):
        content = yaml.safe_load((room / name).read_text(encoding="utf-8"))
        assert not set(book.STATUSES) & set(words(content)), name


def store(folder, entries):
    folder.mkdir(parents=True)
    (folder / "values.json").write_text(json.dumps(entries), encoding="utf-8")


def entry(**changes):
    base = {"value": 0.625, "claim": "mediation/positive-rate", "variant": "published"}
    return base | {"function": "package.function"} | changes


def test_links_are_read_from_stored_values(tmp_path):
    store(tmp_path / "22_mediation_bias", {"rate": entry(), "other": {"value": 1}})
    (found,) = book.collect_links(tmp_path)
    assert found.notebook == "22_mediation_bias"
    assert found.matches()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"claim": "no/such"}, "does not exist"),
        ({"variant": "other"}, "needs variant"),
        ({"function": ""}, "name of its function"),
        ({"claim": "cssi/table2[None].pooled_f1"}, "matches 0 rows"),
    ],
)
def test_a_bad_link_is_an_error(tmp_path, changes, words):
    store(tmp_path / "page", {"key": entry(**changes)})
    with pytest.raises(RegistryError, match=words):
        book.collect_links(tmp_path)


def test_two_values_for_one_figure_are_an_error(tmp_path):
    store(tmp_path / "a", {"key": entry()})
    store(tmp_path / "b", {"key": entry()})
    with pytest.raises(RegistryError, match="keep one"):
        book.collect_links(tmp_path)


def test_printed_text_of_every_claim_is_short_text():
    for claim in load_claims().values():
        assert book.printed_text(claim)
    ranged = dataclasses.replace(load_claims()["mediation/runs"], value=None, range=(1, 2))
    assert book.printed_text(ranged) == "1 to 2"
