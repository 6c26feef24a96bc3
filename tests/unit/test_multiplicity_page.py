import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.analyses import multiplicity
from helpers.datasets.simulate import planted as roles
from helpers.errors import RunError
from helpers.plotting import registry as plots
from helpers.registry import TestRecord, append, correction, sensitivity, simulation
from helpers.registry.records import NOT_FETCHED


def record(number, p, family="F12", **more):
    fields = {
        "test_id": number,
        "notebook": "12_null_models",
        "hypothesis": "something holds",
        "statistic": "AUROC",
        "test": "permutation",
        "null": "targets exchangeable within TF",
        "unit": "TF",
        "n_units": 14,
        "family": family,
        "role": "confirmatory",
        "p": p,
    }
    return TestRecord(**(fields | more))


@pytest.fixture
def profile(tmp_path):
    folder = tmp_path / "12_null_models"
    folder.mkdir()
    for number, p in enumerate(multiplicity.HAND_EXAMPLE, start=1):
        append(record(f"12.{number}", p, p_floor=0.001), folder / "tests.jsonl")
    kept = {"tests": 5, "declares": [f"12.{i}" for i in range(1, 6)]}
    (folder / "run.json").write_text(json.dumps(kept), encoding="utf-8")
    return tmp_path


def test_registry_leaves_its_own_page_out(profile):
    assert len(multiplicity.registry_of_others(profile)) == 5


def test_bookkeeping_sees_missing_undeclared_and_repeated_rows(profile):
    assert multiplicity.bookkeeping(profile).iloc[0].tolist() == ["12_null_models", 5, 0, 0, 0]
    path = profile / "12_null_models" / "tests.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    other = lines[0].replace('"12.1"', '"12.9/x"')
    path.write_text("\n".join([*lines[:3], lines[0], other]) + "\n", encoding="utf-8")
    row = multiplicity.bookkeeping(profile).iloc[0]
    assert (row["rows"], row["missing"], row["undeclared"], row["repeated"]) == (5, 2, 1, 1)


def test_a_page_without_declarations_is_refused(profile):
    (profile / "12_null_models" / "run.json").write_text('{"tests": 5}', encoding="utf-8")
    with pytest.raises(RunError, match="declares"):
        multiplicity.declared(profile)


def test_machinery_records_count_and_test(profile):
    _, found = simulation.error_rates(200, np.random.default_rng(0))
    registry = multiplicity.registry_of_others(profile)
    books = multiplicity.bookkeeping(profile)
    rows = multiplicity.machinery_records(found, books, registry, seed=0)
    by_id = {row.test_id: row for row in rows}
    null = found["all null, blocks", "bh"]
    assert by_id["90.1"].p == pytest.approx(stats.binom.sf(null.any_false_count - 1, 200, 0.05))
    assert by_id["90.2"].estimate == by_id["90.3"].estimate == 0
    below = registry.assign(p_floor=registry["p_raw"] + 0.01)
    wrong = multiplicity.machinery_records(found, books, below, seed=0)
    assert wrong[2].estimate == 5 and wrong[2].p == 0.0
    assert by_id["90.2"].p == by_id["90.3"].p == 1.0
    assert {row.role for row in rows} == {"confirmatory"}
    worse = multiplicity.machinery_records(found, books.assign(missing=1), registry, seed=0)
    assert (worse[1].estimate, worse[1].p) == (1, 0.0)


def test_verdict_counts_the_hand_example(profile):
    corrected = correction.correct(multiplicity.registry_of_others(profile))
    text = multiplicity.verdict(corrected)
    assert text.startswith("Of 5 confirmatory tests, 4 have p of at most 0.05; 4 remain")
    assert "0 under Benjamini-Yekutieli" in text


def test_an_absent_file_is_not_counted_as_a_design_without_an_answer(profile):
    corrected = correction.correct(multiplicity.registry_of_others(profile))
    silent = corrected.assign(estimable=True, reason="")
    silent.loc[silent.index[:2], ["estimable", "reason"]] = [False, NOT_FETCHED]
    silent.loc[silent.index[2], ["estimable", "reason"]] = [False, "one donor"]
    text = multiplicity.verdict(silent)
    assert "1 further rows say that their design cannot give an answer" in text
    assert "2 more could not be done" in text
    assert "could not be done" not in multiplicity.verdict(silent.assign(estimable=True))


def test_calls_that_depend_on_the_definition_are_shown_in_words():
    table = pd.DataFrame(
        {
            "test_id": ["a", "b", "c"],
            "A": [0.03, 0.01, 0.02],
            "D": [0.0, 1.0, np.nan],
            "changes": [True, False, True],
        }
    )
    found = multiplicity.changing(table)
    assert found["test_id"].tolist() == ["a", "c"]
    assert found["D"].tolist() == ["not called", "outside"]


def test_roles_follow_one_rule(profile):
    assert roles.role_of("12.1/sim/prominence-only") == "descriptive"
    for open_question in ("11.1/sim/Large", "10.1/scgpt/sim", "12.1/scgpt/baron/trrust", "24.13"):
        assert roles.role_of(open_question) == "confirmatory"
    registry = multiplicity.registry_of_others(profile)
    assert roles.breaches(registry) == []
    assert multiplicity.role_sentence(registry).endswith("all are descriptive.")
    planted = registry.assign(test_id=registry["test_id"] + "/sim/one-TF")
    assert len(roles.breaches(planted)) == 5
    assert "against the rule: 12.1/sim/one-TF" in multiplicity.role_sentence(planted)


def test_published_row_fails_at_56_tests():
    rows, limit = multiplicity.recounted()
    assert limit == 56
    q = rows.set_index("raw_p").loc["0.020"]
    assert q["q_low"] <= q["q_high"] < 0.05


def test_figures_show_every_test(profile):
    corrected = correction.correct(multiplicity.registry_of_others(profile))
    figure, alt = plots.p_histograms(corrected)
    assert sum(p.get_height() for p in figure.axes[0].patches) == 5
    assert "4 of 5 at most 0.05" in alt
    table = sensitivity.by_definition(corrected)
    figure, alt = plots.definitions(table)
    assert len(figure.axes[0].lines) == len(table) + 1
    assert f"Lines of adjusted p for {len(table)} tests" in alt
