"""``helpers score`` and ``helpers audit``: edges, or a model, against reference networks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from helpers.errors import ParameterError

if TYPE_CHECKING:
    from helpers.scorecard.results import Scorecard


Writer = Callable[["Scorecard"], str]


def score(
    edges: Annotated[str, typer.Argument(help="CSV, TSV or parquet: source, target, score.")],
    reference: Annotated[
        list[str],
        typer.Option("--reference", "-r", help="Registered name or file of edges; repeat."),
    ],
    cells: Annotated[
        str | None, typer.Option(help="Counts of the cells: a file such as cells.h5ad.")
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option("--output", "-o", help="card.html, result.json or table.csv; repeat."),
    ] = None,
    direction: Annotated[
        str, typer.Option(help="forward: source regulates; transpose: target does.")
    ] = "forward",
    signed: Annotated[
        bool, typer.Option("--signed", help="Rank negative scores below zero, not by size.")
    ] = False,
    listed_only: Annotated[
        bool, typer.Option("--listed-only", help="Leave out pairs that the list does not hold.")
    ] = False,
    organism: Annotated[
        str, typer.Option(help="human, mouse, or other: names as they stand.")
    ] = "human",
    margin: Annotated[float, typer.Option(help="Half width of 'absent', in AUROC.")] = 0.05,
    n_cells: Annotated[int, typer.Option(help="Most cells to use, drawn at random.")] = 5000,
    permutations: Annotated[int, typer.Option(help="Draws of permuted gene labels.")] = 1999,
    rewired: Annotated[int, typer.Option(help="Draws of networks of the same degrees.")] = 999,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
) -> None:
    """Score an edge list, of any method, against reference networks: numbers and a verdict."""
    outputs = _outputs(output, [edges, cells or "", *reference])
    from helpers.scorecard.score import score_edges

    card = score_edges(
        edges,
        cells,
        reference,
        direction=direction,
        signed=signed,
        listed_only=listed_only,
        organism=organism,
        margin=margin,
        n_cells=n_cells,
        permutations=permutations,
        rewired=rewired,
        seed=seed,
    )
    typer.echo(_console(card))
    _keep(card, outputs)


def audit(
    model: Annotated[str, typer.Argument(help="scgpt-baron, scgpt:/path or geneformer:/path.")],
    cells: Annotated[
        str, typer.Option(help="A registered set, or a file of human or mouse cells.")
    ],
    reference: Annotated[
        list[str],
        typer.Option("--reference", "-r", help="Registered name or file of edges; repeat."),
    ],
    output: Annotated[
        list[str] | None,
        typer.Option("--output", "-o", help="card.html, result.json or table.csv; repeat."),
    ] = None,
    direction: Annotated[
        str, typer.Option(help="Any of forward, transpose, symmetric, with commas between.")
    ] = "forward,transpose,symmetric",
    arms: Annotated[
        str,
        typer.Option(
            help="What to read besides: any of attention, value-weighted, rollout, embedding, "
            "residual, gradient, with commas between."
        ),
    ] = "attention",
    n_cells: Annotated[int, typer.Option(help="Cells to draw at random.")] = 300,
    n_genes: Annotated[int, typer.Option(help="Most genes on both axes.")] = 300,
    min_count: Annotated[int, typer.Option(help="Fewest cells that hold both genes.")] = 20,
    margin: Annotated[float, typer.Option(help="Half width of 'absent', in AUROC.")] = 0.05,
    permutations: Annotated[int, typer.Option(help="Draws of permuted gene labels.")] = 1999,
    rewired: Annotated[int, typer.Option(help="Draws of networks of the same degrees.")] = 999,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    shards: Annotated[
        int,
        typer.Option(help="Parts to read cells in; the same command continues."),
    ] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate time and memory.")
    ] = False,
) -> None:
    """Ask whether a model knows regulation: attention of all layers and heads, other --arms."""
    outputs = _outputs(output, [model.partition(":")[2], cells, *reference])
    from helpers.scorecard.audit import audit as audited
    from helpers.scorecard.audit_card import control_words, head_words, not_found

    if dry_run:
        from helpers.reading import draw_cells
        from helpers.scorecard.model_reading import cost, cost_in_words, make_ready

        ready = make_ready(model, draw_cells(cells, n_cells, seed), n_genes, reference, seed)
        typer.echo(cost_in_words(cost(ready)))
        return
    parts = None if shards == 1 else next(iter(outputs), Path("audit.html")).with_suffix(".parts")
    card = audited(
        model,
        cells,
        reference,
        direction=[part.strip() for part in direction.split(",") if part.strip()],
        arms=[part.strip() for part in arms.split(",") if part.strip()],
        n_cells=n_cells,
        n_genes=n_genes,
        min_count=min_count,
        margin=margin,
        permutations=permutations,
        rewired=rewired,
        seed=seed,
        shards=shards,
        parts=parts,
        tell=lambda text: typer.echo(text, err=True),
        show_progress=True,
    )
    typer.echo(_console(card))
    for name, found in card.audit["heads"].items():
        typer.echo(f"{name}, heads: {head_words(found)}")
    for name, best in card.audit.get("arms", {}).items():
        for arm, found in best.items():
            typer.echo(f"{name}, {arm}: {head_words(found)}")
    for name, found in card.audit["controls"].items():
        typer.echo(f"{control_words(name)}: {head_words(found)}")
    more = card.audit.get("controls_of_arms")
    if not_found(card.audit["controls"]) or (more and not_found(more)):
        typer.echo("The controls did not come out as they should: take no answer from this.")
    _keep(card, outputs)
    if parts is not None:
        _drop_parts(parts)


def _drop_parts(folder: Path) -> None:
    """Remove what an audit kept, and nothing that somebody else put there."""
    from helpers.scorecard.audit import KEPT

    for name in KEPT:
        shutil.rmtree(folder / name, ignore_errors=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _outputs(names: list[str] | None, inputs: list[str]) -> dict[Path, Writer]:
    outputs = {Path(name).expanduser(): _writer(name) for name in names or []}
    taken = {Path(one).expanduser().absolute() for one in inputs if one}
    if wrong := [str(path) for path in outputs if path.absolute() in taken]:
        raise ParameterError(f"{wrong[0]} is an input; write to another file")
    return outputs


def _keep(card: Scorecard, outputs: dict[Path, Writer]) -> None:
    for path, write in outputs.items():
        _write(path, write(card))
        typer.echo(f"Wrote {path}")


def _write(path: Path, text: str) -> None:
    from helpers.files import atomic_write

    try:
        with atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ParameterError(f"{path} cannot be written: {error.strerror}") from error


def _html(card: Scorecard) -> str:
    from helpers.scorecard.card import as_html

    return as_html(card)


def _json(card: Scorecard) -> str:
    import json

    from helpers.scorecard.record import as_record

    return json.dumps(as_record(card), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _csv(card: Scorecard) -> str:
    return card.table.to_csv(index=False)


WRITERS = {".html": _html, ".json": _json, ".csv": _csv}


def _writer(name: str) -> Writer:
    if (found := WRITERS.get(Path(name).suffix.lower())) is None:
        raise ParameterError(f"{name}: the name must end in {', '.join(WRITERS)}")
    return found


def _console(card: Scorecard) -> str:
    lines = [f"{card.name}: {note}" for note in [*card.edges["notes"], *card.warnings]]
    shown = card.table[
        ["reference", "quantity", "estimate", "low", "high", "corrected p", "answer"]
    ]
    text = {
        name: shown[name].map(lambda v: "" if v != v else f"{round(v, 3) + 0.0:.3f}")
        for name in shown.columns[2:6]
    }
    lines += [shown.assign(**text).to_string(index=False, max_colwidth=30), ""]
    return "\n".join([*lines, *(f"{name}: {words}" for name, words in card.verdicts.items())])
