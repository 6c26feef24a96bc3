"""Changes of what a model is given: a TF knocked out or down, a target hidden."""

from __future__ import annotations

from dataclasses import replace

import torch

from helpers.errors import ParameterError
from helpers.models.adapter import Batch, ModelAdapter


def places_of(batch: Batch, genes: torch.Tensor | int) -> torch.Tensor:
    """Return (cells,) the token of one gene in every cell, -1 where the cell lacks it.

    Parameters
    ----------
    batch
        Padded cells.
    genes
        Index into the tokens' `gene_names`: one for all cells, or (cells,) one for each.
    """
    wanted = torch.as_tensor(genes, device=batch.genes.device).expand(len(batch.genes))
    found = batch.genes == wanted[:, None]
    return torch.where(found.any(1), found.int().argmax(1), -1)


def only_at(batch: Batch, places: torch.Tensor) -> torch.Tensor:
    """Return (cells, tokens) bool, True at the place of each cell and nowhere where it is -1."""
    tokens = torch.arange(batch.ids.shape[1], device=batch.ids.device)
    return tokens == places[:, None]


def knock_out(model: ModelAdapter, batch: Batch, places: torch.Tensor, keep: float = 0.0) -> Batch:
    """Take a gene's expression away, or part of it, with every token left in its place.

    scGPT: the binned value becomes `keep` times itself. Geneformer has no values: with `keep` 0
    the token becomes ``<mask>``, so that its rank is still taken and both runs have the same
    tokens in the same places; otherwise it moves down to that share of its rank from the end,
    and what stood between moves up by one (the two runs then cannot be patched token by token).

    Parameters
    ----------
    model, batch
        Model and cells.
    places
        (cells,) tokens, from `places_of`; -1 leaves a cell as it is.
    keep
        Share of expression (scGPT) or of rank (Geneformer) that stays, from 0 to below 1.

    Raises
    ------
    ParameterError
        If `keep` is not a share.
    """
    if not 0 <= keep < 1:
        raise ParameterError(f"keep is {keep}; a share from 0 to below 1 is wanted")
    chosen = only_at(batch, places)
    if batch.values is not None:
        return replace(batch, values=torch.where(chosen, batch.values * keep, batch.values))
    if keep == 0:
        return replace(batch, ids=batch.ids.masked_fill(chosen, _mask_token(model)))
    order = torch.arange(batch.ids.shape[1], device=batch.ids.device).repeat(len(batch.ids), 1)
    for cell, place in enumerate(places.tolist()):
        if place < 0:
            continue
        last = int((batch.genes[cell] >= 0).nonzero().max())
        to = place + round((1 - keep) * (last - place))
        row = [*range(place), *range(place + 1, to + 1), place]
        order[cell, : to + 1] = torch.tensor(row, device=order.device)
    return replace(batch, ids=batch.ids.gather(1, order), genes=batch.genes.gather(1, order))


def hide_tokens(model: ModelAdapter, batch: Batch, places: torch.Tensor) -> Batch:
    """Hide what is to be predicted: the value of a token (scGPT), or the token (Geneformer).

    Parameters
    ----------
    model, batch
        Model and cells.
    places
        (cells,) tokens, from `places_of`; -1 leaves a cell as it is.
    """
    chosen = only_at(batch, places)
    if batch.values is not None:
        hidden = float(model.config.mask_value)
        return replace(batch, values=batch.values.masked_fill(chosen, hidden))
    return replace(batch, ids=batch.ids.masked_fill(chosen, _mask_token(model)))


def _mask_token(model: ModelAdapter) -> int:
    return model.dictionaries.tokens["<mask>"]
