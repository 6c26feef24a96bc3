"""The book on paper: what goes in, and what is said when it cannot be made."""

import pytest
import yaml

from bookkit import pdf, staging
from helpers.errors import RunError


def files_of(contents: dict) -> set[str]:
    return {one["file"] for part in contents["parts"] for one in part["chapters"] if "file" in one}


def test_the_reference_of_the_package_stays_on_the_screen(root):
    whole = yaml.safe_load((root / "_toc.yml").read_text())
    assert files_of(whole) - files_of(pdf.without(root / "_toc.yml")) == {"book/api"}


def test_without_a_browser_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    with pytest.raises(RunError, match="apt-get install chromium"):
        pdf.make(root=tmp_path)


def test_without_results_it_says_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr(pdf.shutil, "which", lambda name: "/usr/bin/chromium")
    monkeypatch.setattr(staging, "missing", lambda profile: ["10_coexpression"])
    with pytest.raises(RunError, match=r"10_coexpression.*make book"):
        pdf.make(root=tmp_path)


def test_a_step_that_fails_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(pdf.shutil, "which", lambda name: "/bin/false")
    monkeypatch.setattr(staging, "missing", lambda profile: [])
    monkeypatch.setattr(pdf, "_one_page", lambda *arguments: tmp_path / "book.html")
    with pytest.raises(RunError, match="Chromium could not print"):
        pdf.make(root=tmp_path)
