"""The command line: ``helpers score|audit|extract|compare|data|models|worlds``, and more.

Exit codes: 0 done, 1 our own clear error, 2 wrong usage.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points, requires
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from helpers.datasets import commands as data
from helpers.datasets import world_commands as worlds
from helpers.errors import HelpersError, ParameterError
from helpers.evaluation.commands import compare
from helpers.extraction.commands import extract
from helpers.models import commands as models
from helpers.schema import foreign
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


FULL_OR_FORBIDDEN = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EFBIG,
}  # fmt: skip
FOLDERS = ("HELPERS_DATA_DIR", "HELPERS_RESULTS_DIR")


def check_folders() -> None:
    """Refuse names of folders in the environment that can be none.

    Raises
    ------
    ParameterError
        Naming the variable.
    """
    for name in FOLDERS:
        if not (value := os.environ.get(name)):
            continue
        with foreign(f"{name}={value[:80]!r}", ParameterError, "name a folder, or unset it"):
            path = Path(value).expanduser().resolve()
            if not next(one for one in (path, *path.parents) if one.exists()).is_dir():
                raise ParameterError(f"{name} names {path}, no folder; name one, or unset it")


@contextmanager
def stopping() -> Iterator[None]:
    """Let a process that is asked to stop, or loses its terminal, clear away what is half done.

    What was told to be ignored (``nohup``) stays ignored.
    """
    kinds = [signal.SIGTERM, signal.SIGHUP]
    main = threading.current_thread() is threading.main_thread()
    ours = [kind for kind in kinds if main and signal.getsignal(kind) is signal.SIG_DFL]
    for kind in ours:
        signal.signal(kind, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        for kind in ours:
            signal.signal(kind, signal.SIG_DFL)


class Main(TyperGroup):
    """The top level: our own errors end with exit code 1 and one message, without a traceback."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Run a command."""
        try:
            with stopping():
                return super().invoke(ctx)
        except HelpersError as error:
            typer.echo(f"Error: {error}", err=True)
            ctx.exit(1)
        except OSError as error:
            if error.errno not in FULL_OR_FORBIDDEN:
                raise
            typer.echo(
                f"Error: {error.filename or 'a file'} cannot be written ({error.strerror}); make "
                "room, or name another folder, and start again: what was finished is kept",
                err=True,
            )
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
    check_folders()


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
