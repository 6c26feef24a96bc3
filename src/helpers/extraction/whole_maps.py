"""Mean attention from whole maps of another implementation, beside the extractor's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
import xarray as xr
from anndata import AnnData

from helpers.extraction.axes import slots_of
from helpers.extraction.extract import extract
from helpers.extraction.reference import reference_maps
from helpers.models.adapter import ModelAdapter


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
