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
from pathlib import Path

from bookkit import dependencies, fingerprint, notebooks, staging
from bookkit.findings import REGISTRY, TESTS, Results, changed, words_of
from bookkit.roles import OVERLAY, PROFILE
from bookkit.values import FILE as VALUES
from helpers.alone import remove_leftovers
from helpers.errors import RunError
from helpers.files import atomic_write, project_root, results_dir, sha256_of
from helpers.schema import read_object

log = logging.getLogger(__name__)

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


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
    staging.stage(root, profile, overlay)
    digest = _digest(root, profile, overlay)
    stamp = root / "_build" / "html.sha256"
    if staging.first_page(root).is_file() and _content(stamp) == digest:
        return staging.first_page(root)
    shutil.rmtree(root / "_build" / "html", ignore_errors=True)  # no page of an earlier build stays
    stamp.unlink(missing_ok=True)
    environment = os.environ | {PROFILE: profile, OVERLAY: overlay or ""}
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(root)]
    command += ["--all", "-W", "-n", "--keep-going", "--quiet"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunError(f"The book has warnings or errors:\n{_summary(done.stdout + done.stderr)}")
    _report(root / "_build" / "findings.json", Results(profile, overlay))
    stamp.write_text(digest, encoding="utf-8")
    return staging.first_page(root)


def _digest(root: Path, profile: str, overlay: str | None) -> str:
    """Return one SHA-256 over everything that the HTML is made from."""
    files = [root / "_config.yml", root / "_toc.yml", root / "constraints.txt"]
    files += (root / "book").rglob("*")
    files += (root / staging.FOLDER).iterdir()
    for package in dependencies.packages():
        files += (dependencies.PACKAGE.parent / package).rglob("*.py")
    for name in notebooks.names():
        folder = staging.results_of(name, profile, overlay)
        files += [folder / VALUES, folder / TESTS, notebooks.statements_path(name)]
    files.append(staging.results_of(REGISTRY[0], profile, overlay) / REGISTRY[1])
    total = hashlib.sha256(f"{profile} {overlay}".encode())
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
