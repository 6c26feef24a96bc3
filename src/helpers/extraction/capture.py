"""The entry point: exact sums of attention for chosen genes, in one pass and constant memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from anndata import AnnData

from helpers.errors import DataError, ParameterError
from helpers.extraction.activations import ActivationSums, check_sites, empty_activations
from helpers.extraction.axes import Axes, choose_axes, choose_strata
from helpers.extraction.devices import Setting, choose, placed
from helpers.extraction.scores import check_kinds
from helpers.extraction.stream import Pass, progress
from helpers.extraction.sums import Sums, empty_sums
from helpers.models.adapter import ModelAdapter, Tokens

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What an extraction shall compute, resolved against data and model.

    Attributes
    ----------
    tokens, axes
        Cells and genes.
    codes
        Stratum number of each entry of `tokens`.
    left_out
        Cells without a token, which are not in `tokens`.
    strata
        Names of the strata, or None.
    kinds
        Score kinds.
    scalar
        Whether one kind was asked for by name, so that the result has no ``score`` dimension.
    squares
        Whether sums of squares are kept.
    sites
        Sites whose activations are summed.
    seed
        Seed of tokenisation and of the draw of sources.
    """

    tokens: Tokens
    axes: Axes
    codes: np.ndarray
    left_out: int
    strata: np.ndarray | None
    kinds: tuple[str, ...]
    scalar: bool
    squares: bool
    sites: tuple[str, ...]
    seed: int

    def layer_bytes(self, heads: int) -> int:
        """Return the bytes of the sums that one layer adds to."""
        strata = 1 if self.strata is None else len(self.strata)
        pairs = len(self.axes.sources) * len(self.axes.targets)
        return 8 * heads * strata * pairs * len(self.kinds) * (1 + self.squares)


def make_plan(
    adapter: ModelAdapter,
    adata: AnnData,
    *,
    sources: str | int | Sequence[str] = "tfs",
    genes: Sequence[str] | None = None,
    strata: str | Sequence | None = None,
    scores: str | tuple[str, ...] = "softmax",
    squares: bool = True,
    activations: Sequence[str] | None = None,
    max_length: int | None = None,
    seed: int = 0,
    tokens: Tokens | None = None,
) -> Plan:
    """Check every argument and tokenise the cells (parameters as in `extract`)."""
    kinds, sites = check_kinds(scores), check_sites(activations)
    for name, value, low in (("seed", seed, 0), ("max_length", max_length, 2)):
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not (whole and value >= low) and not (name == "max_length" and value is None):
            raise ParameterError(f"{name}={value!r}: a whole number of at least {low}")
    if adapter.causal and "qk_rank" in kinds:
        raise ParameterError(
            f"{adapter.name} is causal and a rank among keys that it cannot see means nothing: "
            "use the score 'softmax', 'value_weighted' or 'qk'"
        )
    codes, names = choose_strata(adata, strata)
    if tokens is None:
        tokens = adapter.tokenise(adata, max_length=max_length, seed=seed)
    elif max_length is not None or not np.array_equal(tokens.gene_names, adata.var_names):
        raise ParameterError("tokens: hand in those of these cells and genes, and no max_length")
    if len(tokens) == 0:
        raise DataError(f"no cell has a token that {adapter.name} knows: {tokens.report}")
    if left := adata.n_obs - len(tokens):
        log.warning("%d of %d cells hold no token and are left out", left, adata.n_obs)
    axes = choose_axes(tokens, adata, sources=sources, genes=genes, seed=seed)
    return Plan(
        tokens=tokens,
        axes=axes,
        codes=codes[tokens.cells],
        left_out=adata.n_obs - len(tokens),
        strata=names,
        kinds=kinds,
        scalar=isinstance(scores, str),
        squares=squares,
        sites=sites,
        seed=seed,
    )


def run_plan(
    adapter: ModelAdapter,
    plan: Plan,
    rows: np.ndarray,
    setting: Setting,
    advance: Callable[[int], object] = lambda cells: None,
) -> tuple[Sums, ActivationSums | None]:
    """Read the cells at positions `rows` of the plan's tokens and return their sums.

    `advance` is told how many cells were read, after each batch.
    """
    strata = 1 if plan.strata is None else len(plan.strata)
    sums = empty_sums(
        scores=len(plan.kinds),
        layers=adapter.n_layers,
        strata=strata,
        heads=adapter.n_heads,
        sources=len(plan.axes.sources),
        targets=len(plan.axes.targets),
        squares=plan.squares,
        device=setting.device,
        causal=adapter.causal,
    )
    parts, slot = adapter.layers(), plan.axes.target_slot
    activations = empty_activations(plan.sites, parts, strata, slot, setting.device)
    state = Pass(
        adapter, plan.tokens, plan.axes, plan.codes, plan.kinds, sums, setting, activations
    )
    state.run(rows, advance)
    return sums, activations


