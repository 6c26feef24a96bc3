"""What the page on the models shows: tokens, shapes, losses, rows of a head, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
import xarray as xr
from anndata import AnnData

from helpers.errors import ParameterError
from helpers.extraction import extract
from helpers.extraction.axes import slots_of
from helpers.extraction.reference import reference_maps
from helpers.models.adapter import ModelAdapter
from helpers.models.cells import counts_by_cell
from helpers.models.recipes import read_card, recipe
from helpers.models.training import new_model, train

PUBLISHED = {
    "scGPT, whole human": (12, 8, 512, 1200, "values"),
    "Geneformer V1-10M": (6, 4, 256, 2048, "order"),
    "Geneformer V2-104M": (12, 12, 768, 4096, "order"),
    "Geneformer V2-316M": (18, 18, 1152, 4096, "order"),
}
"""Layers, heads, width, most tokens and what carries expression, of published checkpoints."""


def token_table(adapter: ModelAdapter, adata: AnnData, cell: int) -> pd.DataFrame:
    """Return one cell's tokens in the order in which the model reads them.

    Parameters
    ----------
    adapter
        A loaded model.
    adata
        Cells with counts.
    cell
        Row of the cell.

    Returns
    -------
    pandas.DataFrame
        ``position, gene, count`` and, for scGPT, ``bin``; for Geneformer, ``median`` (the gene's
        typical expression) and ``count / median``, by which tokens are ranked. Special tokens
        have their own name and no count.
    """
    if not 0 <= cell < adata.n_obs:
        raise ParameterError(f"cell={cell}: the data have cells 0 to {adata.n_obs - 1}")
    tokens = adapter.tokenise(adata[[cell]].copy())
    counts = counts_by_cell(adata[[cell]]).toarray()[0]
    genes = tokens.genes[0]
    table = pd.DataFrame({"position": np.arange(len(genes))})
    names = {number: name for name, number in _special(adapter).items()}
    table["gene"] = [
        tokens.gene_names[g] if g >= 0 else names[int(i)]
        for g, i in zip(genes, tokens.ids[0], strict=True)
    ]
    table["count"] = np.where(genes >= 0, counts[genes], np.nan)
    if tokens.values is not None:
        table["bin"] = np.where(genes >= 0, tokens.values[0], np.nan)
    else:
        known = adapter.dictionaries.identify(adata)
        medians = [adapter.dictionaries.medians[known[g]] if g >= 0 else np.nan for g in genes]
        table["median"] = medians
        table["count / median"] = table["count"] / table["median"]
    return table


def _special(adapter: ModelAdapter) -> dict[str, int]:
    words = adapter.vocabulary if adapter.family == "scgpt" else adapter.dictionaries.tokens
    return {name: number for name, number in words.items() if name.startswith("<")}


def same_genes(scgpt: pd.DataFrame, geneformer: pd.DataFrame) -> pd.DataFrame:
    """Return the genes that both token tables hold, with their bin and their rank."""
    left = scgpt.dropna(subset="count").set_index("gene")[["count", "bin"]]
    right = geneformer.dropna(subset="count").set_index("gene")["position"].rename("rank")
    return left.join(right, how="inner").reset_index()


def shape_table(adapters: Sequence[ModelAdapter]) -> pd.DataFrame:
    """Return the sizes of loaded models beside those of published ones."""
    rows = {}
    for adapter in adapters:
        parameters = sum(p.numel() for p in adapter.module.parameters())
        reads = "values" if adapter.family == "scgpt" else "order"
        size = (adapter.n_layers, adapter.n_heads, adapter.width, adapter.max_length, reads)
        rows[adapter.name] = (*size, f"{parameters / 1e6:.1f} M")
    rows |= {name: (*size, "") for name, size in PUBLISHED.items()}
    columns = ["layers", "heads", "width", "most tokens", "expression is in", "parameters"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("model")


def loss_curves(names: Sequence[str]) -> pd.DataFrame:
    """Return ``model, step, training, held_out, baseline`` from the cards of shipped models."""
    parts = []
    for name in names:
        card = read_card(name)
        part = pd.DataFrame(card["curve"]["rows"], columns=["step", "training", "held_out"])
        parts.append(part.assign(model=name, baseline=card["loss"]["baseline"]))
    return pd.concat(parts, ignore_index=True)


def loss_table(names: Sequence[str]) -> pd.DataFrame:
    """Return the final held-out loss of shipped models and that of their baseline."""
    rows = {}
    for name in names:
        card = read_card(name)
        loss, cells = card["loss"], card["data"]["cells"]
        rows[name] = {
            "held-out loss": loss["held_out"],
            "baseline": loss["baseline"],
            "ratio": loss["held_out"] / loss["baseline"],
            "training cells": cells["train"],
            "held-out cells": cells["held_out"],
            "loss is": loss["meaning"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def retrain(name: str, adata: AnnData, *, steps: int, seed: int) -> pd.DataFrame:
    """Train a fresh model by a shipped model's recipe, for a few steps and on some cells.

    Returns
    -------
    pandas.DataFrame
        ``model, step, training, held_out``; the held-out loss is measured every few steps.
    """
    plan = recipe(name)
    schedule = replace(plan.schedule, steps=steps, report_every=max(1, steps // 6))
    adapter = new_model(plan.family, adata, plan.shape, seed)
    curve = train(adapter, adata, schedule, seed).curve
    return pd.DataFrame(curve, columns=["step", "training", "held_out"]).assign(model=name)


def head_rows(
    adapter: ModelAdapter,
    adata: AnnData,
    cell: int,
    *,
    sources: Sequence[str],
    layer: int,
    head: int,
    n_keys: int = 15,
) -> xr.DataArray:
    """Return some rows of one head in one cell, with gene names on both sides.

    Parameters
    ----------
    adapter, adata, cell
        Model and cell.
    sources
        Query genes, of which those present in the cell are kept.
    layer, head
        From 0.
    n_keys
        Keys kept: those with the largest mean attention over the rows.

    Returns
    -------
    xarray.DataArray
        (source, target); each full row sums to 1 over all tokens of the cell.
    """
    one = adata[[cell]].copy()
    here = one.var_names[counts_by_cell(one).toarray()[0] > 0]
    kept = [gene for gene in sources if gene in here]
    if not kept:
        raise ParameterError(f"cell={cell} shows none of the query genes: choose another cell")
    found = extract(adapter, one, sources=kept, show_progress=False)
    rows = found["sum"].sel(layer=layer, head=head)
    rows = rows.isel(source=(found["cells"] > 0).values)
    order = np.argsort(-rows.mean("source").values, kind="stable")[:n_keys]
    return rows.isel(target=order)


def against_reference(
    adapter: ModelAdapter, adata: AnnData, *, sources: Sequence[str]
) -> tuple[xr.Dataset, xr.Dataset]:
    """Compute the same mean attention with the extractor and from whole maps.

    Parameters
    ----------
    adapter, adata
        Model and cells (few: whole maps are formed for all of them).
    sources
        Query genes.

    Returns
    -------
    tuple
        Mean weights ``extracted`` and ``reference`` (layer, head, source, target), NaN where no
        cell holds both genes; and the extracted sums.
    """
    found = extract(adapter, adata, sources=sources, show_progress=False)
    tokens = adapter.tokenise(adata)
    source, target = (
        slots_of(tokens.gene_names, found[axis].values) for axis in ("source", "target")
    )
    expected = np.zeros(tuple(size + 1 for size in found["sum"].shape))[1:, 1:]
    for row in range(len(tokens)):
        maps = torch.stack(reference_maps(adapter, adapter.collate(tokens, [row])))[:, 0]
        genes = tokens.genes[row] + 1
        queries = np.flatnonzero(source[genes] < source[0])
        rows = source[genes[queries]][:, None]
        # Each gene has one token in a cell, so only the last, unused column meets twice.
        expected[:, :, rows, target[genes][None, :]] += maps[:, :, queries].double().numpy()
    expected = expected[:, :, :-1, :-1]
    both = xr.Dataset(
        {"extracted": found["sum"], "reference": (found["sum"].dims, expected)}
    ).where(found["count"] > 0) / found["count"].where(found["count"] > 0)
    return both, found


def largest_difference(both: xr.Dataset) -> float:
    """Return the largest difference between extracted and reference weights."""
    return float(np.abs(both["extracted"] - both["reference"]).max())


def largest_weights(both: xr.Dataset, n: int = 10) -> pd.DataFrame:
    """Return ``layer, head, source, target, extracted, reference`` of the largest mean weights."""
    values = np.nan_to_num(both["extracted"].values, nan=-1.0)
    top = np.argsort(-values, axis=None, kind="stable")[:n]
    dims = both["extracted"].dims
    where = np.unravel_index(top, values.shape)
    table = {dim: both[dim].values[index] for dim, index in zip(dims, where, strict=True)}
    return pd.DataFrame(
        table | {name: both[name].values[where] for name in ("extracted", "reference")}
    )


def both_directions(found: xr.Dataset, genes: Sequence[str]) -> pd.DataFrame:
    """Return mean attention from i to j and from j to i, over layers and heads, for gene pairs.

    Parameters
    ----------
    found
        Extracted sums whose sources include `genes`.
    genes
        Genes to pair up; those that occur in no cell are left out.

    Returns
    -------
    pandas.DataFrame
        ``i, j, i to j, j to i, cells``; each unordered pair that shares a cell once.
    """
    occurring = found.indexes["target"]
    genes = [gene for gene in genes if gene in occurring]
    part = found.sel(source=genes, target=genes)
    mean = part["sum"].mean(["layer", "head"]).values
    count = part["count"].values
    rows, columns = np.triu_indices(len(genes), 1)
    keep = count[rows, columns] > 0
    rows, columns = rows[keep], columns[keep]
    cells = count[rows, columns]
    return pd.DataFrame(
        {
            "i": np.asarray(genes)[rows],
            "j": np.asarray(genes)[columns],
            "i to j": mean[rows, columns] / cells,
            "j to i": mean[columns, rows] / cells,
            "cells": cells,
        }
    )


def received(found: xr.Dataset) -> pd.DataFrame:
    """Return what each key receives from an average query, averaged over queries and cells.

    Returns
    -------
    pandas.DataFrame
        ``gene, received, cells``, most attended first; `received` is the mean attention weight
        over layers, heads, sources and cells, and `cells` the number of cells that hold the gene
        beside some source.
    """
    pairs = found["count"].sum("source")
    total = found["sum"].mean(["layer", "head"]).sum("source")
    table = pd.DataFrame(
        {"gene": found["target"].values, "received": (total / pairs.where(pairs > 0)).values}
    ).assign(cells=found["count"].max("source").values)
    return table.dropna().sort_values("received", ascending=False, ignore_index=True, kind="stable")


def cost_table(n_tfs: int = 100, genes: int = 1200) -> pd.DataFrame:
    """Return what whole maps and chosen rows need, by arithmetic, for published models.

    Returns
    -------
    pandas.DataFrame
        Per cell at full length: gigabytes of all maps in float32, megabytes of the chosen rows of
        one layer (the most that is held at once), and the share of multiplications that the rows
        add to a forward pass. Sums for `n_tfs` x `genes` pairs do not grow with cells.
    """
    rows = {}
    for name, (layers, heads, width, tokens, _) in PUBLISHED.items():
        hidden = 512 if width <= 512 else 4 * width
        forward = tokens * width * (4 * width + 2 * hidden) + 2 * tokens**2 * width
        rows[name] = {
            "tokens": tokens,
            "all maps, GB per cell": layers * heads * tokens**2 * 4 / 1e9,
            "rows held, MB per cell": heads * n_tfs * tokens * 4 / 1e6,
            "sums and squares, MB": layers * heads * n_tfs * genes * 16 / 1e6,
            "extra multiplications": n_tfs * tokens * width / forward,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def measured_cost(
    adapter: ModelAdapter, adata: AnnData, sources: Sequence[str], turns: int = 3
) -> dict[str, float]:
    """Time forward, extraction and whole maps in turns; return the fastest seconds per cell.

    The numbers belong to one machine at one moment; only their ratio says something.
    """
    tokens = adapter.tokenise(adata)
    batch = adapter.collate(tokens, range(len(tokens)))

    def forward() -> None:
        with torch.inference_mode():
            adapter.forward(batch)

    def rows() -> None:
        extract(adapter, adata, sources=sources, batch_size=len(tokens), show_progress=False)

    def tokenise() -> None:
        adapter.tokenise(adata)

    def maps() -> None:
        reference_maps(adapter, batch)

    ways: dict[str, Callable[[], None]] = {
        "forward": forward,
        "rows": rows,
        "tokenise": tokenise,
        "maps": maps,
    }
    best = dict.fromkeys(ways, np.inf)
    for _ in range(turns):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            best[name] = min(best[name], (time.perf_counter() - begun) / len(tokens))
    return best | {"rows": best["rows"] - best["tokenise"]}
