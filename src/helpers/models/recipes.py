"""How the shipped checkpoints were made: data, size, schedule, seed, and the card that says so."""

from __future__ import annotations

import hashlib
import logging
import platform
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
import yaml
from anndata import AnnData

from helpers.datasets.simulate import control_world, training_world, world
from helpers.errors import ModelError
from helpers.files import atomic_write
from helpers.models.adapter import ModelAdapter
from helpers.models.cells import counts_by_cell
from helpers.models.edge_ranking import coexpression_auroc, edge_aurocs
from helpers.models.geneformer import save_geneformer
from helpers.models.load import SHIPPED
from helpers.models.objectives import Masking
from helpers.models.scgpt import save_scgpt
from helpers.models.training import Schedule, Shape, Training, new_model, train
from helpers.models.weights import read_json, write_json

logger = logging.getLogger(__name__)

LOSS = {
    "scgpt": "mean squared error of hidden values, in squared bins",
    "geneformer": "cross-entropy of hidden tokens, in nats",
}
BASELINE = {
    "scgpt": "mean bin of each gene over the training cells",
    "geneformer": "share of each token over the training cells",
}


@dataclass(frozen=True)
class Recipe:
    """Everything that a shipped checkpoint follows from."""

    family: str
    data: str
    schedule: Schedule
    shape: Shape = field(default_factory=Shape)
    seed: int = 0


LEARNING_CURVE = "learning_curve.json"
CONTROL = "correlated-tfs"
"""World of the positive controls, whose attention is known to have learned the edges."""

_CONTROL_SHAPE = Shape(n_layers=2, n_heads=4, width=64, d_hid=128, max_length=128, mvc=False)
_SCGPT = Schedule(steps=1400, batch_size=24, length=96, report_every=100)
_GENEFORMER = Schedule(steps=1400, batch_size=16, length=96, report_every=100)
RECIPES = {
    "scgpt-baron": Recipe("scgpt", "baron", _SCGPT),
    "geneformer-baron": Recipe("geneformer", "baron", _GENEFORMER),
    "scgpt-sim": Recipe(
        "scgpt",
        "sim",
        Schedule(steps=1000, batch_size=32, length=96, whole_every=10, report_every=100),
    ),
    "geneformer-sim": Recipe("geneformer", "sim", _GENEFORMER),
    "control-scgpt": Recipe(
        "scgpt",
        CONTROL,
        Schedule(
            steps=6000,
            batch_size=32,
            learning_rate=2e-3,
            report_every=250,
            masking=Masking(0.15),
        ),
        _CONTROL_SHAPE,
    ),
    "control-geneformer": Recipe(
        "geneformer",
        CONTROL,
        Schedule(
            steps=12_000,  # 6,000 ended below 0.9 in all directions: OBJECTIVE_NOTE
            batch_size=32,
            learning_rate=2e-3,
            report_every=250,
            # hidden tokens stay or trade places; none becomes <mask>
            masking=Masking(0.4, mask=0.0, other=0.0, trade=0.5),
        ),
        _CONTROL_SHAPE,
    ),
}


def recipe(name: str) -> Recipe:
    """Return the recipe of a shipped checkpoint.

    Raises
    ------
    ModelError
        If there is none of that name.
    """
    if name not in RECIPES:
        raise ModelError(f"model {name!r}: no recipe; there are {', '.join(RECIPES)}")
    return RECIPES[name]


def training_cells(data: str) -> tuple[AnnData, dict]:
    """Return the cells that the models of a data set are trained on, and how they were chosen.

    ``baron``: human pancreas, with :func:`training_genes`. ``sim`` and ``correlated-tfs``: the
    simulated worlds of these names, all genes.
    """
    if data == CONTROL:
        return world(CONTROL, 0).adata, {"genes": "all", "world": f"{CONTROL}, seed 0"}
    if data == "sim":
        adata = training_world().adata
        return adata, {"genes": "all", "world": "training_world, seed 0"}
    if data != "baron":
        raise ModelError(f"data {data!r}: the small models are trained on baron, sim or {CONTROL}")
    from helpers.datasets.cells import load

    adata = load("baron-human")
    genes, report = training_genes(adata)
    notes = {"selection": "300 variable genes, TRRUST factors and targets, detected in >= 5 %"}
    return adata[:, genes].copy(), notes | report


