"""``helpers extract``: attention of a model over many cells, in jobs that any scheduler may run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EDGES = "edges.parquet"


def extract(
    model: Annotated[str, typer.Argument(help="scgpt-baron, scgpt:/path or geneformer:/path.")],
    cells: Annotated[str, typer.Option(help="A registered set, or a file of cells with counts.")],
    out: Annotated[Path, typer.Option(help="Folder of this extraction and no other.")],
    sources: Annotated[str, typer.Option(help="Genes that attend: tfs or all.")] = "tfs",
    strata: Annotated[str, typer.Option(help="Column of obs to keep sums apart by.")] = "",
    symbols: Annotated[str, typer.Option(help="Column of var with gene names.")] = "",
    min_count: Annotated[int, typer.Option(help="Fewest cells that hold both genes.")] = 20,
    shards: Annotated[
        int | None, typer.Option(help="Jobs to make; four a worker if not given.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Jobs that will run at once.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of tokens.")] = 0,
    plan_only: Annotated[bool, typer.Option("--plan", help="Only plan, and estimate.")] = False,
    only: Annotated[
        list[int] | None, typer.Option(help="Only do the job of this number; repeat.")
    ] = None,
    merge_only: Annotated[bool, typer.Option("--merge", help="Only add up what is done.")] = False,
) -> None:
    """Sum the attention of a model over cells, in parts that survive interruption."""
    from helpers.extraction.planned import PLAN, plan_extraction, read_plan, run_jobs

    if not (out / PLAN).exists():
        about = {"sources": sources, "strata": strata, "symbols": symbols, "seed": seed}
        plan_extraction(model, cells, out, shards=shards, workers=workers, **about)
    plan = read_plan(out)
    _refuse_other(plan, out, {"model": model, "cells": cells, "seed": seed})
    typer.echo(f"{plan}.", err=True)
    if plan_only:
        return
    if not merge_only:
        run_jobs(out, only or None)
    if not only:
        _merge(out, min_count)


def _refuse_other(plan, out: Path, asked: dict) -> None:
    from helpers.errors import ParameterError

    for name, value in asked.items():
        if getattr(plan, name) != value:
            raise ParameterError(
                f"{out} holds a plan with {name} {getattr(plan, name)!r}, not {value!r}; "
                "name another folder, or repeat what it was planned with"
            )


def _merge(out: Path, min_count: int) -> None:
    import numpy as np

    from helpers.alone import alone, remove_leftovers
    from helpers.edges.attention import edge_scores, pool
    from helpers.extraction.planned import MERGED, merge_jobs
    from helpers.files import atomic_write

    with alone(out):
        sums = merge_jobs(out)
        remove_leftovers(out / EDGES)
    # The mean over layers and heads first: it takes the least memory, and scores are linear in it.
    whole = pool(sums["sum"]).to_dataset(name="sum").assign(count=sums["count"])
    whole = whole.sum("stratum") if "stratum" in whole.dims else whole
    table = edge_scores(whole, min_count=min_count).to_series().rename("score").reset_index()
    table = table[np.isfinite(table["score"]) & (table["source"] != table["target"])]
    with atomic_write(out / EDGES) as temporary:
        table.to_parquet(temporary, index=False)
    typer.echo(f"Wrote {out / MERGED} and {out / EDGES}: {len(table)} pairs with a score")
