"""Error rates that take long to measure: kept with the digest of the code they rest on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from bookkit import definitions, dependencies, notebooks
from helpers.evaluation import crossed
from helpers.evaluation.crossed_model import crossed_model
from helpers.evaluation.pair_scores import PairScores
from helpers.files import atomic_write
from helpers.registry import error_rates as rates
from helpers.registry.null_worlds import numbered

RATES = Path(__file__).parent / "rates"
"""One file per calibration: digest of the code, number of draws, rates."""

PAGES = ("10_coexpression", "12_null_models")
MARGIN = 0.05
RESTS_ON = {
    "helpers.evaluation.crossed",
    "helpers.evaluation.crossed_model",
    "helpers.evaluation.matched",
    "helpers.evaluation.nulls",
    "helpers.registry.error_rates",
    "helpers.registry.null_worlds",
}

DIFFERENCES = ("10.4", "12.2", "12.3", "12.4", "12.10", "12.7", "12.8")
"""Tests of a difference: gene classes alone give some a small true one, by which it is judged."""


def code_digest() -> str:
    """Return a digest of the code that the rates rest on, the pages' functions included.

    Lists of the public names of a room do not count: they compute nothing.
    """
    files = [file for file in dependencies.files_of(RESTS_ON) if file.name != "__init__.py"]
    parts = [dependencies.digest(files)]
    for page in PAGES:
        cells = (cell["source"] for cell in notebooks.load(page)["cells"])
        parts += [cell for cell in cells if cell.lstrip().startswith("def ")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def kept(name: str, measure: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return the rates of a calibration: the recorded ones while its code is the same, else new.

    New ones are written to ``rates/NAME.json``, to be committed with the code.
    """
    path, digest = RATES / f"{name}.json", code_digest()
    if path.is_file():
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["digest"] == digest:
            return pd.DataFrame(record["rates"])
    table = measure()
    record = {"digest": digest, "rates": json.loads(table.to_json(orient="records"))}
    path.parent.mkdir(exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return table


def every_test(permutations: int, rewired: int) -> Callable:
    """Return a function of a world and a generator that makes every test over pairs."""
    first = definitions(PAGES[0], n_permutations=permutations, margin=MARGIN)
    second = definitions(PAGES[1], permutations=permutations, rewired=rewired)

    def tests(world: PairScores, rng: np.random.Generator) -> dict:
        pairs, a, r = world.pairs, world.score("attention"), world.score("co-expression")
        found = first["edge_tests"](pairs, a, r, rng)
        # as on page 10, without the number of shared cells and the reverse score, which these
        # worlds do not have
        found["10.7"] = crossed_model(pairs, a, r, {}, rng).outcome
        found |= second["pair_tests"](world, rng) | second["matched_tests"](world)
        del found["10.8"]  # the world's co-expression has no sign: the same as 10.4
        held = crossed.held_out_choice(pairs, world.layers, rng, 99, 2)
        both = (held.signal, held.choice) if held else (held, held)
        return found | dict(zip(("held out: signal", "held out: choice"), both, strict=True))

    return tests


def rates_of(
    name: str,
    draw: Callable[[np.random.Generator], PairScores],
    n_draws: int,
    permutations: int = 399,
    rewired: int = 199,
) -> pd.DataFrame:
    """Return one row per test of a world: rejections, coverage, equivalence at the margin.

    A difference is tested against its mean over the draws. ``all, bh`` and ``all, by`` count the
    draws in which the correction over all tests of the world calls anything.
    """
    tests = every_test(permutations, rewired)

    def make(seed: int) -> dict:
        rng = np.random.default_rng([seed, 90])
        return tests(numbered(draw(rng)), rng)

    table = rates.draws_of(make, n_draws)
    nulls = rates.about_their_means(table[table["test"] != "10.5"], DIFFERENCES)
    found = rates.rejection_rates(nulls)
    found["mean"] = table.groupby("test")["estimate"].mean()
    found["coverage"] = rates.coverage(table)
    found["coverage of 90 %"] = rates.coverage(table, 0.90)
    found.loc["10.5"] = rates.equivalence_at_margin(table, "10.5", MARGIN)
    found.loc["10.5", "coverage"] = rates.coverage(table)["10.5"]
    found.loc["10.5", "coverage of 90 %"] = rates.coverage(table, 0.90)["10.5"]
    for method in ("bh", "by"):
        found.loc[f"all, {method}"] = rates.books_with_a_call(nulls, method)
    return found.rename_axis("test").reset_index().assign(world=name)
