"""Tell whether a result is that of its code, statements, parameters, helpers, packages and data.

Prose and the words for answers are no part of it: when they change, only the HTML is built again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from helpers.datasets.published import availability
from helpers.files import data_dir, results_dir, sha256_of
from helpers.registry.claims import load_claims
from helpers.registry.declared import load
from helpers.running import closure, provenance, sources
from helpers.running.inputs import unchanged
from helpers.running.parameters import digest_text

CLAIMS = ("claims.yaml", "targets.csv")
RESULTS = ("values.json", "tests.jsonl")
_QUOTED = re.compile(r"""["'](\d\d_\w+?)\\?["']""")
OWN = (
    "source_sha256",
    "statements_sha256",
    "helpers_sha256",
    "archives_sha256",
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
        ``statements_sha256`` (declared tests, without words for answers), ``helpers_sha256`` (the
        package, and the claims that the page names),
        ``archives_sha256`` (which of the archived files that it may read are here),
        ``upstream_sha256``, ``versions`` (of Python and of the packages that numbers rest on), and
        ``fingerprint`` over these and the parameters.
    """
    code = [sources.code_of(page) for page in (name, *_borrowed(name))]
    modules = set()
    for page in (name, *_borrowed(name)):
        modules |= closure.modules_of_notebook(sources.load(page), page)
    files = closure.files_of(modules)
    found = {
        "source_sha256": _sha256("\n".join(code)),
        "statements_sha256": _sha256(_statements(name)),
        "helpers_sha256": _sha256(closure.digest(_without_claims(name, files)) + _claims(name)),
        "archives_sha256": _archives(files),
        "upstream_sha256": _upstream(name, results_dir() / profile),
        "versions": provenance.versions(),
    }
    text = json.dumps(found, sort_keys=True) + digest_text(parameters)
    return found | {"fingerprint": _sha256(text)}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _statements(name: str) -> str:
    path = sources.statements_path(name)
    return load(path).statements() if path.is_file() else ""


def _borrowed(name: str) -> list[str]:
    """Return the other notebooks whose functions a notebook takes by `definitions`."""
    code = sources.code_of(name)
    if "definitions" not in code:
        return []
    named = set(_QUOTED.findall(code)) & set(sources.names())
    return sorted(named - {name})


def _own_claims_only(name: str) -> bool:
    """Return whether a page depends on the claims it names, and not on all of them.

    Pages that declare their tests name every claim they answer; pages 90 to 99, and those that
    import from `helpers.registry`, may read others.
    """
    imported = closure.modules_of_notebook(sources.load(name), name)
    reads = any(module.startswith("helpers.registry") for module in imported)
    return not (name.startswith("9") or reads) and sources.statements_path(name).is_file()


def _without_claims(name: str, files: list[Path]) -> list[Path]:
    return [path for path in files if path.name not in CLAIMS or not _own_claims_only(name)]


def _claims(name: str) -> str:
    """Return the claims of every topic (``coexpression/...``) that a page names."""
    if not _own_claims_only(name):
        return ""
    text = sources.code_of(name) + _statements(name)
    named = {k: asdict(v) for k, v in load_claims().items() if f"{k.split('/')[0]}/" in text}
    return json.dumps(named, sort_keys=True, default=str)


def _archives(files: list[Path]) -> str:
    """Digest of what is here of the archives that a page's code can read."""
    readers = {path.stem for path in files if path.parent.name == "archives"}
    return _sha256(json.dumps(availability(readers), sort_keys=True))


def _upstream(name: str, folder: Path) -> str:
    total = hashlib.sha256()
    for other in sources.upstream(name):
        for file in RESULTS:
            path = folder / other / file
            state = sha256_of(path) if path.is_file() else "absent"
            total.update(f"{other}/{file} {state}\n".encode())
    return total.hexdigest()


def read_run(folder: Path) -> dict[str, Any] | None:
    """Read the provenance of a finished run; ``None`` where there is none."""
    path = folder / provenance.FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def is_current(folder: Path, fingerprint: str) -> bool:
    """Return whether a folder holds a finished run with this fingerprint, and its data unchanged.

    Files of the data cache that have been cleared away count as unchanged: they are fetched again
    by their hash.
    """
    run = read_run(folder)
    return (
        run is not None
        and run.get("fingerprint") == fingerprint
        and unchanged(run["files"], expendable=data_dir())
    )


def stamp(name: str, profile: str) -> Path:
    """Return the marker of a notebook's present state, for Snakemake.

    The marker's name holds the fingerprint, so a change of anything asks for a file that is not
    there. A marker that no longer tells the truth (results deleted, data changed) is removed.
    """
    found = parts(name, profile, sources.settled(name, profile))
    folder = results_dir() / profile
    path = folder / ".stamps" / f"{name}-{_short(name, profile, found)}"
    if not is_current(folder / name, found["fingerprint"]):
        path.unlink(missing_ok=True)
    return path


def _short(name: str, profile: str, found: Mapping[str, Any]) -> str:
    """Fingerprint without the inputs from other notebooks, which may be about to change."""
    own = [found[part] for part in OWN]
    text = json.dumps([*own, sources.settled(name, profile)], sort_keys=True)
    return _sha256(text)[:16]
