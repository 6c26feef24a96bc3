"""Orthologs, and lists of transcription factors."""

from __future__ import annotations

import io

import pandas as pd

from helpers.datasets.archives import read_member
from helpers.datasets.catalogue import artefact
from helpers.datasets.cells import member
from helpers.datasets.fetch import artefact_path
from helpers.datasets.identifiers import check_organism
from helpers.datasets.references import load_reference


def load_orthologs() -> pd.DataFrame:
    """Return one-to-one orthologs of human and mouse.

    Returns
    -------
    pandas.DataFrame
        Columns ``human``, ``mouse`` (symbols), ``order_score`` (gene order conservation),
        ``alignment`` (whole-genome alignment coverage), ``confidence`` (0 or 1), from Ensembl.
    """
    inner = member("came", "archive")
    entry = artefact("came")
    data = read_member(inner, entry.member("orthologs"), source=entry.member("archive"))
    table = pd.read_csv(io.BytesIO(data))
    table = table[table["human.homology.type"] == "ortholog_one2one"]
    kept = {
        "human.gene.name": "human",
        "gene.name": "mouse",
        "human.gene.order.conservation.score": "order_score",
        "human.whole.genome.alignment.coverage": "alignment",
        "human.orthology.confidence..0.low..1.high.": "confidence",
    }
    return table[list(kept)].rename(columns=kept).drop_duplicates(["human", "mouse"])


def transcription_factors(organism: str = "human") -> frozenset[str]:
    """Return symbols of transcription factors.

    Human: sources of DoRothEA (levels A to C), CollecTRI and TRRUST, all of tier demo; mouse: the
    list of pySCENIC (tier real).
    """
    check_organism(organism)
    if organism == "mouse":
        text = artefact_path("tf-list-mouse").read_text(encoding="utf-8")
        return frozenset(line.strip() for line in text.splitlines() if line.strip())
    names = ("dorothea", "collectri", "trrust")
    return frozenset().union(*(load_reference(name)["source"] for name in names))
