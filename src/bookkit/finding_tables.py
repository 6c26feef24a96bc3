"""Tables of declared tests and of their answers, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from bookkit import declared, notebooks
from bookkit.declared import Declarations
from bookkit.findings import Finding, Results
from bookkit.values import shown
from helpers.errors import HelpersError, RegistryError

FAILURES = (HelpersError, KeyError, ValueError, TypeError)
"""What looking something up, or printing it, can raise."""

NOTE = (
    "Smallest effect found, or margin kept: the smallest true one that the test would have shown "
    "with a power of 0.8."
)


def p_text(p: float, name: str = "p") -> str:
    """Return a p value as readers see it.

    Examples
    --------
    >>> p_text(0.0000123), p_text(0.0213, "q")
    ('p < 0.001', 'q = 0.021')
    """
    return f"{name} < 0.001" if p < 0.001 else f"{name} = {p:.2g}"


def tally(results: Results, pattern: str) -> str:
    """Return in how many analyses a test has an answer other than ``open``: ``"1 of 4"``.

    Worlds with a planted answer are not counted, unless they are asked for.

    Parameters
    ----------
    results
        Where to look.
    pattern
        Number of a test, perhaps with a scope (see `Results.findings`), and after a space one
        answer if only that one counts: ``"10.3 above"``.
    """
    pattern, _, answer = pattern.strip().partition(" ")
    analyses = results.count(pattern, "analyses")
    counted = results.count(pattern, answer.strip() or "calls")
    tested = [one for one in results.counted(pattern) if one.answer != "untestable"]
    corrected = all(one.q is not None or one.planted for one in tested)
    mark = "" if corrected else " (uncorrected)"
    return f"{counted} of {analyses}{mark}"


def cell(one: Finding) -> str:
    """Return what a test found: words, estimate, interval, p, q, and what it could have found."""
    if one.answer == "untestable":
        return one.words
    row = one.row
    limits = "" if row.ci_low is None else f" [{shown(row.ci_low)}, {shown(row.ci_high)}]"
    estimate = "" if row.estimate is None else f"{shown(row.estimate)}{limits}"
    if row.p is None:
        return estimate
    none = "known truth" if one.planted else "uncorrected"
    book = none if one.q is None else p_text(one.q, "q")
    words = f"**{one.test.says[one.answer]}**" if one.test.says else ""
    found = f"{words}: {estimate}; {p_text(row.p)}, {book}"
    if one.answer == "open" and one.mde is not None:
        what = "margin kept" if one.equivalence else "effect found"
        found += f"; smallest {what}: {shown(one.mde)}"
    return found


def findings_table(results: Results, numbers: Iterable[str]) -> str:
    """Return one row per analysis and one column per test.

    Parameters
    ----------
    results
        Where to look.
    numbers
        Numbers of tests, perhaps with a scope (see `Results.findings`).
    """
    heads, rows = ["analysis"], {}
    for column, pattern in enumerate(numbers):
        found = results.findings(pattern)
        if not found:
            raise RegistryError(f"no test {pattern} was recorded")
        heads.append(f"{found[0].test.statistic} ({pattern.partition('/')[0]})")
        for one in found:
            scope = ", ".join(one.row.test_id.split("/")[1:]) or "this page"
            rows.setdefault(scope, {})[column] = cell(one)
    if len(heads) == 1:
        raise RegistryError("name the numbers of the tests to show")
    columns = range(len(heads) - 1)
    table = markdown(heads, [[k, *(r.get(c, "") for c in columns)] for k, r in rows.items()])
    return table + (f"\n\n{NOTE}" if "; smallest " in table else "")


def live_table(stated: Declarations, found: Iterable[Finding]) -> str:
    """Return what a page found so far, one row per declared test and analysis, uncorrected.

    Parameters
    ----------
    stated
        What the page declares; a test without a row yet is said to have none.
    found
        See `bookkit.findings.uncorrected`.
    """
    heads = ["test", "analysis", "estimate", "interval", "p", "answer (uncorrected)"]
    rows: dict[str, list[list[str]]] = {number: [] for number in stated.tests}
    for one in found:
        row = one.row
        number, *scope = row.test_id.split("/")
        limits = "" if row.ci_low is None else f"{shown(row.ci_low)} to {shown(row.ci_high)}"
        estimate = "" if row.estimate is None else shown(row.estimate)
        p = "" if row.p is None else p_text(row.p)
        rows[number].append([", ".join(scope) or "this page", estimate, limits, p, one.words])
    none = [["none yet", "", "", "", ""]]
    names = {number: f"{test.statistic} ({number})" for number, test in stated.tests.items()}
    table = [[names[number], *line] for number, lines in rows.items() for line in lines or none]
    return markdown(heads, table) + (
        "\n\nThese p are uncorrected: the correction over all tests belongs to the whole book."
    )


def test_names() -> dict[str, str]:
    """Return number -> what a test measures, with its number: ``"AUROC (12.1)"``, for all pages.

    Statistics that several tests of a page share are told apart by their nulls.
    """
    names: dict[str, str] = {}
    for page in notebooks.names():
        if not (path := notebooks.statements_path(page)).is_file():
            continue
        tests = declared.load(path).tests
        statistics = [test.statistic for test in tests.values()]
        for number, test in tests.items():
            null = f", {test.under}" if statistics.count(test.statistic) > 1 else ""
            names[number] = f"{test.statistic}{null} ({number})"
    return names


def declared_table(stated: Declarations) -> str:
    """Return what a page declares: one row per test."""
    heads = ["test", "hypothesis", "statistic", "null", "unit", "sides"]
    rows = []
    for number, test in stated.tests.items():
        sides = {"one": "one", "two": "two"}.get(test.sides, "described only")
        name = f"**{number}**" if number == stated.primary else number
        rows.append([name, test.hypothesis, test.statistic, test.under, test.unit, sides])
    note = f"\n\nLevel {stated.alpha:g}, after correction over all tests of the book."
    if stated.primary:
        note += f" The primary test is {stated.primary}."
    return markdown(heads, rows) + note


def markdown(heads: list[str], rows: Iterable[list[str]]) -> str:
    """Return a Markdown table; bars inside cells are escaped."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(
        "| " + " | ".join(text.replace("|", r"\|").replace("\n", " ") for text in line) + " |"
        for line in lines
    )
