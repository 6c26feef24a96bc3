"""Made-up genes, and a network whose targets are prominent."""

import numpy as np
import pandas as pd
import xarray as xr

from helpers.evaluation import gene_level

GENES = np.array([f"G{i:03d}" for i in range(120)])


def edges_of(matrix, genes=GENES, rows=None):
    rows = genes if rows is None else rows
    dims = ("layer", "source", "target")[-np.ndim(matrix) :]
    return xr.DataArray(matrix, dims=dims, coords={"source": rows, "target": genes})


def prominent_network():
    """Return 15 TFs, prominence of targets, a reference drawn in proportion to prominence."""
    rng = np.random.default_rng(0)
    mean = np.exp(rng.normal(-1, 1, 120))
    counts = rng.poisson(mean, size=(300, 120)).astype(float)
    weight = mean / mean.sum()
    rows = [
        (tf, target, "toy")
        for tf in GENES[:15]
        for target in rng.choice(GENES, 6, replace=False, p=weight)
        if tf != target
    ]
    reference = pd.DataFrame(rows, columns=["source", "target", "database"])
    features = gene_level.gene_features(np.log1p(counts), GENES)
    return reference, features, rng.normal(size=(120, 120))
