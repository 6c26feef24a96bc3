"""From tests to words: which conditions hold, after correction, and what could not be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from helpers.estimates import NotEstimable
from helpers.statistics.detectable import detectable_effect
from helpers.statistics.multiplicity import adjust
from helpers.statistics.results import Outcome

CHANCE, DEGREE = "above chance", "beyond degree"
PROMINENCE, COEXPRESSION = "beyond prominence", "beyond co-expression"
ABSENT = "absent within the margin"
MEANING = {
    CHANCE: "the score knows which genes the network names (gene labels permuted)",
    DEGREE: "it ranks the network higher than networks of the same degrees (curveball)",
    PROMINENCE: "it adds to TF, target, products of mean, variance, detection (crossed model)",
    COEXPRESSION: "it adds to all these and to the size of co-expression (crossed model)",
    ABSENT: "the AUROC lies within the margin around its mean under permuted labels",
}
UNITS = {CHANCE: "AUROC", DEGREE: "AUROC", ABSENT: "AUROC"}
METHOD = "Holm"
"""Holds the family-wise error however the tests depend on each other."""
YES, BELOW, OPEN, NONE = "yes", "below", "cannot be told", "not estimable"


@dataclass(frozen=True)
class Condition:
    """The answer to one question about one reference.

    Parameters
    ----------
    name
        A key of `MEANING`.
    answer
        ``"yes"``; ``"below"``, the opposite is shown; ``"cannot be told"``; ``"not estimable"``.
    outcome
        What the test found, or why there is none.
    corrected
        p after correction over all tests of the card; None where there is no test.
    smallest
        Smallest effect that the test, uncorrected, finds with power 0.8; None if not known.
    """

    name: str
    answer: str
    outcome: Outcome | NotEstimable
    corrected: float | None = None
    smallest: float | None = None

    @property
    def against(self) -> float | None:
        """Value under the null, or None where there is no test."""
        if isinstance(self.outcome, NotEstimable):
            return None
        detail = self.outcome.detail
        return float(detail.get("null_mean", detail.get("to", 0.0)))


def conditions(
    tests: Mapping[str, Mapping[str, Outcome | NotEstimable]], alpha: float
) -> dict[str, dict[str, Condition]]:
    """Return reference -> condition -> answer, p corrected over the tests of all references.

    Examples
    --------
    >>> found = conditions({"trrust": {CHANCE: NotEstimable("no cells given")}}, 0.05)
    >>> found["trrust"][CHANCE].answer
    'not estimable'
    """
    made = [
        (reference, name)
        for reference, outcomes in tests.items()
        for name, outcome in outcomes.items()
        if isinstance(outcome, Outcome)
    ]
    p = np.array([tests[reference][name].p for reference, name in made])
    corrected = dict(zip(made, adjust(p, METHOD.lower()), strict=True))
    return {
        reference: {
            name: _answer(name, outcome, corrected.get((reference, name)), alpha)
            for name, outcome in outcomes.items()
        }
        for reference, outcomes in tests.items()
    }


def _answer(
    name: str, outcome: Outcome | NotEstimable, corrected: float | None, alpha: float
) -> Condition:
    if isinstance(outcome, NotEstimable):
        return Condition(name, NONE, outcome)
    smallest = detectable_effect(outcome, alpha)
    answer = OPEN
    if corrected is not None and corrected <= alpha:
        centre = outcome.detail.get("null_mean", 0.0)
        above = name == ABSENT or outcome.sides == "one" or outcome.estimate > centre
        answer = YES if above else BELOW
    return Condition(name, answer, outcome, float(corrected), smallest)


def headline(found: Mapping[str, Condition], margin: float) -> str:
    """Return the verdict on one reference in a sentence or three.

    Parameters
    ----------
    found
        Condition -> answer, of `conditions`.
    margin
        Half width of "absent".
    """
    chance, absent = found[CHANCE], found[ABSENT]
    if chance.answer == NONE:
        return f"Cannot be told: {chance.outcome.reason}."
    if chance.answer == BELOW:
        text = "Below chance: pairs of the network score lower than under permuted labels; are "
        return text + "the direction, and the sign of the score, the right way round?"
    within = f"the AUROC lies within {margin:g} of chance's mean"
    beyond = [name for name in (DEGREE, PROMINENCE, COEXPRESSION) if found[name].answer == YES]
    if chance.answer == YES:
        first = ", ".join([CHANCE, *beyond])
        small = f", though small: {within}" if absent.answer == YES else ""
        return f"{first.capitalize()}{small}. {_rest(found)}".strip()
    if absent.answer == YES:
        return f"{ABSENT.capitalize()}: {within}. {_other(beyond)}".strip()
    text = "Cannot be told: power. "
    if chance.smallest is not None:
        text += f"A departure of {chance.smallest:.3f} from chance's AUROC of {chance.against:.3f} "
        text += "would have been found with power 0.8"
        if isinstance(absent.outcome, Outcome):
            power = absent.outcome.detail["power_at_centre"]
            text += f"; absence within {margin:g}, were it so, with power {power:.2f}"
        text += "."
    return f"{text} {_other(beyond)}".strip()


def _other(beyond: list[str]) -> str:
    return f"Shown, though: {', '.join(beyond)}." if beyond else ""


def _rest(found: Mapping[str, Condition]) -> str:
    """Return which of the stricter conditions are not shown, turned round, or not asked."""
    stricter = [found[name] for name in (DEGREE, PROMINENCE, COEXPRESSION)]
    parts = []
    if names := [one.name for one in stricter if one.answer == OPEN]:
        parts.append(f"Not shown to be {' or '.join(names)}.")
    if names := [one.name for one in stricter if one.answer == BELOW]:
        said = " and ".join(name.removeprefix("beyond ") for name in names)
        parts.append(f"Beside {said} it points the other way.")
    if asked := [one for one in stricter if one.answer == NONE]:
        names = " and ".join(one.name for one in asked)
        parts.append(f"{names.capitalize()}: not estimable ({asked[0].outcome.reason}).")
    return " ".join(parts)
