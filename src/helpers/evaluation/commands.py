"""``helpers compare``: two conditions, or two strata, of a reader's own cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from helpers.errors import DataError, ParameterError

if TYPE_CHECKING:
    from helpers.evaluation.two_states import StatesCompared


def compare(
    cells: Annotated[str, typer.Argument(help="Counts: .h5ad, .zarr, 10x .h5, folder, or a set.")],
    column: Annotated[str, typer.Option("--by", help="Column of obs with the two states.")],
    first: Annotated[str, typer.Option(help="Value of the first state.")],
    second: Annotated[str, typer.Option(help="Value of the second state.")],
    reference: Annotated[
        str, typer.Option("--reference", "-r", help="Registered name or file of edges.")
    ] = "trrust",
    donor: Annotated[str, typer.Option(help="Column with donors; 'donor' if empty.")] = "",
    cell_type: Annotated[str, typer.Option(help="Column of types; 'cell_type' if empty.")] = "",
    symbols: Annotated[str, typer.Option(help="Column of var with gene names.")] = "",
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="table.csv of all edges.")
    ] = None,
    n_cells: Annotated[int, typer.Option(min=100, help="Most cells, drawn at random.")] = 5000,
    permutations: Annotated[int, typer.Option(min=99, help="Permutations of the states.")] = 999,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 0,
) -> None:
    """Which curated pairs are co-expressed differently in two states of the same donors."""
    import numpy as np

    from helpers.datasets.own_network import networks
    from helpers.estimates import NotEstimable
    from helpers.evaluation.two_states import compare_states, states_of
    from helpers.files import atomic_write

    path = Path(output).expanduser() if output else None
    if path and path.absolute() in {Path(cells).absolute(), Path(reference).absolute()}:
        raise ParameterError(f"{path} is an input; write to another file")
    rng = np.random.default_rng(seed)
    roles = {"donor": donor, "cell_type": cell_type}
    adata = states_of(cells, column, (first, second), n_cells, rng, symbols, **roles)
    ((_, edges),) = networks([reference]).items()
    found = compare_states(adata, edges, column, first, second, rng, permutations)
    if isinstance(found, NotEstimable):
        raise DataError(str(found))
    typer.echo(summary(found, first, second))
    if path:
        with atomic_write(path) as temporary:
            found.edges.to_csv(temporary, index=False)
        typer.echo(f"Wrote {path}")


def summary(found: StatesCompared, first: str, second: str) -> str:
    """Return what was compared, the edges that differ (corrected p at most 0.05), and stability."""
    states, table = found.states, found.edges
    differ = table[table["p"] <= 0.05]
    about = states.any_edge
    lines = [
        f"{states.cells[0]} cells {first}, {states.cells[1]} cells {second}, "
        f"{about.detail['groups']} groups of a donor and a cell type that hold both",
        f"{len(differ)} of {len(table)} edges differ (p corrected for all of them, "
        f"{about.resamples} permutations within groups)",
        f"Any edge: largest |z| {about.estimate:.2f}, p {about.p:.4f}. "
        "The unit is the cell: this is about these donors.",
    ]
    if about.p > 0.05:
        text = f"One edge with |z| {about.detail['mde']:.2f} would have been found with power 0.8"
        if (change := about.detail.get("mde_difference")) is not None:
            text += f": for the median edge a change of its correlation by {change:.3f}"
        lines.append(f"{text}.")
    if len(differ):
        lines.append(differ.head(20).round(3).to_string(index=False))
    shares = ", ".join(
        f"{row.overlap:.0%} [{row.low:.0%}, {row.high:.0%}] without {row.removed}"
        for row in found.stability.itertuples()
    )
    lines.append(f"Strongest edges that stay when cells are removed: {shares}")
    return "\n".join(lines)
