"""Build the HTML book."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from helpers.errors import RunError
from helpers.files import project_root, results_dir
from helpers.running import fingerprint, pages, sources
from helpers.running.sphinx_ext import OVERLAY, PROFILE

log = logging.getLogger(__name__)

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def build(profile: str = "demo", overlay: str | None = None, root: Path | None = None) -> Path:
    """Build the book and return the path of its first page.

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
    if absent := pages.missing(profile, overlay):
        raise RunError(
            f"No results of profile {profile!r} yet for {absent}: run 'make book PROFILE={profile}'"
            ", or 'helpers run' for each"
        )
    if overlay and not (results_dir() / overlay).is_dir():
        raise RunError(f"No results in {results_dir() / overlay}; run a notebook into it first")
    for name in stale(profile):
        log.warning("%s: its source, helpers or parameters have changed since it ran", name)
    shutil.rmtree(root / "_build" / "html", ignore_errors=True)  # no page of an earlier build stays
    environment = os.environ | {PROFILE: profile, OVERLAY: overlay or ""}
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(root)]
    command += ["--all", "-W", "-n", "--keep-going", "--quiet"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunError(f"The book has warnings or errors:\n{_summary(done.stdout + done.stderr)}")
    return pages.first_page(root)


def stale(profile: str) -> list[str]:
    """Return the notebooks whose results are not those of their present source and parameters."""
    old = []
    for name in sources.names():
        found = fingerprint.parts(name, profile, sources.settled(name, profile))
        folder = results_dir() / profile / name
        if not fingerprint.is_current(folder, found["fingerprint"]):
            old.append(name)
    return old


def _summary(output: str) -> str:
    """Return the lines that tell what is wrong, the last 40 of them."""
    lines = [_ANSI.sub("", line) for line in output.splitlines()]
    telling = [line for line in lines if re.search(r"WARNING|ERROR|Error|Exception", line)]
    return "\n".join((telling or lines)[-40:])
