"""The three descriptions of the environment agree, and profiles fit their notebooks."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bookkit import notebooks

LEFT_OUT = ["scvi"]
"""Extras that no page needs: pinned, but installed only by who asks for them."""


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def pins(root):
    lines = (root / "constraints.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in found}


@pytest.fixture(scope="module")
def conda(root):
    return yaml.safe_load((root / "environment.yml").read_text())


def test_every_pin_is_exact_and_single(root, pins):
    lines = [
        line
        for line in (root / "constraints.txt").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    ]
    assert len(pins) == len(lines)
    for pin in pins.values():
        (specifier,) = pin.specifier
        assert specifier.operator == "==" and "*" not in specifier.version, pin


def test_every_dependency_is_pinned_to_an_allowed_version(project, pins):
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(text for extra in extras for text in extra)]
    for text in wanted:
        need = Requirement(text)
        pin = pins[canonicalize_name(need.name)]
        (specifier,) = pin.specifier
        assert need.specifier.contains(specifier.version, prereleases=True), (text, str(pin))


def test_environment_installs_the_project_with_its_pins(project, conda, pins):
    *packages, pip = conda["dependencies"]
    assert packages == ["python=3.11", "pip"]
    constraint, torch, editable = pip["pip"]
    assert constraint == "--constraint constraints.txt"
    assert torch == f"torch{pins['torch'].specifier}"
    assert torch in project["optional-dependencies"]["models"]
    extras = re.fullmatch(r"--editable \.\[(.*)\]", editable)[1].split(",")
    assert sorted([*extras, *LEFT_OUT]) == sorted(project["optional-dependencies"])
    assert conda["name"] == project["name"]
    assert project["requires-python"] == ">=3.11,<3.14"


def test_makefile_installs_the_same(root):
    text = (root / "Makefile").read_text()
    assert "--constraint constraints.txt torch==2.13.0" in text
    assert "--editable '.[models,book,test]'" in text


def test_the_named_profiles_exist():
    assert set(notebooks.profiles()) == {"demo", "kang", "real", "paper", "smoke"}


@pytest.mark.parametrize("profile", notebooks.profiles())
def test_profiles_fit_their_notebooks(profile):
    for name in notebooks.names():
        assert "seed" in notebooks.settled(name, profile)


def test_every_citation_has_an_entry(root):
    """Sphinx says it after minutes, in the build of the whole book."""
    text = (root / "book" / "references.bib").read_text(encoding="utf-8")
    entries = re.findall(r"^@\w+\{([^,\s]+),", text, re.MULTILINE)
    assert len(entries) == len(set(entries)) and "<<<<" not in text
    for path in [*(root / "notebooks").glob("*.md"), *(root / "book").rglob("*.md")]:
        named = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", path.read_text(encoding="utf-8"))
        cited = {key.strip() for keys in named for key in keys.split(",")}
        assert cited <= set(entries), path.name
