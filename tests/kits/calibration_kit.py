"""Error rates that take long to measure: kept with the digest of the code they rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import pandas as pd

from bookkit import calibration, definitions
from helpers.evaluation import crossed
from helpers.evaluation.crossed_model import crossed_model
from helpers.evaluation.pair_scores import PairScores, pair_scores
from helpers.reading import draw_cells, read_attention
from helpers.registry import error_rates as rates
from helpers.registry.null_worlds import numbered

MARGIN = 0.05
DIFFERENCES = ("10.4", "12.2", "12.3", "12.4", "12.10", "12.7", "12.8")
"""Tests of a difference: gene classes alone give some a small true one, by which it is judged."""


@cache
def real_worlds() -> dict:
    """Attention of the shipped models on pancreas, with TRRUST and DoRothEA; read once."""
    drawn = draw_cells("baron", 1000, 0)
    readings = read_attention("both", drawn, 300, ["trrust", "dorothea"])
    return {
        f"{one.model}, {name}": pair_scores(name, one.part(), one.adata, edges)
        for one in readings
        for name, edges in one.references.items()
    }


def kept(
    name: str, measure: Callable[[], pd.DataFrame], rests_on: Iterable[str] = ()
) -> pd.DataFrame:
    """Return the rates of a calibration: the recorded ones while its code is the same, else new.

    New ones are written to ``src/bookkit/calibration/NAME.json``, to be committed with the code.
    """
    known = {one.name: one for one in calibration.records(name)}
    if name in known and known[name].current:
        return known[name].rates
    return calibration.keep(name, measure(), rests_on).rates


def every_test(permutations: int, rewired: int) -> Callable:
    """Return a function of a world and a generator that makes every test over pairs."""
    first = definitions(calibration.PAGES[0], n_permutations=permutations, margin=MARGIN)
    second = definitions(calibration.PAGES[1], permutations=permutations, rewired=rewired)

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
