"""The command line of the data room: ``helpers data list|fetch|card``."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

if TYPE_CHECKING:
    from helpers.datasets.catalogue import Artefact

DEMO = "demo"
ARCHIVES = "archives"
"""Names that stand for the sets of tier demo, and for every archived file that pages read."""

FILES = "helpers.files"
"""Group of entry points: functions that return further files for pages, as artefacts."""

app = typer.Typer(name="data", no_args_is_help=True, help="List, fetch and describe the data sets.")


@app.command("list")
def show(
    files: Annotated[
        bool, typer.Option("--files", help="List the files behind the sets too.")
    ] = False,
) -> None:
    """List the sets of cells, the references and, if asked, every registered file."""
    from helpers.datasets.catalogue import artefact, artefacts, datasets
    from helpers.datasets.fetch import is_available
    from helpers.datasets.references import REFERENCES

    for entry in datasets().values():
        here = all(is_available(artefact(one)) for one in entry.artefacts)
        state = "here" if here else "not fetched"
        typer.echo(f"{entry.name:18} {entry.tier:5} {state:12} {entry.title}")
    for name, (source, title) in REFERENCES.items():
        state = "here" if is_available(artefact(source)) else "not fetched"
        typer.echo(f"{name:18} {'demo':5} {state:12} {title}")
    archived = _archived()
    here = sum(is_available(item) for item in archived)
    state = "here" if here == len(archived) else f"{here} of {len(archived)}"
    typer.echo(f"{ARCHIVES:18} {'demo':5} {state:12} archived results that the pages recompute")
    for item in (*artefacts().values(), *archived) if files else ():
        state = "here" if is_available(item) else "not fetched"
        typer.echo(f"{item.name:28} {item.bytes / 1e6:6.3f} MB {state:12} {item.licence}")


@app.command()
def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Sets, files, 'demo' or 'archives'; 'demo' if nothing is named."),
    ] = None,
) -> None:
    """Fetch what the demonstration needs, or the named sets or files, checking every hash."""
    from tqdm import tqdm

    from helpers.datasets.fetch import fetch as bring

    names = names or [DEMO]
    if ARCHIVES in names:
        typer.echo(_fetch_archives())
    wanted = _named([name for name in names if name != ARCHIVES])
    if not wanted:
        return
    total = sum(item.bytes for item in wanted)
    with tqdm(total=total, unit="B", unit_scale=True, desc="fetching") as bar:
        for item in wanted:
            bar.set_postfix_str(item.name)
            bring(item)
            bar.update(item.bytes)
    typer.echo(f"{len(wanted)} files are here and have the registered checksums")


def _archived() -> list[Artefact]:
    return [item for one in entry_points(group=FILES) for item in one.load()()]


def _fetch_archives() -> str:
    """Fetch the archived files that pages read; say in one line what is here afterwards.

    An origin that cannot be reached, or that holds another file by now, is no failure: such a file
    is not kept, the book is built without it, and says so.
    """
    from helpers.datasets.fetch import fetch as bring
    from helpers.datasets.fetch import find_here
    from helpers.errors import DataError, UnreachableError

    wanted = _archived()
    silent, changed = set(), []
    for item in wanted:
        host = urlsplit(item.source).hostname
        if host in silent:  # one wait for each origin
            continue
        try:
            bring(item)
        except UnreachableError:
            silent.add(host)
        except DataError:
            changed.append(item.name)
    if not silent and not changed:
        return f"{len(wanted)} archived files are here and have the registered checksums"
    reasons = [f"{host} cannot be reached" for host in sorted(silent)]
    if changed:
        reasons.append(f"the origin's {', '.join(changed)} differ from the registered checksums")
    here = sum(find_here(item) is not None for item in wanted)
    return (
        f"{here} of {len(wanted)} archived files are here; {'; '.join(reasons)}, "
        "so pages leave out what needs the others"
    )


def _named(names: list[str]) -> list[Artefact]:
    from helpers.datasets.catalogue import artefact, artefacts, dataset, demo_artefacts
    from helpers.datasets.references import REFERENCES

    found: dict[str, Artefact] = {}
    for name in names:
        if name == DEMO:
            parts = [item.name for item in demo_artefacts()]
        elif name in REFERENCES:
            parts = [REFERENCES[name][0]]
        elif name in artefacts():
            parts = [name]
        else:
            parts = list(dataset(name).artefacts)
        found |= {part: artefact(part) for part in parts}
    return list(found.values())


@app.command()
def card(name: Annotated[str, typer.Argument(help="A set or a reference.")]) -> None:
    """Print the data card of a set or a reference, as Markdown."""
    from helpers.datasets.cards import card as written

    typer.echo(written(name))
