"""Printed figures beside recomputed ones: matches, rounding in two steps, keys."""

import pandas as pd
import pytest

from helpers.errors import RegistryError
from papers.compare import compare, key_of

PATH = "b/table4[Heads Kidney-Lung].jaccard"


def test_a_changed_digit_is_found():
    assert compare("b/table4", {PATH: 0.33929}).n_match == 1
    found = compare("b/table4", {PATH: 0.3394})
    assert (found.n_match, found.n_figures, found.claims) == (0, 1, ["b/table4"])


def test_printed_figures_stand_beside_recomputed_ones():
    paths = {PATH: 0.3394, "b/max-jaccard": 0.714}
    table = compare("b/table4", paths).table()
    assert table["figure"].tolist() == list(paths)
    assert table["printed"].tolist() == [0.3393, 0.71]
    assert table["agrees"].tolist() == ["no", "yes"]


def test_rounding_in_two_steps_is_marked_and_gets_a_tolerance():
    path = "crosstissue/table6[attention (pooled)].trrust_28"
    found = compare("crosstissue/table6", {path: 0.717474})
    assert found.table()["agrees"].tolist() == ["yes, if rounded twice"]
    (entry,) = found.entries().values()
    assert entry["matches"] and entry["tolerance"] == pytest.approx(5e-5)
    assert not compare("crosstissue/table6", {path: 0.71744}).n_match


def test_a_table_is_compared_cell_by_cell_and_a_wrong_column_is_refused():
    index = pd.MultiIndex.from_tuples([("Heads", "Kidney-Lung")])
    table = pd.DataFrame({"jaccard": [0.3393]}, index=index)
    with pytest.raises(KeyError):
        compare("b/table4", table)  # five printed rows are missing
    with pytest.raises(RegistryError, match="no columns"):
        compare("b/table4", table.rename(columns={"jaccard": "overlap"}))


def test_keys_follow_the_printed_table():
    assert key_of(PATH, alone=True) == "table4/heads/kidney-lung"
    path = "b/table2[KLF2->CXCR4 Kidney].ci_lo"
    assert key_of(path, alone=False) == "table2/klf2-cxcr4/kidney/ci_lo"
    assert key_of("b/top5-mass-mlp#low", alone=True) == "top5-mass-mlp/low"