def as_dataset(
    adapter: ModelAdapter, plan: Plan, sums: Sums, activations: ActivationSums | None
) -> xr.Dataset:
    """Return sums as the dataset that `extract` describes."""
    sources, targets = len(plan.axes.sources), len(plan.axes.targets)
    pair = ("stratum", "source", "target")
    full = ("score", "layer", "stratum", "head", "source", "target")
    order = ("stratum", "score", "layer", "head", "source", "target")
    total = sums.total.cpu().numpy()
    data = {
        "sum": (full, total[..., :sources, :targets]),
        "outside": (full[:-1], total[..., :sources, targets]),
        "count": (pair, sums.count[:, :sources, :targets]),
        "cells": (pair[:2], sums.cells[:, :sources]),
        "n_cells": (pair[:1], sums.n_cells),
    }
    if sums.held is not None:
        data["held"] = (pair, sums.held[:, :sources, :targets])
    if sums.squares is not None:
        data["sum_sq"] = (full, sums.squares.cpu().numpy()[..., :sources, :targets])
    for site in plan.sites:
        values = activations.total[site].cpu().numpy()[:, :, :targets]
        data[f"sum_{site}"] = (("layer", "stratum", "target", f"width_{site}"), values)
    coords = {
        "source": plan.axes.sources,
        "target": plan.axes.targets,
        "layer": np.arange(total.shape[1]),
        "head": np.arange(total.shape[3]),
        "score": list(plan.kinds),
    }
    if plan.strata is not None:
        coords["stratum"] = plan.strata
    found = xr.Dataset(data, coords=coords).transpose(*order, ...)
    if plan.sites:
        tokens = activations.tokens.cpu().numpy()[:, :targets].astype(np.int64)
        found["tokens"] = (("stratum", "target"), tokens)
    if plan.strata is None:
        found = found.isel(stratum=0, drop=True)
    if plan.scalar:
        found = found.isel(score=0, drop=True)
    found.attrs = {
        "model": adapter.name,
        "family": adapter.family,
        "scores": list(plan.kinds),
        "seed": plan.seed,
        "cells_left_out": plan.left_out,
        "direction": "row = source = query gene, column = target = key gene",
    }
    if plan.axes.sampled_from is not None:
        found.attrs["sources_sampled_from"] = plan.axes.sampled_from
    return found


def extract(
    adapter: ModelAdapter,
    adata: AnnData,
    *,
    sources: str | int | Sequence[str] = "tfs",
    genes: Sequence[str] | None = None,
    strata: str | Sequence | None = None,
    scores: str | tuple[str, ...] = "softmax",
    squares: bool = True,
    activations: Sequence[str] | None = None,
    max_length: int | None = None,
    batch_size: int | str = "auto",
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 0,
    show_progress: bool = True,
    tokens: Tokens | None = None,
) -> xr.Dataset:
    r"""Sum attention between genes over cells, exactly, for every layer and head at once.

    The forward pass keeps fused attention; beside it, only the wanted rows
    :math:`\mathrm{softmax}(q_i K^\top / \sqrt{d})` are formed, which is exact because a softmax
    runs along one query's row. Values are added in float64 to the slots of their two genes.
    Memory does not depend on the number of cells. A gene written as several tokens is one row and
    one column: the mean over its tokens as the query of the sum over the key's tokens (softmax), or
    the mean over both (raw dot products).

    Parameters
    ----------
    adapter
        A loaded model.
    adata
        Cells with counts.
    sources
        Query genes: ``"tfs"`` (marked by ``var['is_tf']``, else the references' list; see
        `helpers.extraction.axes.known_tfs`), ``"all"``, a number (that many drawn at
        random), or a list of symbols.
    genes
        Key genes; None for every gene that occurs as a token.
    strata
        Column of ``adata.obs``, or one label per cell: sums are kept apart by it.
    scores
        One kind, or a tuple of kinds: ``"softmax"`` attention; ``"value_weighted"``, attention
        times the length of the key's value vector after the output projection (Kobayashi and
        others, 2020); ``"qk"``, the raw dot product; ``"qk_rank"``, its rank by row and then by
        column as in the scGPT gene-network tutorial (forms whole maps, one cell at a time).
    squares
        Keep sums of squares too.
    activations
        Any of ``"residual"``, ``"mlp"``, ``"z"``: their sums per layer and gene, from the same
        pass.
    max_length
        Longest token sequence; None for the model's own limit.
    batch_size, device, dtype
        ``"auto"`` or a choice; see `helpers.extraction.devices.choose`.
    seed
        Seed of tokenisation and of the draw of sources.
    show_progress
        Show a bar with cells per second.
    tokens
        Tokens of these cells, where they have been made already.

    Returns
    -------
    xarray.Dataset
        ``sum`` and ``sum_sq`` (layer, head, source, target) float64; ``count`` (source, target)
        int64, cells in which both genes are tokens and, in a causal model, the target stands
        before the source (``held`` then has the cells with both in any order); ``outside`` (layer,
        head, source), what went to tokens that are not targets, so that
        ``sum.sum("target") + outside == cells`` for softmax attention; ``cells`` (source) and
        ``n_cells``. A tuple of scores adds a ``score`` dimension, strata add ``stratum`` in front.
        Row = source = query, column = target = key. ``attrs["cells_left_out"]`` is the number of
        cells without a token.

    Raises
    ------
    ParameterError, DataError, ModelError
        Each says what is wrong and what to do.
    """
    plan = make_plan(
        adapter,
        adata,
        sources=sources,
        genes=genes,
        strata=strata,
        scores=scores,
        squares=squares,
        activations=activations,
        max_length=max_length,
        seed=seed,
        tokens=tokens,
    )
    about = {"device": device, "dtype": dtype, "batch_size": batch_size}
    setting = choose(adapter, plan.tokens, sums=plan.layer_bytes(adapter.n_heads), **about)
    rows = np.arange(len(plan.tokens))
    bar = progress(len(rows), f"{adapter.name} on {setting}", show_progress)
    with placed(adapter, setting), bar:
        sums, found = run_plan(adapter, plan, rows, setting, bar.update)
    return as_dataset(adapter, plan, sums, found)
