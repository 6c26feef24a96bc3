"""`audit`: a model's attention, with the controls that say whether the procedure works."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import helpers
from helpers.cli import app
from helpers.edges import edge_scores, orient, pool
from helpers.errors import HelpersError
from helpers.evaluation import EvaluationSet, auroc_with_interval, candidate_pairs
from helpers.reading import draw_cells, models_for, read_attention
from helpers.scorecard.audit import RANDOM
from helpers.scorecard.audit_card import not_found
from helpers.scorecard.card import as_html
from helpers.scorecard.record import as_record, schema

pytestmark = pytest.mark.slow
SMALL = {"n_cells": 120, "n_genes": 120, "permutations": 1999, "rewired": 399}


@pytest.fixture(scope="module")
def control():
    said = []
    return helpers.audit("control-scgpt", "control", ["trrust"], **SMALL, tell=said.append), said


def test_a_model_that_knows_its_network_is_found(control):
    card, said = control
    assert [line[:6] for line in said if " of 5" in line] == [f"{k} of 5" for k in range(1, 6)]
    chance = {name: found["above chance"].answer for name, found in card.conditions.items()}
    assert set(chance) == {f"network, {d}" for d in ("forward", "transpose", "symmetric")}
    assert "yes" in chance.values()
    best = card.audit["heads"]["network"]
    assert best["corrected_p"] <= 0.05 and np.shape(best["by_head"])[0] == 3
    assert best["n"] == 3 * card.audit["layers"] * card.audit["heads_per_layer"]
    assert np.max(best["by_head"]) >= best["auroc"]


def test_controls_come_out_as_they_should(control):
    controls = control[0].audit["controls"]
    assert set(controls) == {"positive", "null", "positive_geneformer", "null_geneformer"}
    for family in ("", "_geneformer"):
        assert controls["positive" + family]["corrected_p"] == pytest.approx(1 / 2000)
    assert controls["null"]["corrected_p"] > 0.05
    assert 0.005 < controls["null_geneformer"]["corrected_p"] < 1  # one draw, whose p is uniform
    assert not not_found(controls)
    assert not_found({"positive": controls["null"], "null": controls["null"]})
    assert not_found(controls | {"positive_geneformer": controls["null"]})
    assert not_found({"positive": controls["positive"], "null": {"corrected_p": 0.001}})


def test_pooled_values_are_those_of_the_pages(control):
    card, _ = control
    cells = draw_cells("control", SMALL["n_cells"], 0)
    (one,) = read_attention("control-scgpt", cells, SMALL["n_genes"], [], seed=0)
    (blank,) = read_attention("control-scgpt", cells, SMALL["n_genes"], [], seed=0, random=True)
    scores = [pool(orient(edge_scores(r.part()), "key-query")) for r in (one, blank)]
    pairs, (a, noise) = candidate_pairs(one.references["network"], *scores)
    assert isinstance(pairs, EvaluationSet)
    found = {r.name: r for r in card.references}["network, transpose"]
    assert found.auroc.value == pytest.approx(auroc_with_interval(pairs, a).value, abs=1e-12)
    own, _ = found.baselines[RANDOM]
    assert own.value == pytest.approx(auroc_with_interval(pairs, noise).value, abs=1e-12)


def test_record_and_card_are_whole(control):
    card, _ = control
    record = json.loads(json.dumps(as_record(card), allow_nan=False))
    jsonschema.validate(record, schema())
    page = as_html(card)
    assert page.count("<figure>") == page.count("alt='") > 3
    for words in ("Positive control", "Null control", "With random weights", "Not tested"):
        assert words in page


def test_the_command_says_what_it_would_cost_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["audit", "scgpt-sim", "--cells", "sim", "-r", "trrust", "--n-genes", "40"]
    done = CliRunner().invoke(app, [*words, "--dry-run", "-o", "card.html"])
    assert done.exit_code == 0 and "minutes on this machine" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "none"}, "none"),
        ({"model": "both"}, "more than one"),
        ({"model": "scgpt:/no/such/folder"}, "folder|director"),
        ({"cells": "none.h5ad"}, "none.h5ad"),
        ({"direction": ["sideways"]}, "direction"),
        ({"direction": []}, "direction"),
        ({"n_cells": 10**7}, "holds"),
        ({"references": ["no-such"], "cells": "baron"}, "no-such"),
    ],
)
def test_what_cannot_be_audited_is_said(changes, words):
    given = {"model": "scgpt-sim", "cells": "sim", "references": ["trrust"]} | SMALL
    with pytest.raises(HelpersError, match=words):
        helpers.audit(**(given | changes))


def test_an_own_network_of_too_few_edges_abstains(tmp_path):
    path = tmp_path / "w\u00e9nig.csv"
    pd.DataFrame({"source": ["JUN", "FOS"], "target": ["MYC", "JUN"]}).to_csv(path, index=False)
    card = helpers.audit("scgpt-baron", "baron", [str(path)], **SMALL, direction=["forward"])
    assert list(card.verdicts) == ["w\u00e9nig, forward"]
    assert card.verdicts["w\u00e9nig, forward"].startswith("Cannot be told")
    assert "not_estimable" in card.audit["heads"]["w\u00e9nig"]
    jsonschema.validate(json.loads(json.dumps(as_record(card))), schema())
    assert "not estimable" in as_html(card)


def test_shipped_names_are_models_whatever_the_cells():
    assert (
        models_for("scgpt-sim", "sim") == models_for("scgpt-sim", "x") == {"scgpt-sim": "scgpt-sim"}
    )
