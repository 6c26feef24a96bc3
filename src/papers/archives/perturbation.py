"""Archived pairs of model effects and measured effects: an exercise beside the papers.

Their correlations are not those that paper A prints, so nothing here answers its claims.
"""

from __future__ import annotations

import pandas as pd

from papers.archives.locate import Locate

PERTURBATION = "Biodyn-AI__counterfactual-perturbation-consistency-scgpt"

_SETS = {
    "Dixit, 13 days": "dixit_tiny_neg_dixit_13d",
    "Dixit, 7 days": "dixit_tiny_neg_dixit_7d",
    "Adamson": "adamson_adamson",
    "Shifrut": "shifrut_shifrut",
}
KINDS = ("ablation", "swap")
"""How the model's attention was changed."""

_NAMES = {
    (title, kind): f"outputs/tables/matched_pairs_{name}_{kind}.tsv"
    for title, name in _SETS.items()
    for kind in KINDS
}
FILES = tuple(_NAMES.values())
"""The files of the archive that are read here."""


def read_pairs(locate: Locate) -> pd.DataFrame:
    """Return the pairs of all sets and interventions.

    Returns
    -------
    pandas.DataFrame
        ``screen, intervention, source, target, effect_mean`` (of the model), ``delta`` (measured),
        ``baseline_expr, composition_shift, n_cells``.
    """
    parts = [
        pd.read_csv(locate(file), sep="\t").assign(screen=title, intervention=kind)
        for (title, kind), file in _NAMES.items()
    ]
    return pd.concat(parts, ignore_index=True)
