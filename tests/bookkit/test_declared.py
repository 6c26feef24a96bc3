"""Declared tests: what the file may hold, what is refused, and which record an outcome becomes."""

import json
from dataclasses import replace

import pytest
import yaml

from bookkit.declared import load
from helpers.errors import RegistryError
from helpers.estimates import Estimate, NotEstimable
from helpers.statistics.results import Outcome

ONE = {
    "hypothesis": "attention follows co-expression",
    "statistic": "rho",
    "unit": "gene",
    "under": "gene labels permuted",
    "sides": "one",
    "claims": ["a/b"],
    "says": {"found": "follows", "open": "is not shown to follow"},
    "published": {"unit": "pair", "under": "pairs independent", "sides": "two"},
}
TWO = ONE | {"sides": "two", "says": {"above": "more", "below": "less", "open": "unclear"}}
FOUND = Outcome(0.3, 0.01, "one", "QAP", "gene labels permuted", "gene", 50, 99, 0.01)


@pytest.fixture
def write(tmp_path):
    def writing(content, name="10_page.yaml"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return writing


@pytest.fixture
def stated(write):
    tests = {"10.1": ONE, "10.2": TWO, "10.3": {k: ONE[k] for k in ("hypothesis", "statistic")}}
    tests["10.3"] |= {"unit": "gene", "role": "descriptive"}
    return load(write({"paper": "A", "section": "3.1", "primary": "10.1", "tests": tests}))


def test_a_record_has_the_words_of_the_file_and_the_numbers_of_the_outcome(stated):
    row = stated.record("10.1", ("scgpt", "baron"), FOUND, seed=7)
    assert (row.test_id, row.notebook, row.family) == ("10.1/scgpt/baron", "10_page", "F10")
    assert (row.hypothesis, row.null, row.unit) == (ONE["hypothesis"], ONE["under"], "gene")
    assert (row.estimate, row.p, row.n_units, row.seed) == (0.3, 0.01, 50, 7)
    assert (row.role, row.claim_ids, row.paper) == ("confirmatory", ("a/b",), "A")


@pytest.mark.parametrize("change", [{"unit": "cell"}, {"null": "value 0"}, {"sides": "two"}])
def test_an_outcome_of_another_unit_null_or_sides_is_refused(stated, change):
    with pytest.raises(RegistryError, match=r"10_page 10\.1: the (unit|null|sides) of the outcome"):
        stated.record("10.1", (), replace(FOUND, **change))


def test_a_published_row_has_its_own_unit_and_null(stated):
    published = replace(FOUND, unit="pair", null="pairs independent", sides="two")
    row = stated.record("10.1", ("a",), published, variant="published")
    assert (row.unit, row.null, row.variant) == ("pair", "pairs independent", "published")
    with pytest.raises(RegistryError, match="the null of the outcome"):
        stated.record("10.1", ("a",), FOUND, variant="published")


def test_planted_and_estimated_rows_are_descriptive(stated):
    assert stated.record("10.1", ("world",), FOUND, planted=True).role == "descriptive"
    row = stated.record("10.3", ("a",), Estimate(0.2, unit="gene", n_units=4))
    assert (row.role, row.estimate, row.p, row.n_units) == ("descriptive", 0.2, None, 4)


def test_what_is_not_estimable_keeps_its_reason(stated):
    row = stated.record("10.1", ("a",), NotEstimable("2 genes"))
    assert not row.estimable and row.reason == "2 genes" and row.unit == "gene"


@pytest.mark.parametrize(
    ("number", "p", "estimate", "against", "answer"),
    [
        ("10.1", 0.05, 1, 0, "found"),
        ("10.1", 0.0501, 1, 0, "open"),
        ("10.2", 0.01, 0.52, 0.5, "above"),
        ("10.2", 0.01, 0.51, 0.516, "below"),
        ("10.2", None, 0.5, 0.5, "open"),
    ],
)
def test_the_level_decides_and_the_null_says_what_is_above(
    stated, number, p, estimate, against, answer
):
    test = stated.test(number)
    assert test.answer(p, stated.alpha, estimate, against) == answer
    assert test.says[answer]


def test_runs_of_numbers_are_filled_from_each(write):
    run = ONE | {"each": {"method": ["sum", "mean"], "n": [1, 2]}, "hypothesis": "{method} of {n}"}
    found = load(write({"tests": {"10.1-4": run}})).tests
    assert [t.hypothesis for t in found.values()] == [
        "sum of 1",
        "sum of 2",
        "mean of 1",
        "mean of 2",
    ]
    assert list(found) == ["10.1", "10.2", "10.3", "10.4"]


def test_other_words_do_not_change_the_statements(stated, write):
    other = ONE | {"says": {"found": "goes along", "open": "?"}}
    base = {"paper": "A", "section": "3.1", "tests": {"10.1": ONE}}
    first, words = load(write(base)), load(write(base | {"tests": {"10.1": other}}))
    assert first.statements() == words.statements()
    unit = load(write(base | {"tests": {"10.1": ONE | {"unit": "cell"}}}))
    assert unit.statements() != first.statements()
    assert json.loads(first.statements())["tests"]["10.1"]["under"] == ONE["under"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tests: {'10.1': {null: x}}", "write under:"),
        ("tests: {10.1: {}}", "as text"),
        ("on: 1", "read as true"),
        ("tests: {'10.1': {colour: red}}", "unknown key 'colour'"),
        ("colour: red", "unknown key 'colour'"),
        ("tests: {'11.1': {hypothesis: h, statistic: s, unit: u}}", "no number of this page"),
        ("tests: {'10.1': {hypothesis: h, statistic: s}}", "unit"),
        ("tests: {'10.1': {hypothesis: h, statistic: s, unit: u, sides: one}}", "no words for"),
        ("tests: {'10.1': {hypothesis: h, statistic: s, unit: u, sides: both}}", "choose one of"),
        ("tests: {'10.1': {hypothesis: h, statistic: s, unit: u, says: {found: x}}}", "no answers"),
        ("tests: {'10.1-3': {hypothesis: h, statistic: s, unit: u}}", "belong together"),
        ("tests: {'10.1-3': {each: {a: [1, 2]}, statistic: s, unit: u}}", "3 numbers for 2"),
        ("tests: {'10.1-2': {each: {a: [1, 2]}, hypothesis: '{b}'}}", "cannot be filled"),
        ("tests: {}\nprimary: '10.9'", "primary"),
        ("tests: {}\nalpha: 2", "alpha"),
        ("tests: [", "not YAML"),
        ("just text", "names with values"),
    ],
)
def test_bad_files_say_what_is_wrong(write, text, words):
    with pytest.raises(RegistryError, match=words) as error:
        load(write(text))
    assert "10_page.yaml" in str(error.value)


def test_a_missing_file_and_an_undeclared_number_say_so(stated, tmp_path):
    with pytest.raises(RegistryError, match="is missing"):
        load(tmp_path / "11_none.yaml")
    with pytest.raises(RegistryError, match=r"10\.9 is not declared"):
        stated.record("10.9", (), FOUND)
