"""Which role a test has, by the rule that `helpers.registry` states for the whole book."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from helpers.datasets.simulate.catalogue import WORLDS

TRAINING = "training"


def on_planted_world(test_id: str) -> bool:
    """Return whether a test's id names a simulated world or design whose answer was planted.

    A scope that begins with ``sim`` is data whose generator, and so whose answer, is known: a named
    world, or a configuration of design T2. What a trained model attends to in simulated cells
    (``scgpt/sim``) is open.

    Parameters
    ----------
    test_id
        Number and scope, ``"12.1/sim/prominence-only"``.
    """
    scope = test_id.split("/")[1:]
    return scope[:1] == ["sim"] or any(part in WORLDS and part != TRAINING for part in scope)


def role_of(test_id: str) -> Literal["confirmatory", "descriptive"]:
    """Return the role of a test that its specification calls confirmatory, by where it was made."""
    return "descriptive" if on_planted_world(test_id) else "confirmatory"


def breaches(registry: pd.DataFrame) -> list[str]:
    """Return the ids of corrected rows that are confirmatory although their answer was planted."""
    rows = registry[registry["variant"].eq("corrected") & registry["role"].eq("confirmatory")]
    return [test_id for test_id in rows["test_id"] if on_planted_world(test_id)]
