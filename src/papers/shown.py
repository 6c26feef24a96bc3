"""Claims, stored values and checks as short text."""

from __future__ import annotations

from papers.answers import Link
from papers.checks import CheckResult
from papers.claims import Claim


def printed_text(claim: Claim) -> str:
    """Return a claim's printed figure as short text."""
    if claim.table is not None:
        return f"table of {len(claim.table['rows'])} rows"
    if claim.range is not None:
        return f"{claim.range[0]} to {claim.range[1]}"
    text = ", ".join(map(str, claim.value)) if isinstance(claim.value, list) else str(claim.value)
    if isinstance(claim.uncertainty, dict) and "value" in claim.uncertainty:
        text += f" ± {claim.uncertainty['value']}"
    return text


def digits(value: float) -> str:
    """Return whole numbers in full, others with three significant digits.

    Examples
    --------
    >>> digits(96892.0), digits(0.71642)
    ('96892', '0.716')
    """
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.3g}"


def of_link(link: Link) -> str:
    """Return a stored value with its interval."""
    if link.value is None:
        return "not estimable"
    if isinstance(link.value, str):
        return link.value
    interval = "" if link.low is None else f" [{digits(link.low)}, {digits(link.high)}]"
    return f"{digits(link.value)}{interval}"


def of_check(check: CheckResult) -> str:
    """Return what other printed figures give: the outcome of the first reading that agrees."""
    outcomes = [check.outcome, *(outcome for _, outcome in check.readings)]
    best = next((outcome for outcome in outcomes if outcome.agrees), check.outcome)
    low, high = digits(best.low), digits(best.high)
    return low if low == high else f"{low} to {high}"


def several(texts: list[str]) -> str:
    """Return up to three texts, or how many there are."""
    return f"{len(texts)} values" if len(texts) > 3 else ", ".join(texts)


def sentence(check: CheckResult) -> str:
    """Return what an inconsistent check says against a claim."""
    low, high = digits(check.outcome.low), digits(check.outcome.high)
    range_ = low if low == high else f"{low} to {high}"
    said = f"{check.question} No: {range_} against {digits(check.stated.value)}."
    return f"{said} {check.note}".strip()
