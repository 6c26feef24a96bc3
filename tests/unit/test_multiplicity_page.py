import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.analyses import multiplicity
from helpers.plotting import registry as plots
from helpers.registry import TestRecord, append, correction, sensitivity, simulation


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
    (folder / "run.json").write_text(json.dumps({"tests": 5}), encoding="utf-8")
    return tmp_path


def test_registry_leaves_its_own_page_out(profile):
    assert len(multiplicity.registry_of_others(profile)) == 5


def test_bookkeeping_sees_a_missing_and_a_repeated_row(profile):
    assert multiplicity.bookkeeping(profile).iloc[0].tolist() == ["12_null_models", 5, 5, 0]
    path = profile / "12_null_models" / "tests.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines[:3], lines[0]]) + "\n", encoding="utf-8")
    row = multiplicity.bookkeeping(profile).iloc[0]
    assert (row["said"], row["found"], row["repeated"]) == (5, 4, 1)


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
    assert wrong[2].estimate == 5


def test_verdict_counts_the_hand_example(profile):
    corrected = correction.correct(multiplicity.registry_of_others(profile))
    text = multiplicity.verdict(corrected)
    assert text.startswith("Of 5 confirmatory tests, 4 have p of at most 0.05; 4 remain")
    assert "0 under Benjamini-Yekutieli" in text


def test_null_share_has_the_exact_interval():
    table = pd.DataFrame({"bh": [True] + [False] * 49})
    share = multiplicity.null_share(table, "bh")
    assert (share["worlds"], share["called"]) == (50, 1)
    exact = stats.binomtest(1, 50).proportion_ci(method="exact")
    assert (share["low"], share["high"]) == (pytest.approx(exact.low), pytest.approx(exact.high))


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
