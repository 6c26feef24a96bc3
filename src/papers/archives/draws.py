"""Archived runs of the cell-state method on simulated cells, beside the one behind Table 2.

No text names them; their figures are printed in an appendix table and in the later text.
"""

from __future__ import annotations

import pandas as pd

from papers.archives.locate import Locate, read_json

HETEROGENEITY = "novel_method/heterogeneity_results.csv"
BY_CELLS = "results/root_legacy/cssi_realdata_results.json"
FIRST_EDGES = "cssi_realdata/cssi_realdata_results.json"
FILES = (HETEROGENEITY, BY_CELLS, FIRST_EDGES)
"""The files of the archive that are read here."""


def read_heterogeneity(locate: Locate) -> pd.DataFrame:
    """Return F1 of 5 draws at each number of states: ``n_states, seed, pool_f1, cssi_f1, ...``."""
    return pd.read_csv(locate(HETEROGENEITY))


def read_by_cells(locate: Locate) -> tuple[pd.DataFrame, float]:
    """Return mean AUROC by number of cells, ``pooled`` and ``cssi_max``, and the archived p.

    The cells are simulated (15 types, 15 edges, 10 seeds), whatever the file is called.
    """
    run = read_json(locate(BY_CELLS))
    means = {
        name: {int(n): row["auroc_mean"] for n, row in run["results"][name].items()}
        for name in ("pooled", "cssi_max")
    }
    return pd.DataFrame(means), float(run["wilcoxon_p"])


def read_first_edges(locate: Locate) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return true edges among the first k (rows: k), and the design by number of types.

    Returns
    -------
    (DataFrame, DataFrame)
        ``pooled_tp, cssi_max_tp, ...`` by k, and ``n_cells, ...`` by number of cell types.
    """
    run = read_json(locate(FIRST_EDGES))
    return (
        pd.DataFrame(run["multi_k"]).set_index("k"),
        pd.DataFrame(run["heterogeneity"]).set_index("n_types"),
    )
