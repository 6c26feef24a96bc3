"""All arms of one model have the same genes and the same meaning of a direction."""

import numpy as np
import pytest
import torch
from extraction_models import FAMILIES, GENES, build, cells

from helpers.edges import edge_scores, pool
from helpers.edges.arms import ARMS, UNDIRECTED, every_score, one_score, read_arms
from helpers.errors import ModelError, ParameterError
from helpers.extraction import extract, rollout
from helpers.extraction.inputs import input_gradients, only_genes

AXIS = GENES[1:13]
WAYS = ["forward", "transpose", "symmetric"]


@pytest.fixture(scope="module", params=FAMILIES[:2])
def model(request, tmp_path_factory):
    adapter, adata = build(request.param, tmp_path_factory.mktemp("m"), torch.float64), cells(9)
    tokens = adapter.tokenise(adata)
    arms = read_arms(adapter, adata, tokens, AXIS, min_count=1, n_hidden=3)
    return adapter, adata, tokens, arms


def test_every_arm_is_what_its_estimator_gives(model):
    adapter, adata, tokens, arms = model
    about = {"sources": AXIS, "genes": AXIS, "show_progress": False}
    for arm, kind in {"attention": "softmax", "value-weighted": "value_weighted"}.items():
        alone = edge_scores(extract(adapter, adata, scores=kind, **about), min_count=1)
        np.testing.assert_allclose(arms[arm], pool(alone, over=("head",)), atol=1e-9)
    shown = only_genes(tokens, AXIS)
    rolled = edge_scores(rollout(adapter, adata, tokens=shown, **about), min_count=1)
    np.testing.assert_allclose(arms["rollout"], rolled)
    slopes = input_gradients(adapter, shown, AXIS, n_hidden=3)
    here = slopes["count"].values > 0
    size = abs(slopes["sum"].values[here] / slopes["count"].values[here])
    np.testing.assert_allclose(arms["gradient"].values[here], size)
    assert np.isnan(arms["gradient"].values[~here]).all()


def test_one_arm_alone_is_what_it_is_among_all(model):
    adapter, adata, tokens, arms = model
    for arm in ARMS:
        (alone,) = read_arms(adapter, adata, tokens, AXIS, [arm], min_count=1, n_hidden=3).values()
        np.testing.assert_allclose(alone.values, arms[arm].values, atol=1e-9)


def test_all_scores_are_counted_once_and_turned_the_right_way(model):
    *_, arms = model
    found = every_score(arms, WAYS)
    layers = arms["attention"].sizes["layer"]
    assert found.sizes["score"] == 2 * 3 * layers + 3 + 1 + layers + 3
    assert len(set(found["score"].values)) == found.sizes["score"]
    assert set(found["arm"].values) == set(ARMS)
    by_name = dict(zip(found["score"].values, found.values, strict=True))
    first = arms["attention"].isel(layer=1).values
    np.testing.assert_array_equal(by_name["attention, layer 1, forward"], first)
    np.testing.assert_array_equal(by_name["attention, layer 1, transpose"], first.T)
    np.testing.assert_allclose(by_name["gradient, symmetric"], by_name["gradient, symmetric"].T)
    for arm in UNDIRECTED:
        np.testing.assert_allclose(arms[arm], arms[arm].values.swapaxes(-1, -2), atol=1e-12)


def test_one_score_is_the_mean_over_layers_read_by_the_target(model):
    *_, arms = model
    found = one_score(arms)
    np.testing.assert_allclose(found["attention"], arms["attention"].values.mean(axis=0).T)
    np.testing.assert_allclose(found["rollout"], arms["rollout"].values.T)
    assert all(one.dims == ("source", "target") for one in found.values())


def test_unknown_and_repeated_arms_are_refused(model):
    adapter, adata, tokens, _ = model
    for wrong in ([], ["attention", "attention"], ["probe"]):
        with pytest.raises(ParameterError, match="arms are"):
            read_arms(adapter, adata, tokens, AXIS, wrong)
    family = adapter.family
    adapter.family = "cell-sentence"
    try:
        with pytest.raises(ModelError, match="gradients need"):
            read_arms(adapter, adata, tokens, AXIS, ["gradient"])
    finally:
        adapter.family = family
