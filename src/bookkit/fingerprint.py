"""Tell whether a result is that of its code, statements, parameters, helpers, packages and data.

Prose and the words for answers are no part of it: when they change, only the HTML is built again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bookkit import dependencies, notebooks, provenance
from bookkit.declared import load
from bookkit.files_read import unchanged
from bookkit.parameters import digest_text
from bookkit.values import FILE as VALUES
from bookkit.values import read_values
from helpers.errors import HelpersError, RunError
from helpers.files import data_dir, results_dir, sha256_of
from helpers.registry.store import FILE as TESTS
from helpers.registry.store import read as read_tests
from helpers.schema import foreign, read_object

log = logging.getLogger(__name__)

RESULTS = (VALUES, TESTS)
_QUOTED = re.compile(r"""["'](\d\d_\w+?)\\?["']""")
OWN = (
    "source_sha256",
    "statements_sha256",
    "helpers_sha256",
    "partial_sha256",
    "versions",
)
"""Parts of a fingerprint that other notebooks cannot change."""


def parts(name: str, profile: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a notebook's result depends on, part by part.

    Parameters
    ----------
    name
        Notebook.
    profile
        Profile whose other results the notebook may read.
    parameters
        Settled parameters.

    Returns
    -------
    dict
        ``source_sha256`` (code cells of the notebook, and of those whose definitions it takes),
        ``statements_sha256`` (declared tests, without words for answers), ``helpers_sha256`` (our
        packages), ``partial_sha256`` (what other packages say of it, see `closure.DEPENDENCIES`),
        ``upstream_sha256``, ``versions`` (of Python and of the packages that numbers rest on), and
        ``fingerprint`` over these and the parameters.
    """
    code = [notebooks.code_of(page) for page in (name, *_borrowed(name))]
    modules = set()
    for page in (name, *_borrowed(name)):
        modules |= dependencies.modules_of_notebook(notebooks.code(page), page)
    statements, files = _statements(name), dependencies.files_of(modules)
    text = "\n".join([*code, statements])
    partial = [hook.load()(text, modules, files) for hook in dependencies.hooks()]
    in_part = {file for files, _ in partial for file in files}
    found = {
        "source_sha256": _sha256("\n".join(code)),
        "statements_sha256": _sha256(statements),
        "helpers_sha256": dependencies.digest([file for file in files if file not in in_part]),
        "partial_sha256": _sha256("\n".join(counts for _, counts in partial)),
        "upstream_sha256": _upstream(name, results_dir() / profile),
        "versions": provenance.versions(),
    }
    text = json.dumps(found, sort_keys=True) + digest_text(parameters)
    return found | {"fingerprint": _sha256(text)}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _statements(name: str) -> str:
    path = notebooks.statements_path(name)
    return load(path).statements() if path.is_file() else ""


def _borrowed(name: str) -> list[str]:
    """Return the other notebooks whose functions a notebook takes by `definitions`."""
    code = notebooks.code_of(name)
    if "definitions" not in code:
        return []
    named = set(_QUOTED.findall(code)) & set(notebooks.names())
    return sorted(named - {name})


def _upstream(name: str, folder: Path) -> str:
    total = hashlib.sha256()
    for other in notebooks.upstream(name):
        for file in RESULTS:
            path = folder / other / file
            state = sha256_of(path) if path.is_file() else "absent"
            total.update(f"{other}/{file} {state}\n".encode())
    return total.hexdigest()


def read_run(folder: Path) -> dict[str, Any] | None:
    """Read the provenance of a finished run; ``None`` where there is none, or a damaged one.

    A page whose record is damaged, by a power cut say, is run again.
    """
    path = folder / provenance.FILE
    if not path.exists():
        return None
    try:
        return read_object(path, RunError)
    except RunError as error:
        log.warning("%s; the page is run again", error)
        return None


def is_current(folder: Path, fingerprint: str) -> bool:
    """Return whether a folder holds a finished run with this fingerprint, and its data unchanged.

    Files of the data cache that have been cleared away count as unchanged: they are fetched again
    by their hash.
    """
    run = read_run(folder)
    if run is None or run.get("fingerprint") != fingerprint:
        return False
    try:
        with foreign(folder / provenance.FILE, RunError):
            known = unchanged(run["files"], expendable=data_dir())
        read_values(folder / VALUES)
        with foreign(folder / TESTS, RunError):
            read_tests(folder / TESTS)
    except HelpersError as error:
        log.warning("%s; the page is run again", error)
        return False
    return known


def stamp(name: str, profile: str) -> Path:
    """Return the marker of a notebook's present state, for Snakemake.

    The marker's name holds the fingerprint, so a change of anything asks for a file that is not
    there. A marker that no longer tells the truth (results deleted, data changed) is removed.
    """
    found = parts(name, profile, notebooks.settled(name, profile))
    folder = results_dir() / profile
    path = folder / ".stamps" / f"{name}-{_short(name, profile, found)}"
    if not is_current(folder / name, found["fingerprint"]):
        path.unlink(missing_ok=True)
    return path


def _short(name: str, profile: str, found: Mapping[str, Any]) -> str:
    """Fingerprint without the inputs from other notebooks, which may be about to change."""
    own = [found[part] for part in OWN]
    text = json.dumps([*own, notebooks.settled(name, profile)], sort_keys=True)
    return _sha256(text)[:16]
