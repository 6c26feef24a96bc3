"""A recorded measurement is made again when what it reaches has changed, and only then."""

import calibration_kit as kit
import pytest

from bookkit import calibration

SOURCE = """
import pandas as pd
from helpers.statistics.multiplicity import adjust
from helpers.statistics.permutation import permutation_test

DRAWS: int = 3
OTHER = 4

def measure():
    RUNS.append(1)
    return pd.DataFrame({"share": [helped() / DRAWS]})

def helped():
    return adjust([0.01]).min()

def apart():
    return permutation_test(OTHER)
"""


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Count how often a file with changes measures, its record kept in a folder of its own."""
    monkeypatch.setattr(calibration, "RECORDS", tmp_path)
    runs = []

    def measured(old="", new="", pages=None):
        path = tmp_path / "measuring.py"
        path.write_text(SOURCE.replace(old, new) if old else SOURCE)
        space = {"RUNS": runs}
        exec(compile(path.read_text(), str(path), "exec"), space)  # noqa: S102 - the text above
        before = len(runs)
        assert len(kit.kept_draws("x", space["measure"], pages)) == 1
        return len(runs) - before

    return measured


def test_what_is_reached_decides(measured):
    assert [measured(), measured()] == [1, 0]
    assert measured("OTHER = 4", "OTHER = 5") == 0, "measure does not reach it"
    assert measured("    return adjust", "    # why\n    return adjust") == 0
    for old, new in (("DRAWS: int = 3", "DRAWS: int = 2"), ("[0.01]", "[0.02]")):
        assert measured(old, new) == 1, old
        assert measured() == 1, "back again"
    (one,) = calibration.records("x")
    assert one.current and list(one.rates) == ["share", "code"]


def test_modules_and_pages_count(measured, monkeypatch):
    page = {"11_cssi": ("false_share_test",)}
    assert [measured(pages=page), measured(pages=page)] == [1, 0]
    assert measured(pages={"11_cssi": ("decline_test",)}) == 1
    monkeypatch.setattr(calibration, "code_digest", lambda modules: f"other than {sorted(modules)}")
    assert measured(pages={"11_cssi": ("decline_test",)}) == 1
    assert measured(pages={"11_cssi": ("decline_test",)}) == 0


def test_names_of_a_page_lead_to_its_imports():
    texts, names = kit.reached("from a.b import c as d\nx = 1\ndef f():\n    return d + x", ["f"])
    assert len(texts) == 2 and names == {"a.b.c"}
