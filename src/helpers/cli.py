"""The command line: ``helpers data|models|run|book|score|ledger|doctor``.

Exit codes: 0 done, 1 our own clear error, 2 wrong usage.
"""

from __future__ import annotations

import logging
import signal
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from helpers.errors import HelpersError
from helpers.scorecard.commands import score

ROOMS = {
    "data": ("helpers.datasets.commands", "List, fetch and describe the data sets."),
    "models": ("helpers.models.commands", "List, train and inspect the models."),
    "ledger": ("helpers.registry.commands", "Compare published claims with computed values."),
}


class Room(TyperGroup):
    """Commands of another part of the package, imported only when they are needed."""

    def __init__(self, name: str, module: str, help: str) -> None:
        super().__init__(name=name, help=help, no_args_is_help=True)
        self._module = module

    def _commands(self) -> TyperGroup:
        made = typer.main.get_group(import_module(self._module).app)
        made.name = self.name
        return made

    def list_commands(self, ctx: typer.Context) -> list[str]:
        """Return the names of the commands."""
        return self._commands().list_commands(ctx)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:
        """Return one command."""
        return self._commands().get_command(ctx, cmd_name)


class Main(TyperGroup):
    """The top level: our own errors end with exit code 1 and one message, without a traceback."""

    def list_commands(self, ctx: typer.Context) -> list[str]:
        """Return own commands and those of the rooms."""
        return sorted([*super().list_commands(ctx), *ROOMS])

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:
        """Return a command, own or of a room."""
        if cmd_name in ROOMS:
            return Room(cmd_name, *ROOMS[cmd_name])
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: typer.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except HelpersError as error:
            typer.echo(f"Error: {error}", err=True)
            ctx.exit(1)


app = typer.Typer(
    cls=Main,
    help="Data, models, notebooks and book of the attention audit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Profile = Annotated[str, typer.Option(help="A file in params/, such as demo, or your own.")]


@app.callback()
def main(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Say more about what happens.")
    ] = False,
) -> None:
    """Set up messages for every command."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(name)s: %(message)s"
    )


@app.command(epilog="Example: helpers run 10_coexpression -p n_cells=500")
def run(
    name: Annotated[str, typer.Argument(help="A notebook in notebooks/, such as 10_coexpression.")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE; repeat for more.")
    ] = None,
    profile: Profile = "demo",
    into: Annotated[
        str | None,
        typer.Option(help="Folder below results/ to write to; with -p it is 'custom' by default."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Run even if the result is current.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Only list the parameters.")] = False,
) -> None:
    """Run one notebook, unless its result is current already."""
    from helpers.running import sources
    from helpers.running.parameters import read_assignments

    schema = sources.schema(name)
    given = read_assignments(schema, parameter or [], name)
    if show:
        for key, value in sources.settled(name, profile, given).items():
            item = schema[key]
            typer.echo(f"{key}: {item.kind} = {value!r}  {item.allowed}  {item.description}")
        return
    from helpers.running import runner

    # Asked to stop, clear away what is half done, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    done = runner.run(name, profile, given, into, force)
    state = f"ran in {done.minutes:.1f} minutes" if done.ran else "is current, nothing to do"
    typer.echo(f"{name} {state}: {done.folder}")
    if done.folder.parent.name != profile:
        typer.echo(
            f"Read it in the book: helpers book --profile {profile} "
            f"--with {done.folder.parent.name}"
        )


@app.command(epilog="Example: helpers book --profile demo")
def book(
    profile: Profile = "demo",
    overlay: Annotated[
        str | None,
        typer.Option("--with", help="Folder below results/ whose pages replace the profile's."),
    ] = None,
    prepare: Annotated[
        bool,
        typer.Option("--prepare", help="Only fetch the scripts that pages need, from the network."),
    ] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print one PDF of the book instead; needs Chromium.")
    ] = False,
) -> None:
    """Build the HTML book from the results of a profile."""
    if prepare:
        from helpers.running import assets

        assets.bring_all()
        return
    if pdf:
        from helpers.running.pdf import make

        typer.echo(f"The book is {make(profile)}")
        return
    from helpers.running import book as building

    typer.echo(f"The book begins at {building.build(profile, overlay)}")


@app.command(epilog="Example: helpers doctor")
def doctor() -> None:
    """Check Python, packages, cache, disk, browser and models; exit code 1 if one is missing."""
    from helpers.running.doctor import examine

    checks = examine()
    for check in checks:
        typer.echo(f"{'ok     ' if check.good else check.level} {check.what}: {check.found}")
    if any(not check.good and check.level == "missing" for check in checks):
        raise typer.Exit(1)


app.command(
    epilog="Example: helpers score edges.tsv --cells cells.h5ad --reference trrust -o card.html"
)(score)


if __name__ == "__main__":
    app()
