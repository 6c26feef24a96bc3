"""Where a page comes from: code, data, parameters, versions, machine, time, memory."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

from bookkit import notebooks
from helpers.files import project_root

FILE = "run.json"
PACKAGES = (
    "anndata",
    "igraph",
    "leidenalg",
    "matplotlib",
    "numba",
    "numpy",
    "pandas",
    "rustscenic",
    "scanpy",
    "scikit-learn",
    "scipy",
    "statsmodels",
    "torch",
    "transformers",
    "xarray",
)
"""Packages that numbers and figures rest on; a result is made again when one of them changes."""


@cache
def version(package: str) -> str:
    """Return the version of an installed package."""
    return metadata.version(package)


def git_state(root: Path) -> dict[str, Any]:
    """Return commit and date of a checkout, and whether tracked files differ from it.

    Without git, or outside a checkout, they are ``None``.
    """
    try:
        commit, date = _git(root, "log", "-1", "--format=%H %cI").split()
        changed = bool(_git(root, "status", "--porcelain", "-uno"))
        return {"commit": commit, "date": date, "changed": changed}
    except (FileNotFoundError, subprocess.CalledProcessError):
        return {"commit": None, "date": None, "changed": None}


def stated_state(name: str) -> dict[str, Any] | None:
    """Return the last commit of the file that states a page's tests and the words for answers.

    Parameters
    ----------
    name
        File stem of the notebook.

    Returns
    -------
    dict or None
        ``commit`` and ``date``, ``None`` without git or where the file was never committed;
        ``changed``: whether it differs from that commit; ``shallow``: whether the checkout lacks
        history, so that the true commit may be an earlier one. ``None`` where there is no file.
    """
    path = notebooks.statements_path(name)
    if not path.is_file():
        return None
    try:
        about = _git(path.parent, "log", "-1", "--format=%H %cI", "--", path.name).split()
        changed = bool(_git(path.parent, "status", "--porcelain", "--", path.name))
        shallow = _git(path.parent, "rev-parse", "--is-shallow-repository") == "true"
    except (FileNotFoundError, subprocess.CalledProcessError):
        return {"commit": None, "date": None, "changed": None, "shallow": None}
    commit, date = about or (None, None)
    return {"commit": commit, "date": date, "changed": changed, "shallow": shallow}


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results rest on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def device() -> str:
    """Return the device that the notebook could use, without loading torch for it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()})"
    return f"cpu ({platform.machine()})"


def peak_memory_mb() -> float:
    """Return the largest resident memory of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def interactive(name: str) -> dict[str, Any]:
    """Return the context of a page that no runner started."""
    return {
        "notebook": name,
        "profile": "interactive",
        "base_profile": "demo",
        "parameters": {},
        "started": time.time(),
        "watched": [],
        "git": git_state(project_root()),
        "stated": stated_state(name),
    }


def record(context: dict[str, Any], files: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the provenance of a run that has just finished.

    Parameters
    ----------
    context
        What the runner wrote before the start, or `interactive`.
    files
        Files read, as `Watch.files` describes them.
    """
    kept = {k: v for k, v in context.items() if k not in ("folder", "watched", "started")}
    return kept | {
        "seed": context["parameters"].get("seed"),
        "started": datetime.fromtimestamp(context["started"], UTC).isoformat(timespec="seconds"),
        "minutes": round((time.time() - context["started"]) / 60, 2),
        "peak_memory_mb": round(peak_memory_mb()),
        "device": device(),
        "versions": versions(),
        "files": files,
    }


def lines(run: dict[str, Any]) -> dict[str, str]:
    """Return a run's provenance as short lines of text, for the footer of its page."""
    shown = {
        "Profile": run["profile"],
        "Tests stated": _stated(run["stated"]) if run.get("stated") else "",
        "Code of the run": _commit(run["git"]),
        "Notebook and helpers": " / ".join(
            run[part][:12] for part in ("source_sha256", "helpers_sha256") if part in run
        ),
        "Parameters": ", ".join(f"{k} = {v!r}" for k, v in run["parameters"].items()),
        "Data read": ", ".join(
            f"{Path(f['path']).name} ({f['sha256'][:12]})" for f in run["files"]
        ),
        "Ran": f"{run['started']} on {run['device']}: "
        f"{run['minutes']:.1f} minutes, {run['peak_memory_mb']:,} MB at most",
        "Versions": ", ".join(f"{k} {v}" for k, v in run["versions"].items()),
    }
    return {label: text for label, text in shown.items() if text}


def _commit(state: dict[str, Any]) -> str:
    if state["commit"] is None:
        return "not under version control"
    changed = ", with uncommitted changes" if state["changed"] else ""
    return f"{state['commit'][:12]} of {state['date']}{changed}"


def _stated(state: dict[str, Any]) -> str:
    """Return when tests were stated, as far as git knows it."""
    if state["changed"] is None:
        return "when is not known: not under version control"
    if state["commit"] is None:
        return "not committed when the page ran"
    text = _commit(state).replace("with uncommitted changes", "changed since and not committed")
    return f"{text}; older commits are not in this copy" if state["shallow"] else text
