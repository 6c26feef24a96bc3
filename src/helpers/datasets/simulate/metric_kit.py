"""Scores whose right answer is known, and worlds written for other people's evaluation programs.

A measure of networks is sound if it finds ``edges`` and ``half``, gives chance to ``noise`` and
``constant``, and, with its null, finds nothing in ``hubs`` beyond networks of the same degrees.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.datasets.simulate.worlds import world
from helpers.errors import DataError

SAYS = {
    "edges": "signal",
    "half": "signal",
    "noise": "nothing",
    "constant": "nothing",
    "hubs": "nothing beyond networks of the same degrees",
}
"""Score -> what a sound measure says of it."""


def five_scores(truth: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the five scores of `SAYS` for a network.

    Parameters
    ----------
    truth
        (rows, columns) booleans, for example TF x gene.
    rng
        Source of the noise and of the half of the edges that ``half`` knows; all other pairs are
        tied there. ``hubs`` is the number of edges of the column and is the same in every row.

    Examples
    --------
    >>> truth = np.array([[True, False, False], [True, False, True]])
    >>> five_scores(truth, np.random.default_rng(0))["hubs"].tolist()
    [[2.0, 0.0, 1.0], [2.0, 0.0, 1.0]]
    """
    truth = np.asarray(truth, dtype=bool)
    known = rng.permutation(np.flatnonzero(truth))[: (truth.sum() + 1) // 2]
    half = np.zeros(truth.size)
    half[known] = 1.0
    return {
        "edges": truth + 0.9 * rng.random(truth.shape),
        "half": half.reshape(truth.shape),
        "noise": rng.random(truth.shape),
        "constant": np.ones(truth.shape),
        "hubs": np.broadcast_to(truth.sum(axis=0), truth.shape).astype(float),
    }


def answers(pairs: int, positives: int) -> dict[str, dict[str, float | str]]:
    r"""Return what a sound measure must give for `five_scores`, in closed form.

    Parameters
    ----------
    pairs, positives
        Candidate pairs, and edges among them.

    Returns
    -------
    dict
        Score -> ``says``, and where there is a closed form ``auroc``, ``average_precision`` and
        ``early_precision``, means over the orders of ties; for ``noise`` the AUROC's mean and
        standard error :math:`\sqrt{(n+1) / 12 n_+ n_-}`.
    """
    n, p = pairs, positives
    if not 0 < p < n:
        raise DataError(f"{p} edges among {n} candidate pairs: both edges and others are needed")
    first = (p + 1) // 2
    early = (first + (p - first) ** 2 / (n - first)) / p
    harmonic = float((1 / np.arange(1, n + 1)).sum())
    chance = (harmonic + (n - harmonic) * (p - 1) / (n - 1)) / n
    se = float(np.sqrt((n + 1) / (12 * p * (n - p))))
    numbers: dict[str, dict[str, float]] = {
        "edges": {"auroc": 1.0, "average_precision": 1.0, "early_precision": 1.0},
        "half": {"auroc": 0.5 + first / p / 2, "early_precision": early},
        "noise": {"auroc": 0.5, "auroc_se": se},
        "constant": {"auroc": 0.5, "average_precision": chance, "early_precision": p / n},
        "hubs": {},
    }
    return {name: {"says": says} | numbers[name] for name, says in SAYS.items()}


def export_world(name: str, folder: Path, seed: int = 0) -> Path:
    """Write a world, its network and five scores as files of BEELINE, and as h5ad.

    ``ExpressionData.csv`` (genes x cells, counts), ``GroundTruthNetwork.csv`` (``Gene1, Gene2,
    Type``), ``scores/SCORE/rankedEdges.csv`` (``Gene1, Gene2, EdgeWeight``, by tabs, best first;
    TF x gene without self pairs), ``cells.h5ad`` and ``answers.json``.

    Parameters
    ----------
    name
        A name of ``helpers.datasets.simulate.WORLDS``.
    folder
        Where a folder `name` is made.
    seed
        Of the world and of its scores.

    Raises
    ------
    DataError
        If there is no such world, or the folder exists.
    """
    made = world(name, seed)
    edges = made.network.query("source != target").drop_duplicates(["source", "target"])
    tfs, genes = list(made.tfs), list(made.genes)
    allowed = np.array(tfs)[:, None] != np.array(genes)[None, :]
    truth = pd.crosstab(edges["source"], edges["target"]).reindex(index=tfs, columns=genes)
    truth = truth.fillna(0).to_numpy() > 0
    known = answers(int(allowed.sum()), int(truth.sum()))
    to = Path(folder).expanduser() / name
    if to.exists():
        raise DataError(f"{to} exists; name another folder, or move it away")
    to.mkdir(parents=True)
    made.adata.write_h5ad(to / "cells.h5ad")
    made.adata.to_df().T.astype(int).to_csv(to / "ExpressionData.csv")
    signs = np.where(edges["weight"] > 0, "+", "-")
    network = pd.DataFrame({"Gene1": edges["source"], "Gene2": edges["target"], "Type": signs})
    network.to_csv(to / "GroundTruthNetwork.csv", index=False)
    i, j = np.nonzero(allowed)
    for score, values in five_scores(truth, np.random.default_rng(seed)).items():
        table = pd.DataFrame({"Gene1": np.array(tfs)[i], "Gene2": np.array(genes)[j]})
        table["EdgeWeight"] = values[i, j]
        (to / "scores" / score).mkdir(parents=True)
        table = table.sort_values("EdgeWeight", ascending=False, kind="stable")
        table.to_csv(to / "scores" / score / "rankedEdges.csv", sep="\t", index=False)
    about = {"world": name, "seed": seed, "pairs": int(allowed.sum()), "edges": int(truth.sum())}
    text = json.dumps(about | {"scores": known}, indent=1)
    (to / "answers.json").write_text(text + "\n", encoding="utf-8")
    return to
