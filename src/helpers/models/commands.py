"""``helpers models``: list, train and inspect models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from helpers.errors import ModelError

app = typer.Typer(name="models", no_args_is_help=True, help="List, train and inspect the models.")


@app.command("list")
def list_models() -> None:
    """List the shipped checkpoints with their losses. Example: helpers models list."""
    from helpers.models.load import shipped_models
    from helpers.models.recipes import read_card

    for name in shipped_models():
        card = read_card(name)
        loss = card["loss"]
        typer.echo(
            f"{name:18} {card['data']['n_genes']:5} genes  {card['training']['steps']:4} steps  "
            f"held out {loss['held_out']:.3f}  baseline {loss['baseline']:.3f}"
        )


@app.command()
def train(
    name: Annotated[
        str, typer.Argument(help="A shipped checkpoint, as ``helpers models list`` names it.")
    ],
    to: Annotated[Path | None, typer.Option(help="Folder to write; else the shipped one.")] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Fewer steps, for a trial; needs --to.")
    ] = None,
) -> None:
    """Train a checkpoint by its recipe. Example: helpers models train scgpt-sim --to /tmp/m."""
    import yaml

    from helpers.models.recipes import make

    if steps is not None and to is None:
        raise ModelError("a trial would replace the shipped weights: name a folder with --to")
    folder = make(name, to, steps)
    typer.echo(yaml.safe_dump(yaml.safe_load((folder / "card.yaml").read_text())["loss"]))
    typer.echo(f"written: {folder}")


@app.command()
def inspect(
    path: Annotated[
        str,
        typer.Argument(help="FAMILY:/path (scgpt, geneformer, cell-sentence) or a shipped name."),
    ],
) -> None:
    """Check tensors and dictionaries, run one cell. Example: helpers models inspect scgpt-sim."""
    from helpers.models.inspect import inspect_model
    from helpers.models.load import SHIPPED, resolve

    for key, value in inspect_model(path).items():
        typer.echo(f"{key:24} {value}")
    _, directory = resolve(path)
    if (directory / "card.yaml").is_file():
        typer.echo(f"\n{(directory / 'card.yaml').read_text(encoding='utf-8')}")
    elif directory.is_relative_to(SHIPPED):
        typer.echo("no card.yaml")
