"""Activations: sums per layer and gene in the attention pass, and samples of single tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr

from helpers.errors import ParameterError
from helpers.extraction.devices import choose, placed
from helpers.models.adapter import LayerParts, ModelAdapter, Tokens

SITES = ("residual", "mlp", "z")
"""After the layer, what the MLP adds, and the heads' output before the output projection."""


def check_sites(sites: Sequence[str] | None) -> tuple[str, ...]:
    """Return the wanted sites; raise `ParameterError` for one that does not exist."""
    sites = tuple(sites or ())
    if unknown := [site for site in sites if site not in SITES]:
        raise ParameterError(f"activations {unknown}: choose of {', '.join(SITES)}")
    return sites


@dataclass(frozen=True)
class ActivationSums:
    """Running sums of activations.

    Attributes
    ----------
    sites
        Names of the sites read.
    total
        site -> (layer, stratum, target + 1, width) float64; the last target is the dump.
    tokens
        (stratum, target + 1) float64, tokens behind each sum.
    target_slot
        Slot of gene index g at position g + 1.
    """

    sites: tuple[str, ...]
    total: dict[str, torch.Tensor]
    tokens: torch.Tensor
    target_slot: torch.Tensor


@contextmanager
def watching(
    parts: Sequence[LayerParts],
    sites: Sequence[str],
    see: Callable[[str, int, torch.Tensor], None],
) -> Iterator[None]:
    """Call ``see(site, layer, activation)`` during forward passes inside the block.

    Activations are (cell, token, width).
    """

    def after(site: str, layer: int) -> Callable:
        def hook(_module, _inputs, output):
            see(site, layer, output[0] if isinstance(output, tuple) else output)

        return hook

    def before(layer: int) -> Callable:
        def hook(_module, inputs):
            see("z", layer, inputs[0])

        return hook

    with ExitStack() as stack:
        for layer, part in enumerate(parts):
            if "residual" in sites:
                handle = part.block.register_forward_hook(after("residual", layer))
                stack.callback(handle.remove)
            if "mlp" in sites:
                handle = part.mlp_out.register_forward_hook(after("mlp", layer))
                stack.callback(handle.remove)
            if "z" in sites:
                handle = part.projection.register_forward_pre_hook(before(layer))
                stack.callback(handle.remove)
        yield


@contextmanager
def recording(
    sums: ActivationSums | None,
    parts: Sequence[LayerParts],
    genes: torch.Tensor,
    stratum: torch.Tensor,
    done: set,
) -> Iterator[None]:
    """Add activations of one batch to the sums during its forward pass.

    Parameters
    ----------
    sums
        Sums to fill; None records nothing.
    parts
        The model's layers.
    genes
        (cell, token) gene index, -1 for special tokens and padding.
    stratum
        (cell,) stratum numbers.
    done
        Grows by (site, layer) once added; what is in it is not added again.
    """
    if sums is None:
        yield
        return
    slots = sums.target_slot[genes + 1]

    def see(site: str, layer: int, activation: torch.Tensor) -> None:
        if (site, layer) in done:
            return
        into = sums.total[site][layer]
        strata, width = stratum[:, None].expand_as(slots), activation.shape[-1]
        index = (strata * into.shape[1] + slots).reshape(-1)
        added = activation.reshape(-1, width).double()
        into.view(-1, width).index_add_(0, index, added)
        if layer == 0 and site == sums.sites[0]:
            ones = torch.ones(len(index), dtype=torch.float64, device=index.device)
            sums.tokens.view(-1).index_add_(0, index, ones)
        done.add((site, layer))

    with watching(parts, sums.sites, see):
        yield


def empty_activations(
    sites: tuple[str, ...], parts: Sequence[LayerParts], strata: int, slot: np.ndarray, device: str
) -> ActivationSums | None:
    """Return activation sums of zero, or None if no site is wanted."""
    if not sites:
        return None
    targets, total = int(slot[0]), {}
    for site in sites:
        layer = parts[0]
        width = layer.projection.in_features if site == "z" else layer.mlp_out.out_features
        shape = (len(parts), strata, targets + 1, width)
        total[site] = torch.zeros(shape, dtype=torch.float64, device=device)
    tokens = torch.zeros((strata, targets + 1), dtype=torch.float64, device=device)
    return ActivationSums(sites, total, tokens, torch.from_numpy(slot).to(device))


def sample_activations(
    adapter: ModelAdapter,
    tokens: Tokens,
    *,
    site: str = "residual",
    layers: Sequence[int] | None = None,
    n_tokens: int = 10_000,
    seed: int = 0,
    device: str = "auto",
    dtype: str = "auto",
    batch_size: int | str = "auto",
) -> xr.DataArray:
    """Return the activations of randomly chosen gene tokens.

    The tokens are drawn before the pass, uniformly without replacement over all gene tokens of all
    cells, so memory depends on `n_tokens` alone.

    Parameters
    ----------
    adapter, tokens
        Model and tokenised cells.
    site
        ``"residual"``, ``"mlp"`` or ``"z"``.
    layers
        Layers wanted; None for all.
    n_tokens
        Tokens drawn; all if there are fewer.
    seed
        Seed of the draw.
    device, dtype, batch_size
        As in `extract`.

    Returns
    -------
    xarray.DataArray
        (layer, token, width) float32, with coordinates ``cell`` (AnnData row), ``gene`` (symbol)
        and ``position`` along ``token``.
    """
    check_sites([site])
    wanted = list(range(adapter.n_layers)) if layers is None else list(layers)
    sites = [
        np.stack([np.full(int((g >= 0).sum()), row), np.flatnonzero(g >= 0)])
        for row, g in enumerate(map(np.asarray, tokens.genes))
    ]
    pool = np.concatenate(sites, axis=1)
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(pool.shape[1], size=min(n_tokens, pool.shape[1]), replace=False))
    cell, position = pool[:, drawn]
    setting = choose(adapter, tokens, device=device, dtype=dtype, batch_size=batch_size)
    rows = np.unique(cell)
    out: np.ndarray | None = None
    with placed(adapter, setting), torch.inference_mode():
        for start in range(0, len(rows), setting.batch_size):
            batch_rows = rows[start : start + setting.batch_size]
            here = np.flatnonzero(np.isin(cell, batch_rows))
            at = torch.from_numpy(np.searchsorted(batch_rows, cell[here])).to(setting.device)
            where = torch.from_numpy(position[here]).to(setting.device)
            seen: dict[int, np.ndarray] = {}

            def see(_place, layer, activation, seen=seen, at=at, where=where):
                seen[layer] = activation[at, where].float().cpu().numpy()

            with watching(adapter.layers(), (site,), see):
                adapter.forward(adapter.collate(tokens, batch_rows).to(setting.device))
            block = np.stack([seen[layer] for layer in wanted])
            if out is None:
                out = np.empty((len(wanted), len(cell), block.shape[2]), dtype=np.float32)
            out[:, here] = block
    index = np.array(
        [tokens.genes[c][p] for c, p in zip(cell, position, strict=True)], dtype=np.int64
    )
    return xr.DataArray(
        out,
        dims=("layer", "token", "width"),
        coords={
            "layer": wanted,
            "cell": ("token", np.asarray(tokens.cells)[cell]),
            "gene": ("token", np.asarray(tokens.gene_names, dtype=object)[index]),
            "position": ("token", position),
        },
        name=site,
    )
