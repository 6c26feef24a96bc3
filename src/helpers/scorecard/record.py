"""A scorecard as plain values for JSON, and as one table; the schema is `schema.json`."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from helpers import __version__
from helpers.estimates import Estimate, NotEstimable
from helpers.scorecard.results import ReferenceScore, Scorecard
from helpers.scorecard.verdict import METHOD, UNITS, Condition
from helpers.statistics.random_effects import RandomEffects
from helpers.statistics.results import Outcome

SCHEMA_VERSION = 1
RANKING = {"AUPRC": "auprc", "early precision": "early_precision"}
NUMBERS = ("estimate", "low", "high", "against", "p", "corrected p", "smallest effect")
COLUMNS = ("reference", "quantity", *NUMBERS, "answer", "note")


def schema() -> dict:
    """Return the JSON Schema (draft 2020-12) that records follow."""
    return json.loads(files("helpers.scorecard").joinpath("schema.json").read_text("utf-8"))


def as_record(card: Scorecard) -> dict[str, Any]:
    """Return a scorecard as plain values; what could not be estimated is a reason in words."""
    found, verdicts = card.conditions, card.verdicts
    return plain(
        {
            "schema_version": SCHEMA_VERSION,
            "tool": {"name": "attention-audit", "version": __version__},
            "name": card.name,
            "edges": card.edges,
            "cells": card.cells,
            "settings": card.settings,
            "correction": METHOD,
            "references": [
                _reference(one, found[one.name], verdicts[one.name]) for one in card.references
            ],
            "audit": card.audit,
        }
    )


def _reference(one: ReferenceScore, found: dict[str, Condition], verdict: str) -> dict:
    rivals = {
        name: pair if isinstance(pair, NotEstimable) else {"auroc": pair[0], "difference": pair[1]}
        for name, pair in one.baselines.items()
    }
    if isinstance(one.model, NotEstimable):
        per_tf = heterogeneity = prediction = one.model
    else:
        heterogeneity, prediction = one.model.heterogeneity, one.model.prediction
        per_tf = heterogeneity
        if one.model.per_tf is not None:
            per_tf = one.model.per_tf.reset_index().to_dict("records")
    return {
        "name": one.name,
        "network": one.network,
        "counts": one.counts,
        "verdict": verdict,
        "conditions": {name: _condition(condition) for name, condition in found.items()},
        "auroc": one.auroc,
        "ranking": one.ranking,
        "baselines": rivals,
        "crossed_coefficient": getattr(one.model, "outcome", one.model),
        "per_tf": per_tf,
        "heterogeneity": heterogeneity,
        "prediction_new_tf": prediction,
    }


def _condition(one: Condition) -> dict:
    found = {"answer": one.answer, "corrected_p": one.corrected, "smallest_effect": one.smallest}
    return found | {"against": one.against, "unit": UNITS.get(one.name), "test": one.outcome}


def plain(value: Any) -> Any:
    """Return numbers, texts, lists and dictionaries only; no NaN, which JSON does not have.

    Examples
    --------
    >>> plain({"a": np.float64(0.5), "b": float("nan"), "c": NotEstimable("no cells given")})
    {'a': 0.5, 'b': None, 'c': {'not_estimable': 'no cells given'}}
    """
    if isinstance(value, NotEstimable):
        return {"not_estimable": value.reason}
    if isinstance(value, Estimate):
        kept = ("value", "low", "high", "level", "method", "unit", "n_units", "detail")
        return plain({key: getattr(value, key) for key in kept})
    if isinstance(value, Outcome):
        kept = ("estimate", "low", "high", "level", "p", "p_floor", "sides", "test", "null")
        kept = (*kept, "unit", "n_units", "resamples", "detail")
        return plain({key: getattr(value, key) for key in kept})
    if isinstance(value, RandomEffects):
        kept = ("mean", "low", "high", "tau", "q", "p", "i2", "level")
        return plain({key: getattr(value, key) for key in kept})
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(one) for one in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return None if value is None else str(value)


def as_table(card: Scorecard) -> pd.DataFrame:
    """Return one row per reference and quantity: estimate, interval, test, answer, note.

    Differences are AUROC(score) - AUROC(rival); conditions have the value under their null in
    ``against``. Numbers that do not exist are empty and ``note`` says why.
    """
    rows = []
    for one in card.references:
        found = card.conditions[one.name]
        lines = [("AUROC", one.auroc)]
        for name, key in RANKING.items():
            ranking = one.ranking
            if isinstance(ranking, dict):
                over = {"estimate": ranking[f"{key}_ratio"], "against": 1.0}
                ranking = over | {"note": f"{name} {ranking[key]:.4f} over the base rate"}
            lines.append((f"{name} ratio", ranking))
        for name, pair in one.baselines.items():
            own, gap = (pair, pair) if isinstance(pair, NotEstimable) else pair
            lines += [(f"AUROC of {name}", own), (f"difference to {name}", gap)]
        lines.append(("AUROC of a new TF", getattr(one.model, "prediction", one.model)))
        rows += [{"reference": one.name, "quantity": q} | _cells(v) for q, v in lines]
        for name, condition in found.items():
            more = {"corrected p": condition.corrected, "smallest effect": condition.smallest}
            more |= {"against": condition.against, "answer": condition.answer}
            about = {"reference": one.name, "quantity": name}
            rows.append(about | _cells(condition.outcome) | more)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table[list(NUMBERS)] = table[list(NUMBERS)].astype(float)
    return table.fillna({"answer": "", "note": ""})


def _cells(found: Any) -> dict:
    if isinstance(found, NotEstimable):
        return {"note": str(found)}
    if isinstance(found, Estimate):
        note = found.detail.get("interval", found.method)
        return {"estimate": found.value, "low": found.low, "high": found.high, "note": note}
    if isinstance(found, Outcome):
        limits = {"estimate": found.estimate, "low": found.low, "high": found.high}
        return limits | {"p": found.p, "note": f"{found.test}; {found.sides}-sided"}
    return dict(found)
