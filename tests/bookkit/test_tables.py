"""Tables as readers see them."""

import doctest
import re

import numpy as np
import pandas as pd
import pytest

from bookkit import numerals, tables, words
from helpers.errors import RunError


@pytest.mark.parametrize("module", [numerals, words])
def test_the_examples_hold(module):
    failures, tried = doctest.testmod(module)
    assert tried >= 2 and failures == 0


def cells(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def test_numbers_words_and_gaps():
    table = pd.DataFrame(
        {
            "model": ["scgpt", "geneformer"],
            "null_mean": ["mean_product", None],
            "auroc": [0.51234, np.nan],
            "p (QAP)": [0.00001, 0.0412],
            "n_tfs": [1234, 5],
            "change": [-0.0, -4.07e-5],
            "q_bh": [1.0, 0.5],
        }
    )
    assert cells(tables.to_html(table, "t", "c")) == [
        ["model", "null mean", "AUROC", "p (QAP)", "TFs", "change", "q BH"],
        ["scGPT", "mean product", "0.512", "&lt; 0.001", "1,234", "0", "1"],
        ["Geneformer", "–", "–", "0.041", "5", "−4.07 × 10⁻⁵", "0.500"],
    ]


def test_whole_numbers_with_gaps_stay_whole_and_infinity_is_a_sign():
    table = pd.DataFrame({"n": [3.0, np.nan], "x": [np.inf, 0.5], "ok": [True, False]})
    assert cells(tables.to_html(table, "t", "c"))[1:] == [["3", "∞", "yes"], ["–", "0.500", "no"]]


def test_estimates_that_do_not_exist_are_said_to_and_leave_numbers_as_they_were():
    table = pd.DataFrame({"n": [3, 5], "low": [0.51234, np.nan], "rho": [0.5, -0.25]})
    found = cells(tables.to_html(table.fillna("not estimable"), "t", "c"))
    assert found[1:] == [["3", "0.512", "0.500"], ["5", "not estimable", "−0.250"]]
    assert table["low"].isna().sum() == 1, "the numbers stay numbers"


def test_seven_columns_first_and_the_rest_on_demand():
    table = pd.DataFrame([range(9)], columns=[f"c{k}" for k in range(9)])
    html = tables.to_html(table, "t", "c")
    assert html.count("<th scope='col' class='num'>") == 7 and html.count("class='num more'") == 4
    assert "all 9 columns" in html
    chosen = tables.to_html(table, "t", "c", columns=["c8", "c0"])
    assert cells(chosen)[0][:2] == ["c8", "c0"] and len(cells(chosen)[0]) == 9
    assert "all-columns" not in tables.to_html(table.iloc[:, :7], "t", "c")


def test_columns_must_exist_and_be_few():
    table = pd.DataFrame([range(9)], columns=[f"c{k}" for k in range(9)])
    with pytest.raises(RunError, match=r"\['d'\].*c0"):
        tables.to_html(table, "t", "c", columns=["d"])
    with pytest.raises(RunError, match="1 to 7"):
        tables.to_html(table, "t", "c", columns=list(table.columns))


def test_a_table_without_rows_is_a_sentence():
    html = tables.to_html(pd.DataFrame({"x": []}), "t", "Pairs that changed")
    assert "Pairs that changed: none." in html and "<table" not in html


def test_row_labels_become_columns_and_the_table_stays_as_it_was():
    named = pd.DataFrame({"x": [1.5]}, index=pd.Index(["row"], name="cell_type"))
    assert cells(tables.to_html(named, "t", "c"))[0] == ["cell type", "x"]
    assert named.index.name == "cell_type"
    two = pd.DataFrame({"x": [1]}, index=pd.MultiIndex.from_tuples([("a", "b")], names=["k", None]))
    assert cells(tables.to_html(two, "t", "c")) == [["k", "", "x"], ["a", "b", "1"]]


def test_texts_are_escaped_and_long_tables_cut():
    html = tables.to_html(pd.DataFrame({"<x>": ["<b>"]}), "t", "<c>", link="a'b.csv")
    assert not re.search(r"<x>|<b>|<c>|a'b", html)
    long = tables.to_html(pd.DataFrame({"x": range(tables.MOST_ROWS + 5)}), "t", "c")
    assert long.count("<tr>") == tables.MOST_ROWS + 1 and "of 1,005 rows" in long


def test_numbers_sort_by_value_and_not_by_what_is_shown():
    html = tables.to_html(pd.DataFrame({"p": [1e-7, 0.2]}), "t", "c")
    assert "data-sort='1e-07'" in html and "data-sort='0.2'" in html


@pytest.mark.parametrize("value", [0.0004, -0.0004, 1e-12])
@pytest.mark.parametrize("spec", [".2f", ".3f", ".0%"])
def test_no_number_that_is_not_zero_is_printed_as_zero(value, spec):
    text = numerals.with_format(value, spec)
    assert re.search("[1-9]", text) and text.startswith("−") == (value < 0)
