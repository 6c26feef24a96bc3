"""What the book is built from: staged notebooks, generated pages, scripts; and the doctor."""

import json
import subprocess
import zipfile

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_notebook

from bookkit import api, assets, book, citation, doctor, model_cards, provenance, staging
from helpers.errors import RunError


@pytest.fixture
def fixture_notebooks(root, monkeypatch):
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(root / "tests" / "fixture_book" / "notebooks"))
    monkeypatch.setenv("HELPERS_PARAMS_DIR", str(root / "tests" / "fixture_book" / "params"))


def fake_result(results, profile, name, text):
    folder = results / profile / name
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    notebook = new_notebook(cells=[new_code_cell(text)])
    nbformat.write(notebook, folder / f"{name}.ipynb")


def test_staging_takes_what_is_there_and_removes_the_rest(
    fixture_notebooks, results, tmp_path, monkeypatch
):
    monkeypatch.setattr(assets, "bring_all", lambda root: None)
    monkeypatch.setattr(staging, "CARDS", {})
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "99_old.ipynb").write_text("old")
    fake_result(results, "demo", "00_first", "of the profile")
    fake_result(results, "custom", "00_first", "by hand")
    assert staging.missing("demo") == ["01_second", "90_last"]
    assert staging.stage(tmp_path, "demo") == ["00_first"]
    staged = tmp_path / "pages" / "00_first.ipynb"
    assert nbformat.read(staged, 4)["cells"][0]["source"] == "of the profile"
    assert not (tmp_path / "pages" / "99_old.ipynb").exists()
    before = staged.stat().st_mtime_ns
    staging.stage(tmp_path, "demo")
    assert staged.stat().st_mtime_ns == before, "an unchanged page was written again"
    staging.stage(tmp_path, "demo", "custom")
    assert nbformat.read(staged, 4)["cells"][0]["source"] == "by hand"


def test_a_book_without_results_says_what_to_run(fixture_notebooks, results, tmp_path):
    with pytest.raises(RunError, match=r"00_first.*make book"):
        book.build("demo", root=tmp_path)


def test_exercises_are_found_with_difficulty_and_time(fixture_notebooks):
    text = staging.exercise_index(["00_first", "01_second"])
    assert "| [A sum](#ex-00-sum) | {doc}`00_first` | easy | 5 |" in text
    assert "01_second" not in text
    assert "No page with exercises" in staging.exercise_index([])


def test_every_public_module_has_a_place_in_the_reference():
    text = "\n".join(api.pages().values())
    for name in ("helpers.errors", "bookkit.recording", "helpers.statistics.auroc"):
        assert f".. automodule:: {name}\n" in text
    assert "commands" not in text and "__init__" not in text


def test_scripts_are_unpacked_once(tmp_path, monkeypatch):
    wheel = tmp_path / "mathjax.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mathjax/static/mathjax/es5/tex-mml-chtml.js", "script")
        archive.writestr("mathjax/static/mathjax/es5/other.js", "unused")
        archive.writestr(f"mathjax/static/mathjax/{assets._UNREAD[0]}", "a second copy")
        archive.writestr("mathjax/static/mathjax/LICENSE", "licence")
    fetched = []
    monkeypatch.setattr(assets, "fetch", lambda item: fetched.append(item.name) or wheel)
    for _ in range(2):
        folder = assets.bring_mathjax(tmp_path / "static")
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == {"es5/tex-mml-chtml.js", "LICENSE", "sha256.txt"}
    assert fetched == ["mathjax"]


def test_git_state_outside_a_checkout(tmp_path, root):
    assert provenance.git_state(tmp_path) == {"commit": None, "date": None, "changed": None}
    commit = provenance.git_state(root)["commit"]
    assert commit is None or len(commit) == 40


def test_footer_says_when_the_tests_were_stated(tmp_path, monkeypatch):
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(tmp_path))

    def git(*arguments):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True)

    def line():
        context = provenance.interactive("10_x")
        return provenance.lines(provenance.record(context, []))["Tests stated"]

    assert provenance.stated_state("10_x") is None
    file = tmp_path / "10_x.yaml"
    file.write_text("alpha: 0.05\n")
    assert line() == "when is not known: not under version control"
    git("init", "-q")
    git("commit", "-qm", "Begin", "--allow-empty")
    assert line() == "not committed when the page ran"
    git("add", ".")
    git("commit", "-qm", "State the tests", "--date=2020-02-03T04:05:06+00:00")
    commit = provenance.stated_state("10_x")["commit"]
    assert line().startswith(f"{commit[:12]} of 20") and "not committed" not in line()
    (tmp_path / "other").write_text("later work")
    git("add", ".")
    git("commit", "-qm", "Work on something else")
    assert provenance.stated_state("10_x")["commit"] == commit
    file.write_text("alpha: 0.5\n")
    assert line().endswith("changed since and not committed")
    git("commit", "-qam", "State other tests")
    shallow = tmp_path / "shallow"
    git("clone", "-q", "--depth=1", tmp_path.as_uri(), str(shallow))
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(shallow))
    assert line().endswith("older commits are not in this copy")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert line() == "when is not known: not under version control", "no git on this machine"


def test_footer_names_what_a_reader_needs():
    context = provenance.interactive("10_x") | {
        "parameters": {"seed": 3},
        "source_sha256": "a" * 64,
    }
    run = provenance.record(context, [{"path": "/data/cells.h5ad", "sha256": "b" * 64}])
    lines = provenance.lines(json.loads(json.dumps(run)))
    assert lines["Parameters"] == "seed = 3" and run["seed"] == 3
    assert lines["Data read"] == "cells.h5ad (bbbbbbbbbbbb)"
    assert "python" in lines["Versions"] and "MB" in lines["Ran"]


def test_doctor_names_what_is_missing(monkeypatch):
    assert all(check.what and check.found for check in doctor.examine())
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 1, "final", 0))
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    checks = {check.what: check for check in doctor.examine()}
    assert not checks["Python 3.11"].good and checks["Python 3.11"].found == "3.10.1"
    assert not checks["Chromium"].good and checks["Chromium"].level == "wanted"


def test_model_cards_show_losses_and_curve():
    text = model_cards.render(
        {
            "name": "tiny",
            "use": "Teaching.",
            "data": {"cells": {"train": 3}, "sha256": "c" * 64},
            "loss": {"held_out": 1.5, "baseline": 2.0, "baseline_meaning": "mean", "ratio": 0.75},
            "curve": {"columns": ["step", "training"], "rows": [[10, 1.25]]},
        }
    )
    assert text.startswith("(card-model-tiny)=\n# Model `tiny`\n")
    assert "| cells: train | 3 |" in text and "| 10 | 1.25 |" in text and "0.750" in text
    assert "`cccccccccccccccc`" in text


def test_how_to_cite_says_what_the_citation_file_says(root):
    stated = yaml.safe_load((root / "CITATION.cff").read_text())
    text = citation.page(root)
    assert "# How to Cite" in text and f"Version {stated['version']}" in text
    assert f"@software{{attention_audit_{stated['date-released'].year}," in text
    assert f"{{{{{stated['authors'][0]['name']}}}}}" in text
