"""What goes into a model: token embeddings, and what a prediction owes to each input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

import numpy as np
import torch
import xarray as xr

from helpers.errors import ModelError, ParameterError
from helpers.extraction.axes import slots_of
from helpers.extraction.devices import choose, placed
from helpers.models.adapter import Batch, ModelAdapter, Tokens


def token_embeddings(adapter: ModelAdapter, tokens: Tokens, genes: Sequence[str]) -> np.ndarray:
    """Return the vector that stands for each gene before any layer, (genes, width).

    Of scGPT after the normalisation that belongs to its embedding; the mean over the tokens of a
    name that has several.

    Raises
    ------
    ParameterError
        If a gene occurs in no cell of `tokens`.
    """
    slot = slots_of(tokens.gene_names, np.asarray(genes, dtype=object))
    ids, at = np.concatenate(tokens.ids), slot[np.concatenate(tokens.genes) + 1]
    pairs = np.unique(np.stack([at, ids])[:, at < len(genes)], axis=1)
    number = np.bincount(pairs[0], minlength=len(genes))
    if absent := [gene for gene, n in zip(genes, number, strict=True) if n == 0]:
        raise ParameterError(f"{len(absent)} genes occur in no cell, first {absent[:3]}")
    with torch.no_grad():
        found = _embedding(adapter)(torch.from_numpy(pairs[1]).to(_device(adapter)))
    total = np.zeros((len(genes), found.shape[1]))
    np.add.at(total, pairs[0], found.double().cpu().numpy())
    return total / number[:, None]


def only_genes(tokens: Tokens, genes: Sequence[str]) -> Tokens:
    """Return the tokens of some genes and the special ones, values and order as they were.

    The models of this repository are trained on such random parts of cells.
    """
    slot = slots_of(tokens.gene_names, np.asarray(genes, dtype=object))
    keep = [(slot[held + 1] < len(genes)) | (held < 0) for held in map(np.asarray, tokens.genes)]

    def cut(column: list[np.ndarray]) -> list[np.ndarray]:
        return [np.asarray(one)[kept] for one, kept in zip(column, keep, strict=True)]

    values = None if tokens.values is None else cut(tokens.values)
    return replace(tokens, ids=cut(tokens.ids), genes=cut(tokens.genes), values=values)


def input_gradients(
    adapter: ModelAdapter,
    tokens: Tokens,
    genes: Sequence[str],
    *,
    n_hidden: int = 6,
    batch_size: int | str = "auto",
    device: str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    r"""Sum, over cells, what the prediction of a hidden gene owes to each gene that is shown.

    In every cell `n_hidden` of the genes are hidden as in training, all at once, and predicted.
    scGPT: :math:`\partial \hat v_j / \partial v_i`, predicted value of the hidden gene j, value of
    the shown gene i. Geneformer: :math:`e_i \cdot \partial z_j / \partial e_i`, logit of j at its
    own masked place, embedding of i (input times gradient; Simonyan and others, 2014). Genes are
    hidden by turns, those hidden least often first; memory does not grow with the cells.

    Parameters
    ----------
    adapter, tokens
        Model and tokenised cells.
    genes
        Both axes.
    n_hidden
        Genes hidden per cell; each costs one backward pass.
    batch_size, device
        As in `helpers.extraction.extract`; the type is that of the weights.
    seed
        Of the choice of hidden genes.

    Returns
    -------
    xarray.Dataset
        ``sum`` and ``count`` (source, target): source = predicted gene, the one that reads, target
        = shown gene, the one that is read. A pair counts in cells that hide the one and show the
        other.

    Raises
    ------
    ModelError
        If the family predicts no hidden gene, or its values are not read as numbers.
    ParameterError
        If no gene is to be hidden.
    """
    if n_hidden < 1:
        raise ParameterError(f"n_hidden is {n_hidden}; hide at least one gene per cell")
    watch = _watch(adapter)
    slot, size = slots_of(tokens.gene_names, np.asarray(genes, dtype=object)), len(genes)
    total, count = np.zeros((size + 1, size + 1)), np.zeros((size + 1, size + 1), dtype=np.int64)
    dtype = str(next(adapter.module.parameters()).dtype).removeprefix("torch.")
    setting = choose(adapter, tokens, device=device, dtype=dtype, batch_size=batch_size)
    rng, turns = np.random.default_rng(seed), np.zeros(size + 1)
    with placed(adapter, setting), torch.enable_grad():
        for start in range(0, len(tokens), setting.batch_size):
            rows = np.arange(start, min(start + setting.batch_size, len(tokens)))
            batch = adapter.collate(tokens, rows).to(setting.device)
            at = slot[batch.genes.cpu().numpy() + 1]
            places = np.stack([_hidden(one, n_hidden, turns, rng) for one in at])
            hidden = np.zeros(at.shape, dtype=bool)
            cell, k = np.nonzero(places >= 0)
            hidden[cell, places[cell, k]] = True
            shown = np.where(hidden, size, at)
            for k, effect in enumerate(_effects(adapter, batch, places, hidden, watch)):
                held = np.flatnonzero(places[:, k] >= 0)
                pair = at[held, places[held, k]][:, None], shown[held]
                np.add.at(total, pair, effect[held])
                np.add.at(count, pair, 1)
    pair, names = ("source", "target"), np.asarray(genes, dtype=str)
    data = {"sum": (pair, total[:size, :size]), "count": (pair, count[:size, :size])}
    about = {"direction": "row = source = predicted gene, column = target = shown gene"}
    return xr.Dataset(data, {"source": names, "target": names}, about)


def _hidden(at: np.ndarray, n: int, turns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return (n,) places to hide in a cell, -1 where it has too few; `turns` counts them."""
    where = rng.permutation(np.flatnonzero(at < turns.size - 1))
    # One gene has to stay in sight.
    where = where[np.argsort(turns[at[where]], kind="stable")][: min(n, max(where.size - 1, 0))]
    turns[at[where]] += 1
    return np.pad(where, (0, n - where.size), constant_values=-1)


