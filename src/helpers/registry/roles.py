"""The role of a test, by one rule for the whole book.

A test is **confirmatory** if its hypothesis was stated, with one primary statistic, before the data
it is made on were seen, and if its answer was open: cells, trained models (whatever they were
trained on), a paper's archived numbers, and the synthetic designs that a paper draws conclusions
from.

A test on a **named simulated world** (`helpers.datasets.simulate.WORLDS`) is **descriptive**. The
answer was planted, and some worlds were changed until the tests gave the answer that was planted,
so nothing was stated before the data were seen. Such tests check the procedure; corrected together
with open ones, known effects would make the others easier to call.

The world that models are trained on is not planted in this sense: what a model's attention learns
from it is open.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd

from helpers.datasets.simulate import WORLDS

TRAINING = "training"


def on_planted_world(test_id: str) -> bool:
    """Return whether a test's id names a simulated world whose answer was planted.

    Parameters
    ----------
    test_id
        Number and scope, ``"12.1/sim/prominence-only"``.
    """
    scope = test_id.split("/")[1:]
    return any(part in WORLDS and part != TRAINING for part in scope)


def role_of(test_id: str) -> Literal["confirmatory", "descriptive"]:
    """Return the role of a test that its specification calls confirmatory, by where it was made."""
    return "descriptive" if on_planted_world(test_id) else "confirmatory"


def breaches(registry: pd.DataFrame) -> list[str]:
    """Return the ids of corrected rows that are confirmatory although their answer was planted."""
    rows = registry[registry["variant"].eq("corrected") & registry["role"].eq("confirmatory")]
    return [test_id for test_id in rows["test_id"] if on_planted_world(test_id)]
