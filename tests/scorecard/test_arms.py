"""`audit --arms`: the same card, corrected for everything that was looked at."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from typer.testing import CliRunner

import helpers
from helpers.cli import app
from helpers.edges.attention import DIRECTIONS
from helpers.errors import ParameterError
from helpers.evaluation import best_of, evaluation_set
from helpers.evaluation.arms import ALL
from helpers.reading import draw_cells, read_attention
from helpers.scorecard.arms import beside_attention, best_arms, flat_heads, not_read, pooled_arms
from helpers.scorecard.audit_card import not_found
from helpers.scorecard.card import as_html
from helpers.scorecard.heads import directed
from helpers.scorecard.record import as_record, schema

SMALL = {"n_cells": 120, "n_genes": 120, "permutations": 399, "rewired": 199}
WANTED = ["attention", "embedding", "gradient"]


@pytest.fixture(scope="module")
def card():
    about = {"direction": ["transpose"], "arms": WANTED}
    return helpers.audit("control-scgpt", "control", ["trrust"], **SMALL, **about)


@pytest.mark.slow
def test_every_arm_is_on_the_card_and_the_gradient_is_found(card):
    assert [one.name for one in card.references] == [
        *("network, transpose", "network, embedding", "network, gradient, transpose")
    ]
    assert card.settings["permutations"] == card.settings["rewired"] == 2.5 * 3 * 5 / 0.05
    assert card.verdicts["network, gradient, transpose"].startswith("Above chance, beyond degree")
    best = card.audit["arms"]["network"]
    assert set(best) == {ALL, *WANTED}
    assert best["gradient"]["best"] == "gradient, transpose"
    assert best["gradient"]["corrected_p"] == best[ALL]["corrected_p"] == pytest.approx(1 / 400)
    assert best[ALL]["n"] == card.audit["layers"] * card.audit["heads_per_layer"] + 1 + 1
    assert not not_found(card.audit["controls_of_arms"])
    assert card.audit["not_tested"][0].startswith("Probes, and these arms: value-weighted")


@pytest.mark.slow
def test_record_and_page_hold_the_arms(card):
    record = json.loads(json.dumps(as_record(card), allow_nan=False))
    jsonschema.validate(record, schema())
    page = as_html(card)
    assert "Arms: network" in page and "All arms, positive control" in page


@pytest.mark.slow
def test_attention_alone_is_the_best_head():
    (one,) = read_attention("scgpt", draw_cells("control", 120, 0), 120, [])
    attention = directed(one, 20, tuple(DIRECTIONS))
    networks = one.references
    found = best_arms(flat_heads(attention), networks, 199, 0)["network"]["attention"]
    pairs = evaluation_set(networks["network"], one.genes)
    values = pairs.scores_from(attention).reshape(-1, pairs.n_pairs)
    peer = best_of(pairs, values, np.random.default_rng([0, 0, 13]), 199)
    at = np.unravel_index(peer.best, attention.shape[:3])
    assert found["best"] == f"attention, {list(DIRECTIONS)[at[0]]}, layer {at[1]}, head {at[2]}"
    assert found["corrected_p"] == pytest.approx(peer.best_p) and found["n"] == len(values)
    twice = best_arms(flat_heads(attention), networks | {"again": networks["network"]}, 199, 0)
    assert twice["again"][ALL]["corrected_p"] == pytest.approx(2 * twice["again"][ALL]["p"])
    turned = best_arms(flat_heads(attention), networks, 199, 0, relabel=True)["network"][ALL]
    assert turned["corrected_p"] > 0.05


def test_arms_are_pooled_over_layers_and_turned():
    rng, genes = np.random.default_rng(0), list("abc")
    axes = {"source": genes, "target": genes}
    layered = xr.DataArray(rng.normal(size=(2, 3, 3)), axes, ("layer", "source", "target"))
    found = pooled_arms({"residual": layered, "value-weighted": layered}, ["forward", "transpose"])
    assert list(found) == ["residual", "value-weighted, forward", "value-weighted, transpose"]
    np.testing.assert_allclose(found["value-weighted, transpose"], layered.values.mean(axis=0).T)
    none = pd.DataFrame({"source": ["x"], "target": ["y"]})
    every = flat_heads(
        layered.expand_dims(direction=["forward"], head=[0]).assign_coords(layer=[0, 1])
    )
    assert "not_estimable" in best_arms(every, {"none": none}, 99, 0)["none"][ALL]


def test_arms_that_there_are_not_are_refused_before_anything_is_read():
    assert beside_attention(["gradient", "attention"]) == ("gradient",)
    assert not_read(["embedding", "value-weighted", "rollout", "residual", "gradient"]) == "Probes."
    with pytest.raises(ParameterError, match="arms are"):
        beside_attention(["probe"])
    words = ["audit", "scgpt-sim", "--cells", "sim", "-r", "trrust", "--arms", "attention,heads"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code != 0 and "arms are" in str(done.output) + str(done.exception)
