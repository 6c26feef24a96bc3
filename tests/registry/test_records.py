"""Test records refuse what the registry's rules forbid, and are written once and whole."""

import json

import numpy as np
import pytest

from helpers.errors import RegistryError
from helpers.estimates import NotEstimable
from helpers.registry import (
    TestRecord,
    append,
    collect,
    frame,
    read,
    record_of,
    write_registry,
)
from helpers.statistics.results import Outcome

GOOD = {
    "test_id": "10.1/scgpt/baron",
    "notebook": "10_coexpression",
    "hypothesis": "pooled attention follows co-expression",
    "statistic": "rho(A, R)",
    "test": "QAP",
    "null": "gene labels of R permuted",
    "unit": "gene",
    "n_units": 300,
    "family": "F10",
    "role": "confirmatory",
    "estimate": 0.3,
    "sides": "one",
    "resamples": 99,
    "p": 0.01,
    "p_floor": 0.01,
}


def record(**changes):
    return TestRecord(**(GOOD | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"p": 1.2}, "must lie in"),
        ({"p": -0.1}, "must lie in"),
        ({"p": float("nan")}, "must lie in"),
        ({"p": 0.005}, "below the floor"),
        ({"p": 0.0, "p_floor": None}, "p is 0 from resampling"),
        ({"p": None, "p_bound": "<", "role": "descriptive"}, "without a number"),
        ({"p": None}, "needs p"),
        ({"estimable": False, "p": None}, "reason"),
        ({"estimable": False, "reason": "2 TFs"}, "has no p"),
        ({"unit": "pair"}, "unit 'pair'"),
        ({"unit": ""}, "unit ''"),
        ({"unit": "bootstrap draw"}, "resamples are not units"),
        ({"estimate": float("inf")}, "estimate is inf"),
        ({"ci_low": 0.1}, "both ends"),
        ({"ci_low": 0.2, "ci_high": 0.1}, "reversed"),
        ({"test_id": "ten"}, "must look like"),
        ({"test_id": "11.1"}, "begins with 11"),
        ({"family": "ten"}, "family"),
        ({"role": "exploratory"}, "role"),
        ({"variant": "mine"}, "variant"),
        ({"hypothesis": " "}, "hypothesis is empty"),
    ],
)
def test_a_rule_that_is_broken_is_named(changes, message):
    with pytest.raises(RegistryError, match=message):
        record(**changes)


def test_published_rows_may_count_pairs_and_carry_bounds():
    row = record(unit="pair", variant="published", p=1e-50, p_bound="<", p_floor=None, resamples=0)
    assert row.key == ("10.1/scgpt/baron", "published")


def test_a_row_that_is_not_estimable_is_kept_with_its_reason(tmp_path):
    row = record(estimable=False, p=None, estimate=None, reason="2 TFs with a positive")
    append(row, tmp_path / "tests.jsonl")
    assert read(tmp_path / "tests.jsonl") == [row]


def test_numpy_numbers_become_plain_json(tmp_path):
    row = record(estimate=np.float32(0.5), p=np.float64(0.5), n_units=np.int64(3), seed=np.int64(1))
    append(row, tmp_path / "tests.jsonl")
    stored = json.loads((tmp_path / "tests.jsonl").read_text())
    assert stored["n_units"] == 3 and stored["estimate"] == 0.5
    assert read(tmp_path / "tests.jsonl") == [row]


def test_one_id_and_variant_once(tmp_path):
    path = tmp_path / "10_coexpression" / "tests.jsonl"
    append(record(), path)
    before = path.read_bytes()
    append(record(variant="published"), path)
    with pytest.raises(RegistryError, match="one id once"):
        append(record(p=0.5), path)
    assert path.read_bytes().startswith(before)
    assert [entry.variant for entry in read(path)] == ["corrected", "published"]
    assert [item.name for item in path.parent.iterdir()] == ["tests.jsonl"]


def test_broken_files_are_refused(tmp_path):
    path = tmp_path / "tests.jsonl"
    path.write_text("{half\n")
    with pytest.raises(RegistryError, match="line 1"):
        read(path)
    line = json.dumps(record().as_dict())
    path.write_text(f"{line}\n{line}\n")
    with pytest.raises(RegistryError, match="twice"):
        read(path)
    path.write_text(json.dumps(record().as_dict() | {"surprise": 1}) + "\n")
    with pytest.raises(RegistryError, match="surprise"):
        read(path)
    path.write_text(json.dumps({"test_id": "10.1"}) + "\n")
    with pytest.raises(RegistryError, match="missing"):
        read(path)


def test_collect_joins_notebooks_and_writes_the_csv(tmp_path):
    append(record(), tmp_path / "10_coexpression" / "tests.jsonl")
    append(
        record(test_id="11.1", notebook="11_cssi", family="F11", unit="seed", claim_ids=("a", "b")),
        tmp_path / "11_cssi" / "tests.jsonl",
    )
    table = collect(tmp_path)
    assert table["test_id"].tolist() == ["10.1/scgpt/baron", "11.1"]
    assert table.loc[1, "claim_ids"] == "a b"
    assert {"ci_lo", "ci_hi", "B", "p_raw", "p_floor"} <= set(table.columns)
    write_registry(table, tmp_path / "registry.csv")
    header = (tmp_path / "registry.csv").read_text().splitlines()[0].split(",")
    assert header == list(table.columns)


def test_one_id_in_two_notebooks_is_refused():
    with pytest.raises(RegistryError, match="One id twice"):
        frame([record(), record()])


def test_an_empty_registry_is_an_empty_table(tmp_path):
    assert collect(tmp_path).empty


def test_record_of_takes_the_outcome_and_lets_fields_go_before_it():
    about = GOOD | {"role": "descriptive"}
    for name in (
        "test",
        "null",
        "unit",
        "n_units",
        "sides",
        "estimate",
        "p",
        "p_floor",
        "resamples",
    ):
        about.pop(name, None)
    found = Outcome(
        0.4, 0.01, "one", "QAP", "labels permuted", "gene", 30, 99, 0.01, low=0.2, high=0.6
    )
    row = record_of(found, **about, null="said otherwise")
    assert (row.estimate, row.ci_low, row.ci_high, row.p, row.p_floor) == (
        0.4,
        0.2,
        0.6,
        0.01,
        0.01,
    )
    assert (row.test, row.null, row.unit, row.n_units) == ("QAP", "said otherwise", "gene", 30)
    none = record_of(NotEstimable("too few genes"), **about, unit="gene")
    assert not none.estimable and none.reason == "too few genes" and none.p is None
