"""The printed figures that a claim is made of, and which of them have been answered.

A claim is answered in full only if every figure in it is: "20,000 cells, 24 donors" is two
figures, a table is one figure a cell.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from papers.claims import NUMBER, Claim, claim_of, table_rows

_MEASURE = re.compile(r"^(raw )?p\b|^R2\b")
"""Texts of uncertainty that print a figure of their own: a p value or an R2."""


def figures(claim: Claim) -> list[str]:
    """Return the paths of the figures that a claim prints.

    Parameters
    ----------
    claim
        A claim of `papers.claims.load_claims`.

    Returns
    -------
    list of str
        Paths as for `papers.claims.printed`. A table cell of text is one figure,
        however many numbers it holds; text without numbers is one figure.

    Examples
    --------
    >>> from papers.claims import load_claims
    >>> figures(load_claims()["leakage/immune"])
    ['leakage/immune#0', 'leakage/immune#1']
    """
    if claim.table is not None:
        return _cells(claim)
    if claim.range is not None:
        return [f"{claim.id}#low", f"{claim.id}#high"]
    return [*_of_value(claim), *_of_uncertainty(claim)]


def _cells(claim: Claim) -> list[str]:
    rows = table_rows(claim)
    columns = list(rows[0])
    keys = next(
        n for n in range(1, 5) if len({tuple(list(r.values())[:n]) for r in rows}) == len(rows)
    )
    return [
        f"{claim.id}[{' '.join(str(row[name]) for name in columns[:keys])}].{column}"
        for row in rows
        for column in columns[keys:]
        if row[column] is not None
    ]


def _of_value(claim: Claim) -> list[str]:
    if isinstance(claim.value, list):
        return [f"{claim.id}#{n}" for n in range(len(claim.value))]
    numbers = NUMBER.findall(claim.value) if isinstance(claim.value, str) else [claim.value]
    return [f"{claim.id}#{n}" for n in range(len(numbers))] if len(numbers) > 1 else [claim.id]


def _of_uncertainty(claim: Claim) -> list[str]:
    if isinstance(claim.uncertainty, dict):
        parts = {"value": "sd", "lo": "lo", "hi": "hi"}
        return [f"{claim.id}#{part}" for key, part in parts.items() if key in claim.uncertainty]
    text = claim.uncertainty or ""
    return [f"{claim.id}#u0"] if _MEASURE.match(text) and NUMBER.search(text) else []


def unanswered(claim: Claim, answered: Collection[str], constants: Collection[str]) -> list[str]:
    """Return the figures of a claim that no answer covers.

    Parameters
    ----------
    claim
        A published claim.
    answered
        Paths that have been compared.
    constants
        Paths of numbers that belong to the form of an expression, such as the 1 in
        ``1 - exp(-x)``, and need no answer.
    """
    left = set(figures(claim)) - set(constants)
    for path in answered:
        if path.endswith("#span"):
            left -= {f"{claim_of(path)}#low", f"{claim_of(path)}#high"}
        left -= {f for f in left if _same(f, path)}
    return sorted(left)


def _same(figure: str, path: str) -> bool:
    cell, _, _ = path.partition("#")
    whole = {path, path.removesuffix("#0"), cell if "]" in cell else path}
    return figure in whole