def training_genes(adata: AnnData) -> tuple[list[str], dict[str, float]]:
    """Return the genes of real human cells that a model is trained on, and counts of the choice.

    They are the 300 most variable genes, and the transcription factors and targets of TRRUST,
    that are detected in at least 5 % of the cells.
    """
    from helpers.datasets.genes import select_genes
    from helpers.datasets.references import load_reference

    reference = load_reference("trrust")
    chosen = select_genes(
        adata,
        n_hvg=300,
        tfs=reference["source"].unique(),
        targets=reference["target"].unique(),
        min_detection=0.05,
    )
    return list(chosen.genes), {name: float(value) for name, value in chosen.report.items()}


def hash_of(adata: AnnData) -> str:
    """Return the SHA-256 of the counts with the names of cells and genes."""
    counts = counts_by_cell(adata)
    digest = hashlib.sha256()
    for part in (counts.indptr, counts.indices, counts.data):
        kind = np.float64 if part.dtype.kind == "f" else np.int64
        digest.update(np.ascontiguousarray(part, dtype=kind).tobytes())
    for names in (adata.obs_names, adata.var_names):
        digest.update("\n".join(names.astype(str)).encode())
    return digest.hexdigest()


def make(name: str, directory: Path | None = None, steps: int | None = None) -> Path:
    """Train a checkpoint by its recipe and write it in the published layout with its card.

    Parameters
    ----------
    name
        Name of the recipe.
    directory
        Where to write; the shipped folder if not given.
    steps
        Other number of steps, for a trial.

    Returns
    -------
    Path
        The folder written.
    """
    plan = recipe(name)
    target = Path(directory) if directory else SHIPPED / name
    schedule = replace(plan.schedule, steps=steps or plan.schedule.steps)
    adata, notes = training_cells(plan.data)
    threads = torch.get_num_threads()
    # One thread adds in one order: the same weights again, whatever the number of cores.
    torch.set_num_threads(1)
    try:
        adapter = new_model(plan.family, adata, plan.shape, plan.seed)
        measure = partial(edge_aurocs, made=control_world(300, 1)) if plan.data == CONTROL else None
        result = train(adapter, adata, schedule, plan.seed, measure)
        ranking = edge_ranking(adapter) if plan.data == CONTROL else {}
    finally:
        torch.set_num_threads(threads)
    save = save_scgpt if plan.family == "scgpt" else save_geneformer
    with atomic_write(target) as temporary:
        temporary.mkdir()
        save(adapter, temporary)
        content = card(name, plan, schedule, adapter, adata, notes, result) | ranking
        text = yaml.safe_dump(content, sort_keys=False)
        (temporary / "card.yaml").write_text(text, encoding="utf-8")
        if result.measured:
            write_json(temporary / LEARNING_CURVE, learning_curve(result), indent=1)
    logger.info(
        "%s: held out %.3f, baseline %.3f", name, result.held_out_loss, result.baseline_loss
    )
    return target


def card(
    name: str,
    plan: Recipe,
    schedule: Schedule,
    adapter: ModelAdapter,
    adata: AnnData,
    notes: dict,
    result: Training,
) -> dict:
    """Return the model card as plain values."""
    source = {k: str(v) for k, v in adata.uns.get("source", {}).items()}
    parts = {"train": result.train, "held_out": result.test}
    donors = {}
    if "donor" in adata.obs:
        for part, rows in parts.items():
            counts = adata.obs["donor"].iloc[rows].astype(str).value_counts()
            donors[part] = {donor: int(counts[donor]) for donor in sorted(counts.index)}
    parameters = sum(p.numel() for p in adapter.module.parameters())
    return {
        "name": name,
        "family": plan.family,
        "architecture": {**asdict(plan.shape), "parameters": parameters},
        "data": {
            "name": plan.data,
            "source": source,
            "hash_of_counts": hash_of(adata),
            "cells": {part: len(rows) for part, rows in parts.items()},
            "donors": donors,
            "held_out": "whole cells, at random over all donors: not new donors",
            "n_genes": adata.n_vars,
            "choice_of_genes": notes,
        },
        "training": {
            **asdict(schedule),
            "seed": plan.seed,
            "device": "cpu, 1 thread, float32",
            "machine": platform.machine(),
            "torch": str(torch.__version__),
            "minutes": round(result.minutes, 1),
            "minutes_meaning": "wall clock on a shared machine, interruptions included",
        },
        "loss": {
            "meaning": LOSS[plan.family],
            "held_out": round(result.held_out_loss, 4),
            "baseline": round(result.baseline_loss, 4),
            "baseline_meaning": _baseline_meaning(plan),
            "ratio": round(result.held_out_loss / result.baseline_loss, 4),
        },
        "curve": {
            "columns": ["step", "training", "held_out (first cells)"],
            "rows": [[step, round(a, 4), round(b, 4)] for step, a, b in result.curve],
        },
        "licence": "MIT (weights); the data keep their own licence",
        "use": "Teaching and testing. Far too small and too briefly trained for biology.",
    }


