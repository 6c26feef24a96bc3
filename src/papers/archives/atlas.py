"""Public features of sparse autoencoders: the atlas of scGPT, and one control of Geneformer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from helpers.errors import DataError
from papers.archives.locate import Locate, read_json

_DATA = "public/data"
LAYERS = 12
PATCHING = f"{_DATA}/causal_patching.json"
SUMMARY = f"{_DATA}/global_summary.json"
_FEATURES = tuple(f"{_DATA}/layer_{n:02d}_features.json" for n in range(LAYERS))
_TERMS = tuple(f"{_DATA}/layer_{n:02d}_annotations.json" for n in range(LAYERS))
FILES = (PATCHING, SUMMARY, *_FEATURES, *_TERMS)
"""The files of the atlas that are read here."""

CONTROLS = "results/revision/P1_normmatched/summary.json"
"""The file of Geneformer's archive that is read here: edges of features and random directions."""


def read_features(locate: Locate) -> pd.DataFrame:
    """Return ``layer, feature, frequency`` (share of tokens with the feature) and ``dead``."""
    rows = []
    for layer, name in enumerate(_FEATURES):
        for one in _read(locate, name, list):
            rows.append((layer, *_of(one, name, "i", "f", "d")))
    return pd.DataFrame(rows, columns=["layer", "feature", "frequency", "dead"])


def read_terms(locate: Locate) -> pd.DataFrame:
    """Return one row per feature and term: ``layer, feature, genes, ontology, term, p``.

    ``genes`` is the number of top genes that the atlas lists for the feature.
    """
    rows = []
    for layer, name in enumerate(_TERMS):
        for feature, one in _read(locate, name, dict).items():
            genes, found = _of(one, name, "genes", "anns")
            for ann in found:
                rows.append((layer, int(feature), len(genes), *_of(ann, name, "o", "t", "p")))
    return pd.DataFrame(rows, columns=["layer", "feature", "genes", "ontology", "term", "p"])


def read_patching(locate: Locate) -> pd.DataFrame:
    """Return ``feature, cells, own, others``: mean change of its top genes, and of other genes."""
    content = _of(_read(locate, PATCHING, dict), PATCHING, "features")[0]
    rows = [_of(one, PATCHING, "i", "nc", "td", "od") for one in content]
    return pd.DataFrame(rows, columns=["feature", "cells", "own", "others"])


def read_controls(locate: Locate) -> pd.DataFrame:
    """Return ``feature, edges, random``: edges of features, and of a direction of their size."""
    content = _of(_read(locate, CONTROLS, dict), CONTROLS, "per_feature")[0]
    rows = [_of(one, CONTROLS, "feature_idx", "edges_real", "edges_normmatched") for one in content]
    return pd.DataFrame(rows, columns=["feature", "edges", "random"])


def read_explained(locate: Locate) -> pd.Series:
    """Return the share of variance that each layer's features explain, as archived."""
    layers = _of(_read(locate, SUMMARY, dict), SUMMARY, "layers")[0]
    return pd.Series(dict(_of(one, SUMMARY, "layer", "variance_explained") for one in layers))


def atlas_tables(locate: Locate) -> tuple[pd.DataFrame, csr_matrix]:
    """Return annotated features with their frequencies, and (features, terms) incidence."""
    features, terms = read_features(locate), read_terms(locate)
    by = terms.groupby(["layer", "feature"], sort=True)
    about = {"genes": ("genes", "first"), "ontologies": ("ontology", "nunique")}
    one = by.agg(**about, terms=("term", "size"), p=("p", "min")).reset_index()
    row, column = by.ngroup().to_numpy(), pd.factorize(terms["term"])[0]
    held = csr_matrix((np.ones(len(terms), np.float32), (row, column)))
    return one.merge(features, on=["layer", "feature"]), held


def selected(features: pd.DataFrame, n: int = 30) -> pd.Index:
    """Return the n sources of each layer but the last, as paper C selects them."""
    p = features["p"].clip(lower=1e-300)
    score = 10 * features["ontologies"] + features["terms"] - np.log10(p)
    able = (features["frequency"] >= 0.01) & (features["genes"] >= 10)
    able &= features["layer"] < features["layer"].max()
    order = score[able].sort_values(ascending=False, kind="stable")
    return order.groupby(features["layer"]).head(n).index


def _read(locate: Locate, name: str, kind: type) -> list | dict:
    if not isinstance(content := read_json(locate(name)), kind):
        raise DataError(f"{name} holds no {kind.__name__}; fetch the archive again")
    return content


def _of(one: dict, name: str, *keys: str) -> tuple:
    try:
        return tuple(one[key] for key in keys)
    except (KeyError, TypeError) as error:
        raise DataError(f"{name} has an entry without {error}; another version?") from error
