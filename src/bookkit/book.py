"""Build the HTML book."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from bookkit import dependencies, fingerprint, notebooks, staging
from bookkit.citation import FILE as CITATION
from bookkit.findings import REGISTRY, TESTS, Results, changed, words_of
from bookkit.roles import OVERLAY, PROFILE, STAGED
from bookkit.values import FILE as VALUES
from helpers.alone import remove_leftovers
from helpers.errors import RunError
from helpers.files import atomic_write, project_root, results_dir, sha256_of
from helpers.schema import read_object

log = logging.getLogger(__name__)

STAMP = Path("_build") / "html.sha256"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_HEADING = re.compile(r"^(?:#+ .*|\([\w-]+\)=|:(?:label|name): .*)$", re.MULTILINE)


def build(profile: str = "demo", overlay: str | None = None, root: Path | None = None) -> Path:
    """Build the book, unless nothing changed since the last time; return its first page.

    Parameters
    ----------
    profile
        Whose results to show.
    overlay
        Folder below ``results/`` whose pages go before the profile's, for example ``"custom"``.
    root
        Folder with ``_config.yml`` and ``_toc.yml``; by default the checkout.

    Raises
    ------
    RunError
        If a notebook has not been run, or Sphinx has a warning or an error.
    """
    root = root or project_root()
    notebooks.check_profile(profile)
    if overlay and not (results_dir() / overlay).is_dir():
        raise RunError(f"No results in {results_dir() / overlay}; run a notebook into it first")
    if absent := staging.missing(profile, overlay):
        raise RunError(
            f"No results of profile {profile!r} yet for {absent}: run 'make book PROFILE={profile}'"
            ", or 'helpers run' for each"
        )
    for name in stale(profile):
        log.warning("%s: source, helpers, packages or parameters have changed since it ran", name)
    frame, digest = _digests(root, profile, overlay)
    stamp = root / STAMP
    known = _content(stamp)
    if staging.first_page(root).is_file() and known == digest:
        return staging.first_page(root)
    staging.stage(root, profile, overlay)
    stamp.unlink(missing_ok=True)
    command = [sys.executable, "-m", "bookkit.sphinx_run", str(root)]
    if staging.first_page(root).is_file() and known.split(" ")[0] == frame:
        command.append("--changed")
    else:  # no page of an earlier build stays
        shutil.rmtree(root / "_build" / "html", ignore_errors=True)
    environment = os.environ | {PROFILE: profile, OVERLAY: overlay or "", STAGED: "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunError(f"The book has warnings or errors:\n{_summary(done.stdout + done.stderr)}")
    _report(root / "_build" / "findings.json", Results(profile, overlay))
    stamp.write_text(digest, encoding="utf-8")
    return staging.first_page(root)


def is_current(profile: str = "demo", root: Path | None = None) -> bool:
    """Return whether every page and the book of a profile are those of everything as it is now."""
    root = root or project_root()
    notebooks.check_profile(profile)
    there = staging.first_page(root).is_file() and not staging.missing(profile)
    if not there or _content(root / STAMP) != _digests(root, profile)[1]:
        return False
    return not stale(profile)


def _digests(root: Path, profile: str, overlay: str | None = None) -> tuple[str, str]:
    """Return the digest of what every page shows, and of everything."""
    frame = _frame(root, f"{profile} {overlay}")
    return frame, f"{frame} {_pages(profile, overlay)}"


def _frame(root: Path, of_whom: str) -> str:
    """Return one SHA-256 over what every page shows: where that changes, all are made again.

    Configuration, contents, packages, chapters, words of the glossary; and the headings and labels
    of the notebooks, to which pages link.
    """
    files = [root / "_config.yml", root / "_toc.yml", root / "constraints.txt", root / CITATION]
    files += [*root.glob("*.md"), *(root / "book").rglob("*")]
    for package in dependencies.packages():
        found = (dependencies.PACKAGE.parent / package).rglob("*")
        files += (path for path in found if path.suffix != ".pyc")
    sources = [notebooks.source_path(name).read_text("utf-8") for name in notebooks.names()]
    headings = [line for text in sources for line in _HEADING.findall(text)]
    return _digest(files, "\n".join([of_whom, *notebooks.names(), *headings]))


def _pages(profile: str, overlay: str | None) -> str:
    """Return one SHA-256 over what single pages are made from."""
    files = []
    for name in notebooks.names():
        folder = staging.results_of(name, profile, overlay)
        files += [folder / VALUES, folder / TESTS, folder / f"{name}.ipynb"]
        files += [notebooks.statements_path(name), notebooks.source_path(name)]
    files.append(staging.results_of(REGISTRY[0], profile, overlay) / REGISTRY[1])
    return _digest(files, "")


def _digest(files: Iterable[Path], more: str) -> str:
    total = hashlib.sha256(more.encode())
    for path in sorted(path for path in files if path.is_file()):
        total.update(f"{path} {sha256_of(path)}\n".encode())
    return total.hexdigest()


def _report(path: Path, results: Results) -> None:
    """Say which findings have other words than in the last build, and keep those of this one."""
    now = words_of(results)
    before = {}
    if path.exists():
        try:
            before = read_object(path, RunError, "the words of this build replace it")
        except RunError as error:
            log.warning("%s", error)
    for line in changed(before, now):
        log.warning("a finding has other words than in the last build: %s", line)
    remove_leftovers(path)
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(now, indent=1, sort_keys=True), encoding="utf-8")


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def stale(profile: str) -> list[str]:
    """Return the notebooks whose results are not those of their present source and parameters."""
    old = []
    for name in notebooks.names():
        found = fingerprint.parts(name, profile, notebooks.settled(name, profile))
        folder = results_dir() / profile / name
        if not fingerprint.is_current(folder, found["fingerprint"]):
            old.append(name)
    return old


def _summary(output: str) -> str:
    """Return the lines that tell what is wrong, the last 40 of them."""
    lines = [_ANSI.sub("", line) for line in output.splitlines()]
    telling = [line for line in lines if re.search(r"WARNING|ERROR|Error|Exception", line)]
    return "\n".join((telling or lines)[-40:])
