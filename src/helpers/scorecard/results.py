"""What scoring an edge list gives: estimates and outcomes, and the verdict on them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from helpers.estimates import Estimate, NotEstimable
from helpers.evaluation.crossed_model import CrossedModel
from helpers.scorecard.verdict import Condition, conditions, headline
from helpers.statistics.results import Outcome


@dataclass(frozen=True)
class ReferenceScore:
    """What an edge list reaches on one reference.

    Parameters
    ----------
    name
        Of the reference.
    network
        Report of how it was read.
    counts
        Pairs, positives, TFs and targets; how absent pairs were taken.
    auroc, baselines
        AUROC of the score; rival -> (its AUROC, test of the difference score - rival), or why not.
    ranking
        AUPRC and early precision with their ratios to the base rate.
    model
        Crossed model: coefficient, per-TF AUROCs pooled in part, heterogeneity, a new TF.
    tests
        Condition -> outcome.
    """

    name: str
    network: dict
    counts: dict
    auroc: Estimate | NotEstimable
    baselines: dict[str, tuple[Estimate, Outcome | NotEstimable] | NotEstimable]
    ranking: dict | NotEstimable
    model: CrossedModel | NotEstimable
    tests: dict[str, Outcome | NotEstimable]


@dataclass(frozen=True)
class Scorecard:
    """An edge list, what it reaches on each reference, and the verdict.

    Parameters
    ----------
    name, edges, cells, settings
        What was scored and how: plain values.
    references
        One result per reference.
    audit
        Of a model: heads, controls, provenance, what was not tested.
    """

    name: str
    edges: dict
    cells: dict | None
    settings: dict
    references: tuple[ReferenceScore, ...]
    audit: dict | None = None

    @property
    def conditions(self) -> dict[str, dict[str, Condition]]:
        """Reference -> condition -> answer, corrected over all tests that were made."""
        tests = {one.name: one.tests for one in self.references}
        return conditions(tests, self.settings["alpha"])

    @property
    def verdicts(self) -> dict[str, str]:
        """Reference -> verdict in words."""
        margin = self.settings["margin"]
        return {name: headline(found, margin) for name, found in self.conditions.items()}

    @property
    def warnings(self) -> list[str]:
        """What the number of cells, or of draws, cannot tell; mostly nothing."""
        found, cells = [], self.cells
        if cells is not None and cells["cells"] < cells["of"]:
            found.append(
                f"co-expression is that of {cells['cells']} of {cells['of']} cells: a score made "
                "from all of them may know it better, and seem to go beyond it"
            )
        made = [c for found in self.conditions.values() for c in found.values() if c.corrected]
        floor = max((c.outcome.p_floor for c in made), default=0.0)
        if floor * len(made) <= self.settings["alpha"]:
            return found
        text = (
            f"{len(made)} tests are corrected together, and the smallest p of some is {floor:g}: "
        )
        return [
            *found,
            f"{text}give more permutations and rewired networks, or these can never be called",
        ]

    @property
    def table(self) -> pd.DataFrame:
        """Every number, one row each; see `helpers.scorecard.record.as_table`."""
        from helpers.scorecard.record import as_table

        return as_table(self)
