"""Words for readers in place of the names that code uses."""

from __future__ import annotations

import re

WORDS = {
    "aicc": "AICc",
    "atp": "AtP",
    "auprc": "AUPRC",
    "auroc": "AUROC",
    "bh": "BH",
    "bic": "BIC",
    "by": "BY",
    "ci": "interval",
    "cssi": "CSSI",
    "collectri": "CollecTRI",
    "dorothea": "DoRothEA",
    "fdr": "FDR",
    "geneformer": "Geneformer",
    "high": "upper limit",
    "id": "name",
    "jaccard": "Jaccard",
    "kmeans": "K-means",
    "low": "lower limit",
    "mde": "smallest effect found",
    "mlp": "MLP",
    "qap": "QAP",
    "r2": "R²",
    "rho": "ρ",
    "scgpt": "scGPT",
    "sd": "SD",
    "se": "standard error",
    "sidak": "Šidák",
    "tf": "TF",
    "tfs": "TFs",
    "trrust": "TRRUST",
}
"""Part of a name -> what readers see."""

VALUES = WORDS | {
    "baron": "pancreas",
    "control": "positive control",
    "control-scgpt": "scGPT",
    "control-geneformer": "Geneformer",
    "kang": "blood",
    "network": "network",
    "sim": "simulated",
}
"""Whole entry of a table -> what readers see; parts of entries that are names are also `WORDS`."""

_NAME = re.compile(r"^[a-z0-9]+(_[a-z0-9]+)*$")
_COUNT = re.compile(r"^n_(?=[a-z])")


def heading(name: str) -> str:
    """Return a column's name in words.

    Examples
    --------
    >>> heading("n_tfs_with_positive"), heading("auroc_dorothea"), heading("AUROC of |R|")
    ('TFs with positive', 'AUROC DoRothEA', 'AUROC of |R|')
    >>> heading("q_bh"), heading("rho_low")
    ('q BH', 'ρ lower limit')
    """
    if not _NAME.match(name):
        return name.replace("_", " ")
    return " ".join(WORDS.get(part, part) for part in _COUNT.sub("", name).split("_"))


def entry(text: str) -> str:
    """Return a text of a table in words, if it is a name that code uses.

    Examples
    --------
    >>> entry("sim"), entry("mean_product"), entry("scgpt"), entry("One TF_a")
    ('simulated', 'mean product', 'scGPT', 'One TF_a')
    """
    if text in VALUES:
        return VALUES[text]
    return heading(text) if "_" in text and _NAME.match(text) else text
