"""Error rates that take long to measure: kept with the digest of the code they rest on."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from bookkit import calibration, definitions, notebooks
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


def kept_draws(
    name: str,
    measure: Callable[[], pd.DataFrame],
    pages: Mapping[str, Iterable[str]] | None = None,
) -> pd.DataFrame:
    """Return what :func:`kept` does for a measurement that a file of tests defines.

    It rests on the functions and constants of that file that `measure` reaches, on those that the
    functions named in `pages` reach on their page, and on the modules from which they import.
    """
    places = [(Path(measure.__code__.co_filename).read_text(encoding="utf-8"), [measure.__name__])]
    for page, names in (pages or {}).items():
        cells = (c["source"] for c in notebooks.load(page)["cells"] if c["cell_type"] == "code")
        places.append(("\n".join(cells), names))
    parts = [reached(*place) for place in places]
    code = "\n".join(text for texts, _ in parts for text in texts)
    rests_on = {one for _, names in parts for one in names if one.startswith("helpers.")}
    digest = hashlib.sha256(code.encode()).hexdigest()

    def marked() -> pd.DataFrame:
        return measure().assign(code=digest)

    found = kept(name, marked, rests_on)
    if (found["code"] != digest).any():
        found = calibration.keep(name, marked(), rests_on).rates
    return found.drop(columns="code")


def reached(source: str, names: Iterable[str]) -> tuple[list[str], set[str]]:
    """Return what names of a module reach: texts of its definitions, and names it imports."""
    defined, imported = {}, {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined[node.name] = node
        elif isinstance(node, ast.Assign):
            defined |= {one.id: node for one in node.targets if isinstance(one, ast.Name)}
        elif isinstance(node, ast.AnnAssign):  # a parameter of a page
            defined[node.target.id] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            above = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            imported |= {one.asname or one.name: f"{above}{one.name}" for one in node.names}
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        if name not in seen and name in defined:
            inner = ast.walk(defined[name])
            waiting += [node.id for node in inner if isinstance(node, ast.Name)]
        seen.add(name)
    texts = [calibration.computing(ast.unparse(defined[one])) for one in sorted(seen & {*defined})]
    return texts, {imported[one] for one in seen & {*imported}}


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
