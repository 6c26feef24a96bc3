"""What the result of a page depends on, of the claims and of the archives."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from papers.archives.catalogue import availability
from papers.claims import load_claims

CLAIMS = ("claims.yaml", "targets.csv")
_NO_CLAIMS = ("papers.PaperPage", "papers.page", "papers.archives")


def of_page(text: str, imports: Iterable[str], files: Iterable[Path]) -> tuple[list[Path], str]:
    """Return which files count for a page in part only, and what counts in their place.

    The claims are such a file for pages that read them through ``run.compare`` alone: then only
    the claims of the topics (``coexpression/...``) that they name count. Of the archives that a
    page's code can read, it counts which files are here.

    Parameters
    ----------
    text
        The page's code and the tests that it declares.
    imports
        Dotted names that its cells import.
    files
        Files of our packages that it depends on.
    """
    files = list(files)
    readers = {path.stem for path in files if path.parent.name == "archives"}
    parts = [availability(readers)]
    whole = [name for name in imports if name.startswith("papers.")]
    if all(name.startswith(_NO_CLAIMS) for name in whole):
        named = {k: asdict(v) for k, v in load_claims().items() if f"{k.split('/')[0]}/" in text}
        return (
            [path for path in files if path.name in CLAIMS],
            json.dumps([*parts, named], sort_keys=True, default=str),
        )
    return [], json.dumps(parts, sort_keys=True)
