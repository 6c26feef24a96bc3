"""How much code there is: small modules, and no more of them than today without a reason."""

from __future__ import annotations

from statistics import median

import pytest

LONGEST = 400
MOST = {
    # 26,000 lines in 185 modules were allowed before leakage, interventions, extraction in jobs,
    # dictionaries, screens, contexts and time series came, each with its methods: these are the
    # numbers with them. They go down when code goes; up only with what came, named here.
    "helpers": (245, 35_000, 132),
    # 6,200 lines of bookkit were allowed before pages and drawings were written with fewer
    # bytes, and the code of a page was read without the libraries of Jupyter; 6,450 before pages
    # started as copies of a process with the libraries.
    "bookkit": (49, 6_680, 106),
    "papers": (38, 4_500, 104),
}
"""Package -> modules, lines, and median of lines."""


@pytest.mark.parametrize("package", MOST)
def test_a_package_does_not_grow_unnoticed(root, package):
    files = sorted((root / "src" / package).rglob("*.py"))
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert [path.name for path, n in lines.items() if n > LONGEST] == []
    modules, total, middle = MOST[package]
    assert len(files) <= modules
    assert sum(lines.values()) <= total
    assert median(lines.values()) <= middle
