"""The short form of edge ranking used in training equals extraction and evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.datasets.simulate import control_world
from helpers.edges import correlation_edges, directions, edge_scores, pool
from helpers.evaluation.sets import evaluation_set
from helpers.extraction import extract
from helpers.models.edge_ranking import coexpression_auroc, edge_aurocs, mean_attention
from helpers.models.training import Shape, new_model
from helpers.statistics.auroc import auroc


@pytest.fixture(scope="module")
def made():
    return control_world(60, 7)


@pytest.mark.parametrize("family", ["scgpt", "geneformer"])
def test_attention_and_aurocs_equal_those_of_the_pages(family, made):
    model = new_model(family, made.adata, Shape(2, 2, 16, 32, 128), 0)
    sums = extract(model, made.adata, sources="all", device="cpu", show_progress=False)
    scores = edge_scores(sums, min_count=1).sel(source=made.genes, target=made.genes)
    short = mean_attention(model, made.adata, batch_size=17)
    assert np.allclose(short, scores.transpose("layer", "head", "source", "target"), atol=1e-6)

    pairs = evaluation_set(made.reference, made.genes)
    found = edge_aurocs(model, made)
    for one in directions(pool(scores)):
        wanted = auroc(pairs.scores_from(one), pairs.label).value
        assert found[str(one["direction"].values)] == pytest.approx(wanted, abs=1e-4)
    heads = directions(scores).sel(direction="transpose").stack(one=("layer", "head"))
    best = max(
        auroc(pairs.scores_from(heads.isel(one=i, drop=True)), pairs.label).value for i in range(4)
    )
    assert found["best_head"] == pytest.approx(best, abs=1e-4)


def test_coexpression_is_that_of_the_pages(made):
    pairs = evaluation_set(made.reference, made.genes)
    size = np.abs(pairs.scores_from(correlation_edges(made.adata)))
    assert coexpression_auroc(made) == pytest.approx(auroc(size, pairs.label).value, abs=1e-4)
