"""The trained positive controls: their cards hold on new cells, and nothing is found without edges.

Every number is taken from 600 cells that neither the training nor any choice of its settings used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from helpers.datasets.simulate import World, control_world
from helpers.edges import correlation_edges, directions, edge_scores, pool
from helpers.evaluation.crossed import auroc_with_interval, compare_scores, signal_test
from helpers.evaluation.crossed_model import crossed_model
from helpers.evaluation.sets import EvaluationSet, evaluation_set
from helpers.extraction import extract
from helpers.models.load import SHIPPED, load_model, resolve
from helpers.models.recipes import (
    CONTROL,
    OBJECTIVE_NOTE,
    RECIPES,
    read_card,
    read_learning_curve,
    recipe,
)
from helpers.reading import Reading, draw_cells, read_attention
from helpers.statistics.relabel import gene_permutation

CONTROLS = [name for name, plan in RECIPES.items() if plan.data == CONTROL]


@dataclass(frozen=True)
class Read:
    """Attention and co-expression of the evaluation cells, and the planted pairs."""

    name: str
    made: World
    pairs: EvaluationSet
    scores: xr.DataArray
    coexpression: np.ndarray

    def of(self, direction: str) -> np.ndarray:
        return self.pairs.scores_from(directions(self.scores).sel(direction=direction))


@cache
def read_control(name: str) -> Read:
    made = control_world()
    model = load_model(name)
    sums = extract(model, made.adata, sources="all", device="cpu", show_progress=False)
    scores = pool(edge_scores(sums)).sel(source=made.genes, target=made.genes)
    pairs = evaluation_set(made.reference, made.genes)
    size = np.abs(pairs.scores_from(correlation_edges(made.adata)))
    return Read(name, made, pairs, scores, size)


@pytest.fixture(scope="module", params=CONTROLS)
def read(request) -> Read:
    return read_control(request.param)


@pytest.mark.parametrize("name", CONTROLS)
def test_cards_are_complete_and_files_small(name):
    card = read_card(name)
    files = sorted((SHIPPED / name).iterdir())
    assert sum(path.stat().st_size for path in files) < 4_000_000
    assert {"learning_curve.json", "card.yaml", "model.safetensors"} <= {p.name for p in files}
    assert resolve(name) == (recipe(name).family, SHIPPED / name)
    assert card["data"]["name"] == CONTROL and "control" in card["use"]
    edges = card["edges"]
    assert (edges["pairs"], edges["positives"], edges["tfs"]) == (2380, 200, 20)
    assert edges["targets_with_a_positive"] == 100
    assert edges["objective"] == OBJECTIVE_NOTE[card["family"]]
    assert {"forward", "transpose", "symmetric", "best_head", "co-expression"} == set(
        edges["auroc"]
    )


@pytest.mark.parametrize("name", CONTROLS)
def test_learning_curves_end_where_the_card_does(name):
    curve, card = read_learning_curve(name), read_card(name)
    table = {c: [row[i] for row in curve["rows"]] for i, c in enumerate(curve["columns"])}
    assert list(zip(table["step"], table["training"], table["held_out"], strict=True)) == [
        tuple(row) for row in card["curve"]["rows"]
    ]
    # other cells than those of the card, so the same to sampling error
    for key in ("forward", "transpose", "symmetric", "best_head"):
        assert table[key][-1] == pytest.approx(card["edges"]["auroc"][key], abs=0.02)
    assert curve["co-expression"] == pytest.approx(
        card["edges"]["auroc"]["co-expression"], abs=0.02
    )
    # at first attention knows nothing of the edges, at the end it ranks them
    assert max(table[k][0] for k in ("forward", "transpose", "symmetric")) < 0.6


def test_aurocs_of_the_card_are_found_on_new_cells(read):
    said = read_card(read.name)["edges"]["auroc"]
    for direction in ("forward", "transpose", "symmetric"):
        found = auroc_with_interval(read.pairs, read.of(direction))
        assert found.value == pytest.approx(said[direction], abs=2e-3)
        assert found.low > 0.5
    found = auroc_with_interval(read.pairs, read.coexpression)
    assert found.value == pytest.approx(said["co-expression"], abs=2e-3)


def test_attention_ranks_edges_beyond_coexpression(read):
    """Given co-expression, each TF and each target, in the crossed model, in every direction."""
    for direction in ("forward", "transpose", "symmetric"):
        found = crossed_model(
            read.pairs, read.of(direction), read.coexpression, {}, np.random.default_rng(0)
        )
        assert found.outcome.estimate > 0 and found.outcome.p < 1e-4


def test_controls_meet_the_aim_by_plain_auroc_too(read):
    """AUROC of the transpose at least 0.9, and above co-expression on the same pairs."""
    assert auroc_with_interval(read.pairs, read.of("transpose")).value >= 0.9
    better = compare_scores(read.pairs, read.of("transpose"), read.coexpression)
    assert better.estimate > 0 and better.p < 0.05


def test_relabelled_genes_are_not_ranked(read):
    """Signal under the true names, and the nominal share of rejections under permuted ones."""
    rng = np.random.default_rng(0)
    outcome = signal_test(read.pairs, read.of("transpose"), rng, 499, sides="one")
    assert outcome.p == pytest.approx(1 / 500)
    is_tf = np.isin(read.made.genes, read.made.tfs)
    transposed = directions(read.scores).sel(direction="transpose")
    p = []
    for _ in range(60):
        order = gene_permutation(is_tf, rng)
        relabelled = transposed.copy(data=transposed.values[np.ix_(order, order)])
        scores = read.pairs.scores_from(relabelled)
        p.append(signal_test(read.pairs, scores, rng, 99, sides="one").p)
    assert (np.array(p) <= 0.05).sum() <= stats.binom.ppf(0.999, 60, 0.05)
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_pages_read_the_controls_by_name():
    readings = read_attention("both", draw_cells("control", 100, 0), 120, [])
    assert [one.model for one in readings] == CONTROLS
    for one in readings:
        ranks_as_its_card_says(one)


def ranks_as_its_card_says(one: Reading) -> None:
    assert (one.data, len(one.genes)) == ("control", 120)
    pairs = evaluation_set(one.references["network"], one.genes)
    assert (pairs.n_pairs, pairs.n_positive) == (2380, 200)
    transposed = directions(one.scores()).sel(direction="transpose")
    found = auroc_with_interval(pairs, pairs.scores_from(transposed))
    assert found.value == pytest.approx(
        read_card(one.model)["edges"]["auroc"]["transpose"], abs=0.02
    )
