"""Choices made where they are not scored: by hand, with a planted gain, and where none exists."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from helpers.errors import DataError, ParameterError
from helpers.evaluation.selection import _half, nested_gain, random_layer_sets, selection_optimism
from helpers.evaluation.sets import EvaluationSet
from helpers.evaluation.stratified import VARIANTS, Stratified, stratified
from helpers.registry.null_worlds import pareto_world
from helpers.statistics.auroc import auroc_many


def case(n_layers=4, n_tfs=24, n_targets=24, positives=4, signal=0.0, seed=0, strata=4):
    """Make stratified scores by hand: signal is added to every aggregate of the positives."""
    rng = np.random.default_rng(seed)
    source = np.repeat([f"T{i:02d}" for i in range(n_tfs)], n_targets)
    target = np.tile([f"G{i:02d}" for i in range(n_targets)], n_tfs)
    label = np.concatenate([rng.permutation(n_targets) < positives for _ in range(n_tfs)])
    noise = rng.standard_normal((3 + len(VARIANTS), n_layers, label.size))
    noise[1:] += signal * label
    return Stratified(
        "made",
        EvaluationSet("made", source, target, label, "made"),
        noise[0],
        dict(zip(VARIANTS, noise[3:], strict=True)),
        (noise[1], noise[2]),
        strata,
    )


def test_a_planted_gain_is_found():
    found = nested_gain(case(signal=1.0), np.random.default_rng(0))
    assert found.estimate > 0.2 and found.p < 0.05
    assert found.low < found.estimate < found.high
    assert (found.unit, found.null, found.sides) == ("TF x target", "equal AUROC", "two")
    assert found.detail["mde"] > found.detail["se"] > 0


def test_splits_are_aggregated_by_twice_the_median():
    made = case(signal=0.4)
    many = nested_gain(made, np.random.default_rng(3), 15)
    rng, single = np.random.default_rng(3), []
    for _ in range(15):
        single.append(nested_gain(made, rng, 1, 0.975))
    assert many.p == pytest.approx(min(1, 2 * np.median([o.p for o in single])))
    assert many.estimate == pytest.approx(np.median([o.estimate for o in single]))
    assert many.low == pytest.approx(np.median([o.low for o in single]))
    assert len(many.detail["chosen"]) == 15
    with pytest.raises(ParameterError, match="odd number"):
        nested_gain(made, rng, 4)


def test_the_choice_sees_neither_tf_nor_target_of_the_test():
    """Scores outside the block that chooses and the block that is tested change nothing."""
    made = case(signal=0.4)
    e = made.evaluation
    rng = np.random.default_rng(5)
    top, left = (_half(names, e.label, rng) for names in (e.source, e.target))
    mixed = top != left
    found = nested_gain(made, np.random.default_rng(5), 1)
    changed = Stratified(
        "changed",
        e,
        np.where(mixed, 9.0, made.pooled),
        {name: np.where(mixed, -9.0, values) for name, values in made.variants.items()},
        made.halves,
        4,
    )
    assert nested_gain(changed, np.random.default_rng(5), 1).p == found.p


def test_what_cannot_be_chosen_or_tested_is_said():
    rng = np.random.default_rng(0)
    assert "one stratum" in nested_gain(case(strata=1), rng).reason
    assert "positives" in nested_gain(case(n_tfs=9, positives=1), rng).reason
    assert "cuts can be tested" in nested_gain(case(n_tfs=6, positives=4), rng).reason


def test_choosing_on_the_scored_data_gains_without_signal():
    found = selection_optimism(case(n_tfs=9, positives=2), np.random.default_rng(0), 100)
    assert found["mean"] > 0.05


def test_sets_of_layers_are_all_counted():
    made = case(n_layers=6, signal=0.5)
    found = random_layer_sets(made)
    first, second = (auroc_many(half, made.evaluation.label) for half in made.halves)
    assert found.estimate == pytest.approx(second[np.argsort(-first, kind="stable")[:3]].mean())
    assert found.resamples == 20 and found.unit == "layer"
    assert "too few sets" in random_layer_sets(case(n_layers=4)).reason


def sums_of(total, count=60):
    genes = [f"G{i}" for i in range(total.shape[-1])]
    n = len(total)
    return xr.Dataset(
        {
            "sum": (("stratum", "layer", "head", "source", "target"), total * count),
            "count": (("stratum", "source", "target"), np.full((n, *total.shape[-2:]), count)),
        },
        coords={"source": genes, "target": genes},
    )


REFERENCE = pd.DataFrame({"source": ["G0", "G1"], "target": ["G2", "G3"]})


def test_mean_over_strata_is_pooled_when_weights_are_pair_counts():
    total = np.random.default_rng(0).random((2, 1, 1, 6, 6))
    sums = sums_of(total)
    about = (["a", "b"], [True, False], {"a": 50, "b": 50})
    found = stratified("x", sums, REFERENCE, *about)
    np.testing.assert_allclose(found.variants["mean"], found.pooled, rtol=1e-12)
    i, j = (int(side[0][1:]) for side in (found.evaluation.source, found.evaluation.target))
    assert found.pooled[0, 0] == pytest.approx(total[:, 0, 0, i, j].mean())  # row = source
    assert found.halves[0][0, 0] == pytest.approx(total[0, 0, 0, i, j])
    with pytest.raises(DataError, match="no stratum"):
        stratified("x", sums_of(total, 10), REFERENCE, *about, min_count=15)


def test_states_with_several_strata_are_added():
    total = np.random.default_rng(1).random((4, 1, 1, 6, 6))
    kind, half = ["a", "a", "b", "b"], [True, False, True, False]
    found = stratified("x", sums_of(total), REFERENCE, kind, half, {"a": 60, "b": 60})
    whole = stratified(
        "x",
        sums_of(total.reshape(2, 2, 1, 1, 6, 6).mean(axis=1)),
        REFERENCE,
        ["a", "b"],
        [True, False],
        {"a": 60, "b": 60},
    )
    assert found.strata == 2
    np.testing.assert_allclose(found.variants["max"], whole.variants["max"])


@pytest.mark.slow
def test_level_where_network_and_scores_have_hubs_that_are_unrelated():
    """Pareto degrees, target main effects, layers and variants that share them."""
    rejected = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        world = pareto_world(rng, 0.0, n_tfs=60, n_genes=150, n_positive=300)
        near = world.layers + 0.3 * rng.normal(size=world.layers.shape)
        variants = {
            name: near
            + 0.5 * rng.normal(size=near.shape)
            + 0.5 * rng.normal(size=150)[np.unique(world.pairs.target, return_inverse=True)[1]]
            for name in VARIANTS[:3]
        }
        made = Stratified("null", world.pairs, world.layers, variants, (near, near), 3)
        rejected.append(nested_gain(made, rng, 5).p <= 0.05)
    assert sum(rejected) <= stats.binom.ppf(0.995, 100, 0.05)
