"""What notebooks get when the archives behind paper A's tables are absent or misnamed."""

import pytest

from helpers.analyses import published_tables as published
from helpers.analyses.archive_cells import check
from helpers.archives import from_folder
from helpers.errors import ParameterError


def test_absent_archive_says_how_to_get_it(tmp_path):
    found = published.open_sections("table5", "table6", locate=from_folder(tmp_path))
    assert found.sections == []
    assert "no file" in found.missing
    assert "HELPERS_DATA_MIRROR" in found.sentence()


def test_unknown_sections_are_refused():
    with pytest.raises(ParameterError, match="table9"):
        published.open_sections("table9")


def test_rounding_in_two_steps_is_marked_and_gets_a_tolerance():
    path = "crosstissue/table6[attention (pooled)].trrust_28"
    found = check("crosstissue/table6", {path: 0.717474}, function="f")
    assert found.cells["twice"].tolist() == [True]
    kept = {}

    class Page:
        def value(self, key, value, **meta):
            kept[key] = (value, meta)

    published.keep(
        Page(),
        published.Section("t", [found], found.cells, "", "", "f", {"x": 1.0}, {"x": path}),
    )
    published_entry = kept["archive/t/table6/attention/_pooled_"]
    assert published_entry[1]["tolerance"] == pytest.approx(5e-5)
    assert kept["archive/t/corrected/x"][1]["claim"] == path
