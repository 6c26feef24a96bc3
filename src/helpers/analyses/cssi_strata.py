"""CSSI with strata from labels, from clusters of cells, and from clusters of a model's states."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.analyses.cssi_real import layer_table, nested_gain, stratified
from helpers.analyses.null_models_inputs import STRATA, read_models
from helpers.errors import DataError
from helpers.estimates import NotEstimable


def compare_strata(
    model: str, data: str, n_cells: int, n_genes: int, seed: int, n_boot: int = 1000
) -> pd.DataFrame:
    """Score one model with each kind of strata, on the same cells and genes.

    Parameters
    ----------
    model, data, n_cells, n_genes, seed
        As in `helpers.analyses.null_models_inputs.read_models`.
    n_boot
        TF-cluster resamples of the nested gain.

    Returns
    -------
    pandas.DataFrame
        ``kind, model, reference, strata`` (number of at least 50 cells), ``positives, pooled`` and
        ``best`` (AUROC of the best layer; the best variant on the same data), ``nested gain`` (as
        text, layer and variant chosen on other TFs), or the reason why there is none.

    Notes
    -----
    Clustered strata are scored on one thinned half of the counts, so their pooled AUROC is that of
    shallower cells, and only the gain can be compared between kinds.
    """
    rows = []
    for kind in STRATA:
        try:
            read = read_models(model, data, n_cells, n_genes, seed, strata=kind).read
        except DataError as error:
            rows.append({"kind": kind, "model": model, "nested gain": str(error)})
            continue
        for label, one in read.items():
            for reference, edges in one.references.items():
                about = {"kind": kind, "model": label, "reference": reference}
                case = stratified(f"{label}/{reference}", one.sums, one.sizes, edges)
                gain = nested_gain(case, np.random.default_rng(seed), n_boot)
                layers = layer_table(case)
                rows.append(
                    about
                    | {
                        "strata": case.strata,
                        "positives": case.evaluation.n_positive,
                        "pooled": float(layers["pooled"].max()),
                        "best": float(layers["cssi"].max()),
                        "nested gain": str(gain)
                        if isinstance(gain, NotEstimable)
                        else f"{gain.estimate:+.3f} [{gain.low:.3f}, {gain.high:.3f}]",
                    }
                )
    return pd.DataFrame(rows)
