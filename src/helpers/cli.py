"""The command line: ``helpers score|audit|extract|compare|data|models|worlds``, and more.

Exit codes: 0 done, 1 our own clear error, 2 wrong usage.
"""

from __future__ import annotations

import logging
import re
from importlib.metadata import entry_points, requires
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from helpers.datasets import commands as data
from helpers.datasets import world_commands as worlds
from helpers.errors import HelpersError
from helpers.evaluation.commands import compare
from helpers.extraction.commands import extract
from helpers.models import commands as models
from helpers.scorecard.commands import audit, score


def extra_of(module: str) -> str | None:
    """Return the optional part of the project that brings a library, or None.

    Examples
    --------
    >>> extra_of("transformers.utils"), extra_of("nbformat"), extra_of("numpy")
    ('models', 'book', None)
    """
    name = module.split(".")[0].replace("_", "-")
    for line in requires("attention-audit") or ():
        found = re.match(rf"{re.escape(name)}\b[^;]*;.*extra == [\"'](\w+)", line)
        if found:
            return found[1]
    return None


class Main(TyperGroup):
    """The top level: our own errors end with exit code 1 and one message, without a traceback."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except HelpersError as error:
            typer.echo(f"Error: {error}", err=True)
            ctx.exit(1)
        except ModuleNotFoundError as error:
            if (extra := extra_of(error.name or "")) is None:
                raise
            typer.echo(
                f"Error: this command needs {error.name}, which comes with the optional part "
                f"{extra!r}; install it: pip install 'attention-audit[{extra}]'",
                err=True,
            )
            ctx.exit(1)


app = typer.Typer(
    cls=Main,
    help="Data, models, notebooks and book of the attention audit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(data.app)
app.add_typer(models.app)
app.add_typer(worlds.app)
for other in entry_points(group="helpers.commands"):  # of packages that build on this one
    app.add_typer(other.load())


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


app.command(
    epilog="Example: helpers score edges.tsv --cells cells.h5ad --reference trrust -o card.html"
)(score)
app.command(
    epilog="Example: helpers audit scgpt-baron --cells baron-human --reference trrust -o card.html"
)(audit)

app.command(epilog="Example: helpers extract scgpt-baron --cells baron-human --out sums")(extract)

app.command(epilog="Example: helpers compare cells.h5ad --by condition --first ctrl --second stim")(
    compare
)


if __name__ == "__main__":
    app()
