"""The commands ``helpers run``, ``helpers book`` and ``helpers doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()

Profile = Annotated[str, typer.Option(help="A file in params/, such as demo, or your own.")]


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
    from bookkit import notebooks
    from bookkit.parameters import read_assignments

    schema = notebooks.schema(name)
    given = read_assignments(schema, parameter or [], name)
    if show:
        for key, value in notebooks.settled(name, profile, given).items():
            item = schema[key]
            typer.echo(f"{key}: {item.kind} = {value!r}  {item.allowed}  {item.description}")
        return
    from bookkit import runner

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
    check: Annotated[
        bool, typer.Option("--check", help="Only tell, by exit code 1, whether something is old.")
    ] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print one PDF of the book instead; needs Chromium.")
    ] = False,
) -> None:
    """Build the HTML book from the results of a profile."""
    if check:
        from bookkit import book as building

        raise typer.Exit(int(not building.is_current(profile)))
    if prepare:
        from bookkit import assets

        assets.bring_all()
        return
    if pdf:
        from bookkit.pdf import make

        typer.echo(f"The book is {make(profile)}")
        return
    from bookkit import book as building

    typer.echo(f"The book begins at {building.build(profile, overlay)}")


@app.command(epilog="Example: helpers doctor")
def doctor() -> None:
    """Check Python, packages, cache, disk, browser and models; exit code 1 if one is missing."""
    from bookkit.doctor import examine

    checks = examine()
    for check in checks:
        typer.echo(f"{'ok     ' if check.good else check.level} {check.what}: {check.found}")
    if any(not check.good and check.level == "missing" for check in checks):
        raise typer.Exit(1)
