"""``helpers worlds``: list simulated worlds, and write one for another program to evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="worlds", no_args_is_help=True, help="List and export simulated worlds.")


@app.command("list")
def show() -> None:
    """List the worlds and what is planted in them. Example: helpers worlds list."""
    from helpers.datasets.simulate.catalogue import WORLDS

    for name, entry in WORLDS.items():
        typer.echo(f"{name:22} {entry.about}")


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="A world, as ``helpers worlds list`` names it.")],
    to: Annotated[Path, typer.Option(help="Folder in which a folder of that name is made.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the world and its scores.")] = 0,
) -> None:
    """Write cells, network, five scores and the right answers.

    Example: helpers worlds export pair-signal --to /tmp/kit.
    """
    from helpers.datasets.simulate.metric_kit import export_world

    typer.echo(f"written: {export_world(name, to, seed)}")
