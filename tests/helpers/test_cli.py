"""The command line: what it lists, what it refuses, and with which exit code."""

import pytest
from typer.testing import CliRunner

from helpers.cli import app

ROOMS = ("data", "ledger", "models")


@pytest.fixture
def cli(root, results, monkeypatch):
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(root / "tests" / "fixture_book" / "notebooks"))
    monkeypatch.setenv("HELPERS_PARAMS_DIR", str(root / "tests" / "fixture_book" / "params"))
    return lambda *words: CliRunner().invoke(app, list(words))


def test_help_lists_every_command(cli):
    done = cli("--help")
    assert done.exit_code == 0
    for name in ("run", "book", "doctor", "score", *ROOMS):
        assert f" {name} " in done.output


@pytest.mark.parametrize("name", ["run", "book", "doctor", "score"])
def test_every_command_has_an_example(cli, name):
    done = cli(name, "--help")
    assert done.exit_code == 0 and f"helpers {name}" in done.output


@pytest.mark.parametrize("name", sorted(ROOMS))
def test_rooms_are_reached(cli, name):
    done = cli(name, "--help")
    assert done.exit_code == 0 and "Commands" in done.output


@pytest.mark.parametrize(
    "words",
    [
        ["run", "00_none"],
        ["run", "../00_first"],
        ["run", "00_first", "-p", "n=101"],
        ["run", "00_first", "-p", "n=many"],
        ["run", "00_first", "-p", "m=1"],
        ["run", "00_first", "--profile", "none"],
        ["run", "00_first", "--profile", "../demo"],
        ["book", "--profile", "demo"],
        ["book", "--profile", "none"],
        ["book", "--with", "none"],
        ["score", "none.csv", "-r", "trrust"],
        ["score", "none.csv", "-r", "trrust", "-o", "card.txt"],
        ["data", "fetch", "none"],
        ["data", "card", "none"],
        ["models", "inspect", "none"],
        ["models", "inspect", "scgpt:/none"],
        ["models", "train", "none"],
        ["models", "train", "scgpt-sim", "--steps", "1"],
        ["ledger", "counts", "--profile", "none"],
    ],
)
def test_our_own_errors_end_with_1_and_start_nothing(cli, results, words):
    done = cli(*words)
    assert done.exit_code == 1, done.output
    assert done.output.startswith("Error: ")
    assert "Traceback" not in done.output
    assert not results.exists()


@pytest.mark.parametrize("words", [["none"], ["run"], ["run", "00_first", "--none"]])
def test_wrong_usage_ends_with_2(cli, words):
    assert cli(*words).exit_code == 2


def test_parameters_can_be_listed(cli):
    done = cli("run", "00_first", "--show", "-p", "n=7")
    assert done.exit_code == 0
    assert "n: int = 7  [1, 100]  how many numbers" in done.output
