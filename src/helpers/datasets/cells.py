"""Load a set of cells by name."""

from __future__ import annotations

from anndata import AnnData

from helpers.datasets import demo_sets, real_sets
from helpers.datasets.registry import dataset

READERS = {**demo_sets.READERS, **real_sets.READERS}


def load(name: str) -> AnnData:
    """Return a set of cells, fetched when needed.

    Parameters
    ----------
    name
        A name of the registry: ``helpers data list`` shows them.

    Returns
    -------
    anndata.AnnData
        ``X`` (float32 CSR) and, where the set has counts, ``layers["counts"]``; ``var_names``
        symbols, ``var["symbol"]``, ``var["ensembl_id"]``; ``obs`` columns ``cell_type``, ``donor``,
        ``batch``, ``condition``, ``perturbation``, ``time`` where they exist; ``uns["source"]``.

    Raises
    ------
    DataError
        Unknown name, no network, a damaged or unexpected file.
    """
    return READERS[dataset(name).name](name)
