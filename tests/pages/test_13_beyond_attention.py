"""The tests of page 13 on arms whose truth is known: one holds the edges, the others noise."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bookkit import definitions, notebooks
from bookkit.declared import load
from helpers.datasets.simulate import world
from helpers.edges.arms import ARMS
from helpers.estimates import NotEstimable
from helpers.statistics import Outcome

NAME = "13_beyond_attention"


@pytest.fixture(scope="module")
def page():
    return definitions(NAME, n_permutations=199)


@pytest.fixture(scope="module")
def made():
    return world("pair-signal", 0)


def reading(made, strength: float, arm: str = "gradient"):
    """A model of which one arm, read from the target to the TF, holds the edges."""
    rng, genes = np.random.default_rng(0), list(made.genes)
    axes = {"source": genes, "target": genes}
    g = len(genes)
    edge = pd.DataFrame(0.0, genes, genes)
    for source, target in zip(made.network["source"], made.network["target"], strict=True):
        edge.loc[target, source] = strength

    def noise(*layers):
        dims = ("layer", "source", "target")[1 - len(layers) :]
        return xr.DataArray(rng.normal(size=(*layers, g, g)), axes, dims)

    arms = {
        name: noise(2) if name in ("attention", "value-weighted", "residual") else noise()
        for name in ARMS
    }
    for name in ("embedding", "residual"):
        arms[name] = arms[name] + arms[name].values.swapaxes(-1, -2)
    arms[arm] = arms[arm] + edge.values
    return SimpleNamespace(
        model="made",
        data="made",
        adata=made.adata,
        genes=genes,
        arms=arms,
        references={"network": made.reference},
        embeddings=rng.normal(size=(g, 8)),
    )


def found_in(page, made, strength, arm="gradient"):
    case = page["case_of"](reading(made, strength, arm), made.reference, "network")
    rng = np.random.default_rng(1)
    return case, page["signal"](case, rng, 199) | page["beyond"](case, rng)


def test_the_arm_that_holds_edges_is_named_and_the_others_are_not(page, made):
    case, found = found_in(page, made, 2.0)
    assert found["13.1"].p <= 0.05 and found["13.7"].p <= 0.05
    assert found["13.1"].detail["best"] == "gradient, transpose"
    assert case.single["gradient"].shape == case.size.shape
    assert sum(found[f"13.{k}"].p <= 0.05 for k in range(2, 7)) <= 1
    assert found["13.13"].estimate > 0 > found["13.8"].estimate - 0.5
    assert found["13.25"].p <= 0.05 and found["13.25"].estimate > 0
    assert found["13.20"].p > 0.01


def test_nothing_is_called_where_nothing_is(page, made):
    _, found = found_in(page, made, 0.0)
    assert found["13.1"].p > 0.05


def test_an_edge_read_by_the_tf_is_found_forward_only(page, made):
    one = reading(made, 3.0)
    one.arms["gradient"] = one.arms["gradient"].copy(data=one.arms["gradient"].values.T)
    case = page["case_of"](one, made.reference, "network")
    found = page["signal"](case, np.random.default_rng(2), 199)
    assert found["13.7"].detail["best"] == "gradient, forward"


def test_outcomes_are_those_that_the_page_declares(page, made):
    _, found = found_in(page, made, 2.0)
    stated = load(notebooks.statements_path(NAME))
    assert set(found) == set(stated.tests) - {"13.26", "13.27"}
    for number, outcome in found.items():
        assert isinstance(outcome, Outcome), (number, outcome)
        assert stated.record(number, ("a",), outcome).p == outcome.p


def test_the_plain_maximum_is_the_package_s(page, made):
    case, _ = found_in(page, made, 1.0)
    found = page["signal"](case, np.random.default_rng(3), 99)["13.1"]
    by_hand = page["largest_by_hand"](case.pairs, case.scores, np.random.default_rng(3), 99)
    np.testing.assert_allclose(by_hand, (found.estimate, found.p))


def test_exchanged_genes_keep_degrees_and_lose_the_pairs(page, made):
    case, _ = found_in(page, made, 2.0)
    moved = page["relabelled"](case.pairs, np.random.default_rng(4))
    for side in ("source", "target"):
        before, after = (
            np.sort(np.unique(getattr(p, side)[p.label], return_counts=True)[1])
            for p in (case.pairs, moved)
        )
        np.testing.assert_array_equal(before, after)
    shared = (moved.label & case.pairs.label).sum() / case.pairs.n_positive
    assert shared < 0.5


def test_the_probe_by_hand_is_the_package_s(page, made):
    one = reading(made, 1.0)
    case = page["case_of"](one, made.reference, "network")
    x = page["features_of"](one, case.pairs)
    cut = page["held_out_parts"](case.pairs, np.random.default_rng(5))
    first = np.union1d(case.pairs.source[cut[0][0]], case.pairs.target[cut[0][0]])
    scores = page["probe_scores"](x, case.pairs.label[:, None], [cut])[0]
    seen = np.isfinite(scores)
    fast = page["roc_auc_score"](case.pairs.label[seen], scores[seen])
    by_hand = page["probe_by_hand"](case.pairs, x, first)
    assert by_hand == pytest.approx(fast, abs=1e-6)


def test_a_network_of_one_tf_is_not_estimable(page, made):
    one, few = reading(made, 1.0), made.reference[:2]
    case = page["case_of"](one, few, "network")
    found = page["signal"](case, np.random.default_rng(6), 99) | page["beyond"](
        case, np.random.default_rng(6)
    )
    assert all(isinstance(outcome, NotEstimable) for outcome in found.values())
    assert page["levels_of"](case, found) is not None