OBJECTIVE_NOTE = {
    "scgpt": "hidden values are predicted, as in the other small models, without the prediction "
    "from <cls>; a hidden gene knows which gene it is and can look for its TFs",
    "geneformer": "not the published one: hidden tokens stay or trade places, and none becomes "
    "<mask>; a <mask> token does not know which gene it is, so it has nothing to look for that "
    "gene's TFs by; how far masking alone would come was not measured; 12,000 steps were chosen "
    "after 6,000 of the same recipe had ended below an AUROC of 0.9 in every direction on the "
    "cells of the learning curve",
}
"""What the card of a control says of the objective, by family."""


def _baseline_meaning(plan: Recipe) -> str:
    if plan.schedule.masking and plan.schedule.masking.trade:
        return f"the token shown, with the probability that it stayed; else {BASELINE[plan.family]}"
    return BASELINE[plan.family]


def edge_ranking(adapter: ModelAdapter) -> dict:
    """Return the part of a control's card on its edges, measured on cells of a seed of their own.

    Nothing in the training, and no choice of its settings, has looked at these cells.
    """
    made = control_world()
    found = edge_aurocs(adapter, made) | {"co-expression": coexpression_auroc(made)}
    return {
        "edges": {
            "meaning": "AUROC of attention pooled over cells, layers and heads for planted edges; "
            "forward: the TF is the query; transpose: the target is; best_head: of the transpose, "
            "chosen on the same cells; co-expression: size of Spearman correlation",
            "cells": f"{made.adata.n_obs} new cells, {made.adata.uns['source']['version']}",
            "pairs": len(made.tfs) * (len(made.genes) - 1),
            "positives": len(made.network),
            "tfs": len(made.tfs),
            "targets_with_a_positive": int(made.network["target"].nunique()),
            "auroc": {key: round(value, 4) for key, value in found.items()},
            "objective": OBJECTIVE_NOTE[adapter.family],
        },
        "use": "Positive control: its attention is known to rank planted edges. "
        "It knows the genes of one simulated world and no biology.",
    }


def learning_curve(result: Training) -> dict:
    """Return loss and AUROC by step, as plain values for a file."""
    columns = ["step", "training", "held_out", *result.measured[0]]
    rows = [
        [*point, *measured.values()]
        for point, measured in zip(result.curve, result.measured, strict=True)
    ]
    made = control_world(300, 1)
    return {
        "meaning": "losses as on the card; AUROC of pooled attention for planted edges, by "
        "direction, and of the best head's transpose",
        "cells": f"{made.adata.n_obs} cells, {made.adata.uns['source']['version']}",
        "co-expression": round(coexpression_auroc(made), 4),
        "columns": columns,
        "rows": [[row[0], *(round(float(value), 4) for value in row[1:])] for row in rows],
    }


def read_learning_curve(name: str) -> dict:
    """Return the learning curve of a positive control; see :func:`learning_curve`.

    Raises
    ------
    ModelError
        If the checkpoint has none.
    """
    return read_json(SHIPPED / name / LEARNING_CURVE)


def read_card(name: str) -> dict:
    """Return the card of a shipped checkpoint.

    Raises
    ------
    ModelError
        If the checkpoint has none.
    """
    path = SHIPPED / name / "card.yaml"
    if not path.is_file():
        raise ModelError(f"model {name!r}: {path} is missing")
    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
