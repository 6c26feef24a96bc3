"""The archived leakage audit behind paper A's section 3.12 (MIT licence)."""

from __future__ import annotations

import pandas as pd

from papers.archives.locate import Locate, read_json

RESULTS = "data/class1_technical/all_results.json"
SCREEN = "data/class1_technical/phase2_perturbation_combined_Immune.csv"
REPAIRS = "data/class1_technical/phase2_leakage_correction_results.json"
FILES = (RESULTS, SCREEN, REPAIRS)
"""The files of the archive that are read here."""

TASKS = ("donor", "batch", "method")
"""What a classifier predicts from edge features; ``method`` is the assay."""


def read_classifiers(locate: Locate) -> pd.DataFrame:
    """Return every classifier of the audit.

    Returns
    -------
    pandas.DataFrame
        ``tissue, task, classifier, auc, balanced_accuracy, accuracy, chance, classes, cells``.
    """
    rows = []
    for tissue, found in read_json(locate(RESULTS)).items():
        for task in TASKS:
            for name, score in found.get(f"{task}_leakage", {}).items():
                scores = (score["auc"], score["balanced_accuracy"], score["accuracy"])
                about = (score["chance_level"], score["n_classes"], score["n_samples"])
                rows.append((tissue.lower(), task, name, *scores, *about))
    columns = ["tissue", "task", "classifier", "auc", "balanced_accuracy", "accuracy"]
    return pd.DataFrame(rows, columns=[*columns, "chance", "classes", "cells"])


def read_sensitivity(locate: Locate) -> pd.DataFrame:
    """Return the donor-balancing summary per tissue; kidney has one donor and no entry.

    Returns
    -------
    pandas.DataFrame
        Indexed by tissue: ``edges, flagged, flagged_percent, flipped, r, cramers_v``.
    """
    names = {
        "n_edges": "edges",
        "n_high_ASI": "flagged",
        "pct_high_ASI": "flagged_percent",
        "n_sign_flipped": "flipped",
        "edge_score_correlation": "r",
        "celltype_donor_cramersV": "cramers_v",
    }
    rows = {
        tissue.lower(): {new: found[old] for old, new in names.items()}
        for tissue, found in read_json(locate(RESULTS)).items()
        if "pct_high_ASI" in found
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def read_pair_counts(locate: Locate) -> pd.Series:
    """Return the number of TF-target pairs that were scored in each tissue."""
    run = read_json(locate(RESULTS))
    return pd.Series({tissue.lower(): found["n_edges"] for tissue, found in run.items()})


def read_flagged_pairs(locate: Locate) -> pd.DataFrame:
    """Return the immune pairs that a screen covers: sensitivity index, and whether flagged.

    Returns
    -------
    pandas.DataFrame
        ``index`` (change of the score after donor balancing, relative), ``flagged``.
    """
    table = pd.read_csv(locate(SCREEN))
    return pd.DataFrame({"index": table["ASI"], "flagged": table["blacklisted"].astype(bool)})
