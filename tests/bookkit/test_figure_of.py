"""Figures of notebooks on other pages: found by name, with their own words."""

import json

import pytest

from bookkit.figure_of import words_of
from bookkit.publish import figure_label
from helpers.errors import RunError


@pytest.fixture
def notebook(tmp_path):
    about = {
        "image": {"alt": "Points", "classes": "narrowest-360"},
        "figure": {"caption": "All.", "name": figure_label("13_x", "levels")},
    }
    cells = [{"metadata": {}}, {"metadata": {"mystnb": about}}]
    path = tmp_path / "13_x.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    return path


def test_words_come_from_the_page_that_draws(notebook):
    found = words_of(notebook, "fig-13-x-levels")
    assert found["image"]["alt"] == "Points" and found["figure"]["caption"] == "All."


def test_what_is_not_there_is_named(notebook, tmp_path):
    with pytest.raises(RunError, match="fig-13-x-levels"):
        words_of(notebook, "fig-13-x-other")
    with pytest.raises(RunError, match="helpers run"):
        words_of(tmp_path / "14_y.ipynb", "fig-14-y-levels")
