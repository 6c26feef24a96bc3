"""The chapter for readers with edges of their own does what it says."""

from __future__ import annotations

import doctest
import re
import shlex

import pytest
from typer.testing import CliRunner

from helpers.cli import app

COMMAND = re.compile(r"^\$ (helpers .+)$", re.MULTILINE)


@pytest.fixture
def chapter(root):
    return (root / "book" / "score_your_own.md").read_text("utf-8")


def test_every_line_runs(chapter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = COMMAND.findall(chapter)
    assert commands
    how = doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=how)
    code = chapter.replace("```", "")
    found = runner.run(parser.get_doctest(code, {}, "chapter", None, 0))
    assert found.attempted > 15 and found.failed == 0
    for command in commands:
        done = CliRunner().invoke(app, shlex.split(command)[1:])
        assert done.exit_code == 0, done.output
    assert {"card.html", "card.json", "card.csv"} <= {path.name for path in tmp_path.iterdir()}
