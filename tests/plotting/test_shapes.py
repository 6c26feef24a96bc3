"""Shapes: the words name the numbers, text is large enough, nothing is computed."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from helpers import plotting
from helpers.plotting.canvas import SMALLEST, WIDTH, words_of
from helpers.statistics import Outcome

INDEX = pd.MultiIndex.from_tuples([("scgpt", "baron"), ("geneformer", "sim")])
TABLE = pd.DataFrame({"first": [0.12, 0.34], "second": [0.56, 0.78]}, index=INDEX)
LONG = pd.DataFrame(
    {
        "cells": [50, 100, 50, 100],
        "AUROC": [0.51, 0.52, 0.53, 0.54],
        "low": [0.4, 0.4, np.nan, 0.5],
        "high": [0.6, 0.6, np.nan, 0.6],
        "model": ["scgpt", "scgpt", "geneformer", "geneformer"],
        "data": ["baron", "baron", "sim", "sim"],
    }
)
RNG = np.random.default_rng(0)
X = RNG.normal(size=200)
OUTCOME = Outcome(0.3, 0.01, "one", "QAP", "labels permuted", "gene", 9, draws=RNG.normal(size=99))
DRAWN = {
    "bars": lambda: plotting.bars(TABLE, "share", band=(0.01, 0.12)),
    "points": lambda: plotting.points(TABLE, "cosine", line=0.5),
    "forest": lambda: plotting.forest(LONG, "AUROC", "AUROC", by="model", line=0.5),
    "intervals": lambda: plotting.intervals(LONG, "cells", "AUROC", by="model", panels_by=["data"]),
    "lines": lambda: plotting.lines(LONG, "cells", "AUROC", by="model", log_x=True),
    "density": lambda: plotting.density_and_null(
        X, X, OUTCOME, xlabel="x", ylabel="y", statistic="rho"
    ),
    "heatmap": lambda: plotting.heatmap(TABLE, "share", centre=0.5, show_values=True),
    "histogram": lambda: plotting.histogram({"a": X, "b": X + 1}, "z", marks={"here": 0.5}),
    "scatter apart": lambda: plotting.scatter(
        LONG, "cells", "AUROC", by="model", apart=True, diagonal=True, log_x=True, log_y=True
    ),
    "scatter": lambda: plotting.scatter(LONG, "cells", "AUROC", by="model", diagonal=True),
}


@pytest.fixture(params=DRAWN)
def drawn(request):
    figure, words = DRAWN[request.param]()
    figure.canvas.draw()
    yield figure, words
    plt.close(figure)


def test_text_is_readable_on_a_telephone(drawn):
    figure, _ = drawn
    assert figure.get_figwidth() == WIDTH
    sizes = {text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip()}
    inches = 390 / 96 - 0.35  # a phone, without the margins of the page
    assert min(sizes) * min(1, inches / WIDTH) >= 8
    assert min(sizes) >= SMALLEST


def test_words_say_what_is_drawn(drawn):
    figure, words = drawn
    assert len(words) > 40 and words.endswith(".") and "nan" not in words
    assert any(axis.get_xlabel() or axis.get_ylabel() for axis in figure.axes)


@pytest.mark.parametrize("name", ["bars", "points"])
def test_words_have_every_number(name):
    _, words = DRAWN[name]()
    for number in ("0.12", "0.34", "0.56", "0.78"):
        assert number in words


def test_groups_differ_by_more_than_colour():
    figure, _ = DRAWN["forest"]()
    assert len({line.get_marker() for line in figure.axes[0].lines} - {"None", "|", "", None}) >= 2


def test_long_tables_are_said_as_ranges():
    words = words_of(pd.DataFrame({"a": np.arange(40.0)}))
    assert words == "a from 0 to 39"


def test_intervals_that_do_not_exist_have_no_arms():
    figure, _ = DRAWN["forest"]()
    arms = [c for c in figure.axes[0].collections if hasattr(c, "get_segments")]
    spans = [segment[:, 0] for c in arms for segment in c.get_segments()]
    assert min(abs(span[1] - span[0]) for span in spans) == 0
