"""Vocabularies of the published models, orthologs, and lists of transcription factors."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from helpers.datasets.archives import read_member
from helpers.datasets.cells import member
from helpers.datasets.fetch import artefact_path
from helpers.datasets.identifiers import check_organism
from helpers.datasets.references import load_reference
from helpers.datasets.registry import artefact
from helpers.datasets.safe_pickle import load_primitives
from helpers.errors import DataError

SPECIAL_SCGPT = ("<pad>", "<cls>", "<eoc>")


@dataclass(frozen=True)
class GeneformerDictionaries:
    """The dictionaries of one Geneformer version.

    Parameters
    ----------
    version
        ``V1`` or ``V2``.
    token
        Ensembl id or special token -> token number.
    median
        Ensembl id -> median of its non-zero normalised expression in the pretraining cells.
    name
        Symbol -> Ensembl id.
    mapping
        Ensembl id (or symbol, in V2) -> Ensembl id of the vocabulary; empty where not shipped.
    """

    version: str
    token: Mapping[str, int]
    median: Mapping[str, float]
    name: Mapping[str, str]
    mapping: Mapping[str, str]


def scgpt_vocabulary() -> dict[str, int]:
    """Return symbol -> number of the scGPT whole-human vocabulary.

    60,694 census symbols of the scGPT distribution, and the special tokens that the released
    checkpoints add after them: ``<pad>``, ``<cls>``, ``<eoc>``.
    """
    vocabulary = json.loads(member("scgpt", "vocabulary"))
    for token in SPECIAL_SCGPT:
        if token not in vocabulary:
            vocabulary[token] = max(vocabulary.values()) + 1
    return vocabulary


def geneformer_dictionaries(version: str = "V1") -> GeneformerDictionaries:
    """Return the dictionaries of Geneformer ``V1`` (tier demo) or ``V2`` (tier real).

    Raises
    ------
    DataError
        Unknown version, or a dictionary that is no pickle of plain values.
    """
    if version == "V1":
        parts = {short: member("scfoundry", short) for short in ("token", "median", "name")}
    elif version == "V2":
        shorts = ("token", "median", "name", "mapping")
        parts = {short: artefact_path(f"geneformer-v2-{short}").read_bytes() for short in shorts}
    else:
        raise DataError(f"Geneformer version {version!r} is not known; use V1 or V2")
    read = {
        short: load_primitives(data, f"Geneformer {version} {short} dictionary")
        for short, data in parts.items()
    }
    return GeneformerDictionaries(version, **{"mapping": {}, **read})


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