def _effects(
    adapter: ModelAdapter, batch: Batch, places: np.ndarray, hidden: np.ndarray, watch: Callable
) -> Iterator[np.ndarray]:
    """Yield (cells, tokens) effects on the k-th hidden gene of every cell, for every k."""
    index, hidden = (
        torch.from_numpy(one).to(batch.ids.device) for one in (np.maximum(places, 0), hidden)
    )
    with watch(batch, hidden) as (masked, read):
        output = adapter.forward(masked)
        inputs = read()
        states = output.hidden.gather(1, index[..., None].expand(-1, -1, output.hidden.shape[2]))
        predicted = output.head(states)
        if predicted.ndim == 3:  # logits of all words: that of the gene itself is wanted
            predicted = predicted.gather(2, batch.ids.gather(1, index)[..., None]).squeeze(2)
        for k in range(places.shape[1]):
            one = predicted[:, k].sum()  # cells do not meet, so each keeps its own gradient
            (gradient,) = torch.autograd.grad(one, inputs, retain_graph=True)
            effect = gradient if gradient.ndim == 2 else (gradient * inputs).sum(dim=-1)
            yield effect.detach().double().cpu().numpy()


def _watch(adapter: ModelAdapter) -> Callable[..., AbstractContextManager]:
    if adapter.family == "scgpt" and adapter.config.input_emb_style != "category":

        def values(batch, hidden):
            shown = batch.values.masked_fill(hidden, float(adapter.config.mask_value))
            shown = shown.detach().requires_grad_()
            return nullcontext((replace(batch, values=shown), lambda: shown))

        return values
    if adapter.family != "geneformer":
        raise ModelError(
            f"{adapter.name}: gradients need a hidden gene that is predicted from values read as "
            "numbers (scGPT) or from tokens (Geneformer)"
        )

    @contextmanager
    def embeddings(batch, hidden):
        seen: list[torch.Tensor] = []

        def keep(_module, _inputs, output):
            seen[:] = [output.detach().requires_grad_()]
            return seen[0]

        handle = _embedding(adapter).register_forward_hook(keep)
        mask = adapter.dictionaries.tokens["<mask>"]
        try:
            yield replace(batch, ids=batch.ids.masked_fill(hidden, mask)), lambda: seen[0]
        finally:
            handle.remove()

    return embeddings


def _embedding(adapter: ModelAdapter) -> torch.nn.Module:
    if adapter.family == "scgpt":
        return adapter.module.encoder
    return adapter.module.get_input_embeddings()


def _device(adapter: ModelAdapter) -> torch.device:
    return next(adapter.module.parameters()).device
