"""Make one PDF of the book: a single page by Sphinx, printed by Chromium."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from bookkit import staging
from bookkit.roles import OVERLAY, PROFILE
from helpers.errors import RunError
from helpers.files import project_root

log = logging.getLogger(__name__)

NAME = "attention-audit.pdf"
LEFT_OUT = ("book/api",)
"""Pages for the screen only: the reference of the package would double the length."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 600
_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
    "--virtual-time-budget=300000",  # milliseconds in which formulas are drawn
)


def make(profile: str = "demo", root: Path | None = None) -> Path:
    """Print the book to ``_build/pdf``; return the file.

    Parameters
    ----------
    profile
        Whose results to show.
    root
        Folder with ``_config.yml`` and ``_toc.yml``; by default the checkout.

    Raises
    ------
    RunError
        If a notebook has not been run, Chromium is not installed, or a step fails.
    """
    root = root or project_root()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise RunError("No Chromium to print with; install it: apt-get install chromium")
    if absent := staging.missing(profile):
        raise RunError(f"No results of profile {profile!r} yet for {absent}: run 'make book' first")
    folder = root / "_build" / "pdf"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    page = _one_page(root, folder, profile)
    target = root / "_build" / NAME
    command = [
        browser,
        *_FLAGS,
        f"--user-data-dir={folder / 'browser'}",
        f"--print-to-pdf={target}",
    ]
    if os.name == "posix" and os.geteuid() == 0:
        command.append("--no-sandbox")  # which Chromium refuses to use as root
    _run([*command, page.as_uri()], "Chromium could not print the book", os.environ)
    if not target.is_file():
        raise RunError(f"Chromium ended without writing {target}; run it again")
    shutil.rmtree(folder)
    return target


def _one_page(root: Path, folder: Path, profile: str) -> Path:
    """Build the whole book as one page of HTML; return it."""
    contents = folder / "_toc.yml"
    contents.write_text(yaml.safe_dump(without(root / "_toc.yml"), sort_keys=False), "utf-8")
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(root)]
    command += ["--toc", str(contents), "--builder", "singlehtml", "--path-output", str(folder)]
    environment = os.environ | {PROFILE: profile, OVERLAY: ""}
    _run([*command, "--quiet"], "The book could not be built as one page", environment)
    html = folder / "_build" / "singlehtml"
    start = yaml.safe_load(contents.read_text(encoding="utf-8"))["root"]
    # Addresses in it are those of a page at the top.
    return (html / f"{start}.html").rename(html / "book.html")


def without(contents: Path) -> dict:
    """Return a table of contents without the pages that are for the screen only."""
    found = yaml.safe_load(contents.read_text(encoding="utf-8"))
    for part in found["parts"]:
        part["chapters"] = [one for one in part["chapters"] if one.get("file") not in LEFT_OUT]
    return found


def _run(command: list[str], failure: str, environment: os._Environ | dict) -> None:
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise RunError(f"{failure}: it took longer than {SECONDS} seconds") from error
    if done.returncode:
        raise RunError(f"{failure}:\n{(done.stdout + done.stderr)[-2000:]}")
