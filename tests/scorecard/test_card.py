"""The card and the command: complete, self-contained, escaped, and whole or not there."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import jsonschema
import numpy as np
import pandas as pd
import pytest
from scorecard_kit import FEW, drawn
from typer.testing import CliRunner

from helpers import score_edges
from helpers.cli import app
from helpers.files import atomic_write
from helpers.scorecard.card import as_html
from helpers.scorecard.record import schema

NASTY = "<img src=x onerror=alert(1)>"
NAMES = ["'><script>", "A&B;", '"onload="', r"$\frac$", "ΩΔ", "--><svg>", "{{x}}", "%s$x"]


class Reader(HTMLParser):
    """Collects tags, attributes and text, and sees that tags close."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.open, self.words = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_nothing_of_a_user_becomes_markup(small):
    table, adata, network = small
    tfs = sorted(set(table["TF"]))
    new = dict(zip(tfs, [*NAMES, *tfs[len(NAMES) :]], strict=True))
    turned = table.replace({"TF": new, "target": new})
    nets = {NASTY: network.replace({"source": new, "target": new}), r"$\x$": network.head(2)}
    cells = adata.copy()
    cells.var_names = [new.get(name, name) for name in adata.var_names]
    card = score_edges(turned, cells, nets, name=NASTY, **FEW)
    reader = read(as_html(card))
    plain = read(as_html(score_edges(table, adata, {"a": network, "b": network.head(2)}, **FEW)))
    assert sorted(set(reader.tags)) == sorted(set(plain.tags))
    assert {"script", "svg", "iframe", "object"}.isdisjoint(reader.tags)
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    assert NASTY in "".join(reader.words)


def test_the_card_needs_nothing_else_and_describes_its_figures(card):
    page = as_html(card)
    reader = read(page)
    sources = [value for name, value in reader.attributes if name in ("src", "href")]
    assert sources and all(one.startswith("data:image/svg+xml;base64,") for one in sources)
    assert "http:" not in page and "https:" not in page and "url(" not in page
    alts = [value for name, value in reader.attributes if name == "alt"]
    assert len(alts) == len(sources) and all("AUROC" in one for one in alts)
    assert ("name", "viewport") in reader.attributes
    assert "default-src 'none'" in page and "prefers-color-scheme: dark" in page
    words = "".join(reader.words)
    assert card.verdicts["net"] in words and "positives among" in words
    assert as_html(card) == page  # the same bytes each time


def test_numbers_on_the_card_are_those_of_the_record(card):
    words = "".join(read(as_html(card)).words)
    for condition in card.conditions["net"].values():
        assert f"{condition.outcome.estimate:.3f}" in words


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table, _, network = drawn()
    table.to_csv("edges.tsv", sep="\t", index=False)
    network.to_csv("mine.csv", index=False)
    return tmp_path


def run(*words: str):
    few = ["--permutations", "99", "--rewired", "99"]
    return CliRunner().invoke(app, ["score", *words, *few])


def test_the_command_writes_what_it_is_asked_for(files):
    done = run("edges.tsv", "-r", "mine.csv", "-o", "a/c.html", "-o", "c.json", "-o", "c.csv")
    assert done.exit_code == 0, done.output
    assert "mine: Above chance" in done.output
    record = json.loads((files / "c.json").read_text("utf-8"))
    jsonschema.validate(record, schema())
    assert record["edges"]["file"] == "edges.tsv" and str(files) not in json.dumps(record)
    table = pd.read_csv(files / "c.csv")
    assert np.isclose(table["estimate"][0], record["references"][0]["auroc"]["value"])
    read((files / "a" / "c.html").read_text("utf-8"))


ACUTE, NETWORK = "e\N{COMBINING ACUTE ACCENT}dges <b>&$x$", "\u0441\u0435\u0442\u044c \u8abf\u63a7"
"""A name whose accent stands apart, as some systems write it, with markup; Cyrillic and Chinese."""


def test_names_keep_the_letters_of_every_script(files):
    (files / "edges.tsv").rename(files / f"{ACUTE}.tsv")
    (files / "mine.csv").rename(files / f"{NETWORK}.csv")
    done = run(f"{ACUTE}.tsv", "-r", f"{NETWORK}.csv", "-o", "c.html", "-o", "c.json")
    assert done.exit_code == 0, done.output
    record = json.loads((files / "c.json").read_text("utf-8"))
    assert record["name"] == "\u00e9dges-b-x"
    assert [one["name"] for one in record["references"]] == [NETWORK.replace(" ", "-")]
    reader = read((files / "c.html").read_text("utf-8"))
    shown = {f"Scorecard: {record['name']}", NETWORK.replace(" ", "-")}
    assert shown <= set(reader.words) and "b" not in reader.tags


@pytest.mark.parametrize(
    "words",
    [
        ["edges.tsv", "-r", "mine.csv", "-o", "card.txt"],
        ["edges.tsv", "-r", "mine.csv", "-o", "mine.csv"],
        ["edges.tsv", "-r", "none.csv", "-o", "card.html"],
        ["none.tsv", "-r", "mine.csv", "-o", "card.html"],
        ["edges.tsv", "-r", "mine.csv", "--cells", "none.h5ad", "-o", "card.html"],
        ["edges.tsv", "-r", "mine.csv", "-o", "mine.csv/card.html"],
    ],
)
def test_what_fails_writes_nothing(files, words):
    before = {path: path.read_bytes() for path in files.rglob("*") if path.is_file()}
    done = run(*words)
    assert done.exit_code == 1 and done.output.strip().splitlines()[-1].startswith("Error: ")
    assert {path: path.read_bytes() for path in files.rglob("*") if path.is_file()} == before


def test_too_few_draws_for_many_tests_are_told(small):
    table, _, network = small
    nets = {str(k): network for k in range(9)}
    few = score_edges(table, references=nets, permutations=199, rewired=99)
    assert "more permutations" in few.warnings[0] and few.warnings[0] in as_html(few)
    assert score_edges(table, references={"n": network}, **FEW).warnings == []


def test_a_broken_write_leaves_the_old_card(tmp_path):
    path = tmp_path / "card.html"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_run_is_repeatable(files):
    for name in ("one.json", "two.json"):
        assert run("edges.tsv", "-r", "mine.csv", "-o", name).exit_code == 0
    assert (files / "one.json").read_bytes() == (files / "two.json").read_bytes()


def test_references_are_asked_for(files):
    assert run("edges.tsv").exit_code == 2
    assert re.search("reference", run("edges.tsv").output)
