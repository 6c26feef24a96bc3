"""A TF knocked out and a target hidden, in the cells that hold both."""

from __future__ import annotations

import numpy as np

from helpers.errors import DataError
from helpers.interventions.inputs import hide_tokens, knock_out, places_of
from helpers.interventions.readouts import Readout, target_readout
from helpers.models.adapter import Batch, ModelAdapter, Tokens


def traced(
    model: ModelAdapter,
    tokens: Tokens,
    tf: str,
    target: str,
    most: int | None = None,
    skip: int = 0,
) -> tuple[Batch, Batch, Readout]:
    """Return the two runs of a TF-target pair, and how its target is read.

    Parameters
    ----------
    model, tokens
        Model and tokenised cells.
    tf, target
        Symbols.
    most, skip
        The first `skip` cells that hold both genes are left out, then the first `most` are taken;
        ``clean.cells`` says which cells they are.

    Returns
    -------
    clean, changed, readout
        The target is hidden in both batches; in `changed` the TF is knocked out as well.

    Raises
    ------
    DataError
        If no such cell is left.
    """
    names = list(map(str, tokens.gene_names))
    a, b = names.index(tf), names.index(target)
    held = [i for i, genes in enumerate(tokens.genes) if np.isin([a, b], genes).all()]
    end = None if most is None else skip + most
    if not (rows := held[skip:end]):
        raise DataError(f"{len(held)} cells hold {tf} and {target}; more than {skip} are needed")
    batch = model.collate(tokens, rows)
    at = places_of(batch, b)
    clean = hide_tokens(model, batch, at)
    changed = knock_out(model, clean, places_of(clean, a))
    return clean, changed, target_readout(model, batch, at)
