"""Run every check of ``checks.yaml`` on the claims file and tabulate the verdicts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from string import Formatter

import pandas as pd

from helpers.errors import RegistryError
from helpers.schema import foreign
from papers.checks import arithmetic, attainability, sampling
from papers.checks.recomputed import Recomputed
from papers.claims import AGAIN, Printed, claim_of, load_claims, own_yaml, printed

CHECK_VERDICTS = ("consistent", "consistent under another reading", "inconsistent")


@dataclass(frozen=True)
class CheckResult:
    """One check: what was asked, what came out, and how fair readings change it.

    Parameters
    ----------
    id, question, function
        Identifier, question in words, and the function of this package that answers it.
    paths
        Figures used, as paths into the claims file.
    stated
        The printed figure under test.
    outcome
        Recomputed interval and agreement under the plain reading.
    readings
        Alternative readings: (text, outcome) in the order tried.
    note
        What the reader should know beside the arithmetic; empty where there is nothing.
    verdict
        One of :data:`CHECK_VERDICTS`.
    derives
        Whether the figure under test is, by its definition, what the function computes from the
        other printed figures: then it answers that figure.
    against
        Claims that the check speaks against if it is inconsistent.
    """

    id: str
    question: str
    function: str
    paths: tuple[str, ...]
    stated: Printed
    outcome: Recomputed
    readings: tuple[tuple[str, Recomputed], ...]
    verdict: str
    note: str = ""
    derives: bool = False
    against: tuple[str, ...] = ()

    @property
    def claim_ids(self) -> tuple[str, ...]:
        """Identifiers of the claims that the check reads."""
        return tuple(dict.fromkeys(claim_of(path) for path in self.paths))

    @property
    def source(self) -> str:
        """Dotted name of the function."""
        return f"{_function(self.function).__module__}.{self.function}"


def run_checks() -> list[CheckResult]:
    """Run all checks, in the order of ``checks.yaml``.

    Raises
    ------
    RegistryError
        If a check names an unknown function or figure, or an identifier occurs twice.
    """
    rows = own_yaml("papers.checks", "checks.yaml", "checks")["checks"]
    with foreign("checks.yaml", RegistryError, AGAIN):
        results = [_run(row) for row in _expand(rows)]
    names = [result.id for result in results]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise RegistryError(f"checks.yaml lists {sorted(repeated)} twice; rename one of each.")
    return results


def audit_table(results: list[CheckResult]) -> pd.DataFrame:
    """Return the checks as a table: one row a check."""
    claims = load_claims()
    return pd.DataFrame(
        {
            "check": r.id,
            "paper": "/".join(dict.fromkeys(claims[c].paper for c in r.claim_ids)),
            "question": r.question,
            "printed": r.stated.value,
            "recomputed_low": r.outcome.low,
            "recomputed_high": r.outcome.high,
            "verdict": r.verdict,
            "readings": "; ".join(
                f"{text}: {'agrees' if outcome.agrees else 'does not agree'}"
                for text, outcome in r.readings
            ),
            "note": r.note,
            "claims": ", ".join(r.claim_ids),
            "function": r.function,
        }
        for r in results
    )


def _function(name: str) -> Callable[..., Recomputed]:
    for module in (arithmetic, sampling, attainability):
        if not name.startswith("_") and callable(getattr(module, name, None)):
            return getattr(module, name)
    raise RegistryError(f"checks.yaml names no function {name!r} of papers.checks.")


def _expand(rows: list[dict]) -> Iterator[dict]:
    """Yield one check per combination of the values under ``each``."""
    for row in rows:
        each = row.pop("each", {})
        for values in itertools.product(*each.values()) if each else [()]:
            names = dict(zip(each, values, strict=True))
            yield _fill(row, names)


def _fill(node: object, names: dict) -> object:
    """Put the values of ``each`` into `node`; a lone ``{field}`` keeps the value's type."""
    if isinstance(node, dict):
        return {key: _fill(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(value, names) for value in node]
    if not isinstance(node, str) or not names:
        return node
    if node.startswith("{") and node.endswith("}") and node.count("{") == 1:
        return Formatter().get_field(node[1:-1], (), names)[0]
    return node.format(**names)


def _evaluate(row: dict) -> tuple[Recomputed, dict[str, Printed]]:
    decimals = row.get("decimals", {})
    figures = {
        key: printed(path, decimals.get(key)) for key, path in row.get("figures", {}).items()
    }
    figures |= {
        key: Printed(value, value, value, "literal")
        for key, value in row.get("literals", {}).items()
    }
    return _function(row["function"])(**figures, **row.get("with", {})), figures


def _run(row: dict) -> CheckResult:
    outcome, figures = _evaluate(row)
    readings = []
    paths = list(row.get("figures", {}).values())
    for alternative in row.get("readings", []):
        merged = row | {key: value for key, value in alternative.items() if key == "function"}
        dropped = alternative.get("without", [])
        for part in ("figures", "with", "decimals", "literals"):
            kept = {key: value for key, value in row.get(part, {}).items() if key not in dropped}
            merged[part] = kept | alternative.get(part, {})
        readings.append((alternative["text"], _evaluate(merged)[0]))
        paths += alternative.get("figures", {}).values()
    if outcome.agrees:
        verdict = CHECK_VERDICTS[0]
    else:
        verdict = CHECK_VERDICTS[1 if any(o.agrees for _, o in readings) else 2]
    paths += [row["with"]["claim"]] if "claim" in row.get("with", {}) else []
    stated = figures["stated"] if "stated" in figures else next(iter(figures.values()))
    default = [] if stated.path == "literal" else [claim_of(stated.path)]
    against = tuple(row.get("against", default))
    if unknown := set(against) - set(load_claims()):
        raise RegistryError(f"check {row['id']!r} speaks against unknown claims {sorted(unknown)}")
    return CheckResult(
        id=row["id"],
        question=row["question"],
        function=row["function"],
        paths=tuple(dict.fromkeys(paths)),
        stated=stated,
        outcome=outcome,
        readings=tuple(readings),
        verdict=verdict,
        note=row.get("note", ""),
        derives=row.get("derives", False),
        against=against,
    )
