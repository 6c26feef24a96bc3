"""Candidate universes, gene-level scores, matched negatives and nulls on small made-up networks."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import sparse
from sklearn.metrics import roc_auc_score

from helpers.errors import DataError, ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation import crossed, gene_level, matched, nulls, scoring
from helpers.evaluation.sets import drop_missing, evaluation_set, random_pair_set
from helpers.statistics.permutation import permutation_test

GENES = np.array([f"G{i:03d}" for i in range(120)])


def edges_of(matrix, genes=GENES, rows=None):
    rows = genes if rows is None else rows
    dims = ("layer", "source", "target")[-np.ndim(matrix) :]
    return xr.DataArray(matrix, dims=dims, coords={"source": rows, "target": genes})


@pytest.fixture
def world():
    """15 TFs, prominence of targets, a reference drawn in proportion to prominence."""
    rng = np.random.default_rng(0)
    mean = np.exp(rng.normal(-1, 1, 120))
    counts = rng.poisson(mean, size=(300, 120)).astype(float)
    weight = mean / mean.sum()
    rows = [
        (tf, target, "toy")
        for tf in GENES[:15]
        for target in rng.choice(GENES, 6, replace=False, p=weight)
        if tf != target
    ]
    reference = pd.DataFrame(rows, columns=["source", "target", "database"])
    features = gene_level.gene_features(np.log1p(counts), GENES)
    return reference, features, rng.normal(size=(120, 120))


def test_universe_is_every_tf_gene_pair_without_self_pairs():
    reference = pd.DataFrame(
        {"source": ["A", "A", "B", "X", "B"], "target": ["B", "C", "B", "A", "Y"]}
    )
    found = evaluation_set(reference, ["C", "B", "A"], name="toy")
    pairs = set(zip(found.source, found.target, strict=True))
    assert pairs == {("A", "B"), ("A", "C"), ("B", "A"), ("B", "C")}
    assert set(found.source[found.label] + found.target[found.label]) == {"AB", "AC"}
    assert found.counts() == {
        "n_pairs": 4,
        "n_positive": 2,
        "n_tfs": 2,
        "n_tfs_with_positive": 1,
        "n_targets_with_positive": 2,
    }
    assert found.notes["self_edges"] == 1
    assert found.notes["edges_outside_universe"] == 2
    assert found.positive_rate == 0.5


def test_scores_keep_direction_row_source_column_target():
    reference = pd.DataFrame({"source": ["A", "B"], "target": ["B", "C"]})
    found = evaluation_set(reference, ["A", "B", "C"])
    matrix = np.arange(9.0).reshape(3, 3)  # rows C, A, B; columns B, C, A
    edges = xr.DataArray(
        matrix, dims=("source", "target"), coords={"source": list("CAB"), "target": list("BCA")}
    )
    expected = {("A", "B"): 3, ("A", "C"): 4, ("B", "A"): 8, ("B", "C"): 7}
    for values in (found.scores_from(edges), found.scores_from(edges.T)):
        got = dict(zip(zip(found.source, found.target, strict=True), values, strict=True))
        assert got == expected
    heads = xr.concat([edges, -edges], dim="head")
    assert found.scores_from(heads).shape == (2, 4)
    np.testing.assert_array_equal(found.scores_from(heads)[1], -found.scores_from(edges))


def test_degenerate_universes_name_reference_and_gene_set():
    reference = pd.DataFrame({"source": ["A", "B"], "target": ["B", "C"], "database": "toy-db"})
    with pytest.raises(DataError, match=r"no positives.*toy-db.*gene set of 2 genes"):
        evaluation_set(reference, ["Y", "Z"])
    with pytest.raises(DataError, match=r"no positives.*toy-db"):
        evaluation_set(reference, ["A", "C"])
    full = pd.DataFrame({"source": ["A", "A"], "target": ["B", "C"], "database": "toy-db"})
    with pytest.raises(DataError, match=r"no negatives.*toy-db"):
        evaluation_set(full, ["A", "B", "C"])
    with pytest.raises(ParameterError, match="twice"):
        evaluation_set(pd.concat([full, full]), ["A", "B", "C", "D"])
    with pytest.raises(ParameterError, match="twice"):
        evaluation_set(full, ["A", "A", "B"])
    with pytest.raises(DataError, match="not on the target axis"):
        evaluation_set(reference, ["A", "B", "C"]).scores_from(
            edges_of(np.zeros((3, 2)), np.array(["A", "B"]), np.array(["A", "B", "C"]))
        )


def test_missing_pairs_are_dropped_and_counted(world):
    reference, _, scores = world
    scores = scores.copy()
    scores[2, 5:25] = np.nan
    universe = evaluation_set(reference, GENES)
    values = universe.scores_from(edges_of(scores))
    kept, clean = drop_missing(universe, values)
    assert kept.n_pairs == universe.n_pairs - 20 == clean.size
    assert kept.notes["missing_scores"] == 20
    found = crossed.auroc_with_interval(universe, values)
    assert found.value == pytest.approx(roc_auc_score(kept.label, clean), abs=1e-12)
    assert found.detail["n_missing"] == 20
    assert found.detail["n_positive"] == kept.n_positive
    two = np.stack([values, np.zeros_like(values)])
    assert drop_missing(universe, two)[1].shape == (2, kept.n_pairs)


def test_a_comparison_turned_round_has_the_other_sign(world):
    reference, features, scores = world
    universe = evaluation_set(reference, GENES)
    values = universe.scores_from(edges_of(scores))
    product = gene_level.gene_level_scores(universe, features)["mean product"].to_numpy()
    found = crossed.compare_scores(universe, product, values)
    expected = roc_auc_score(universe.label, product) - roc_auc_score(universe.label, values)
    assert found.estimate == pytest.approx(expected, abs=1e-12)
    assert found.estimate > 0.1 and found.p < 0.05
    flipped = crossed.compare_scores(universe, values, product)
    assert flipped.estimate == pytest.approx(-found.estimate)
    assert flipped.p == found.p
    metrics = scoring.metrics(universe, product)
    assert metrics["base_rate"] == pytest.approx(universe.positive_rate)


def test_few_tfs_print_a_point_and_no_test(world):
    reference, _, scores = world
    few = reference[reference["source"].isin(GENES[:4])]
    universe = evaluation_set(few, GENES)
    values = universe.scores_from(edges_of(scores))
    rng = np.random.default_rng(0)
    found = crossed.auroc_with_interval(universe, values)
    assert found.low is None and "4 TFs" in found.detail["interval"]
    assert isinstance(crossed.compare_scores(universe, values, -values), NotEstimable)
    two = evaluation_set(few[few["source"].isin(GENES[:2])], GENES)
    values = two.scores_from(edges_of(scores))
    for test in (crossed.signal_test, nulls.rewire):
        assert isinstance(test(two, values, rng, 10), NotEstimable)


def test_gene_features_and_products(world):
    _, _, _ = world
    rng = np.random.default_rng(1)
    x = rng.poisson(0.5, size=(40, 5)).astype(float)
    names = list("ABCDE")
    dense = gene_level.gene_features(x, names)
    pd.testing.assert_frame_equal(dense, gene_level.gene_features(sparse.csr_matrix(x), names))
    np.testing.assert_allclose(dense["variance"], x.var(axis=0, ddof=1))
    universe = evaluation_set(pd.DataFrame({"source": ["A"], "target": ["C"]}), names)
    matrix = rng.random((5, 5))
    table = gene_level.gene_level_scores(
        universe, dense, edges_of(matrix, np.array(names)), edges_of(matrix * 100, np.array(names))
    )
    k = list(universe.target).index("D")
    assert table["detection product"][k] == pytest.approx((x > 0).mean(0)[0] * (x > 0).mean(0)[3])
    assert table["mean target"][k] == pytest.approx(x.mean(0)[3])
    assert table["count"][k] == pytest.approx(100 * matrix[0, 3])
    row = matrix[0, 1:].mean()
    column = np.delete(matrix[:, 3], 3).mean()
    assert table["attention marginals"][k] == pytest.approx(row * column)


def test_nulls_absorb_what_prominence_explains(world):
    reference, features, _ = world
    universe = evaluation_set(reference, GENES)
    target = gene_level.gene_level_scores(universe, features)["mean target"].to_numpy()
    rng = np.random.default_rng(0)
    raw = crossed.auroc_with_interval(universe, target).value
    nearest = matched.matched_negatives(universe, features, 5)
    assert raw > 0.7
    assert abs(matched.matched_auroc(nearest, target).value - 0.5) < 0.5 * (raw - 0.5)
    free = permutation_test(target, universe.label, rng, 500)
    assert free.p < 0.01 and free.detail["null_mean"] == pytest.approx(0.5, abs=0.01)
    rewired = nulls.rewire(universe, target, rng, 100)
    parts = nulls.decompose(rewired)
    assert parts["beyond"] == pytest.approx(0, abs=1e-12)
    assert sum(parts.values()) == pytest.approx(rewired.estimate)


def test_one_tf_world_is_flagged_by_leaving_it_out(world):
    reference, _, scores = world
    universe = evaluation_set(reference, GENES)
    planted = scores.copy()
    planted[4] += 10 * np.isin(GENES, reference.query("source == 'G004'")["target"])
    found = nulls.leave_one_tf_out(universe, universe.scores_from(edges_of(planted)))
    assert found.most_influential == "G004"
    assert found.share_of_excess > 0.5


def test_best_head_is_corrected_for_the_search(world):
    reference, _, _ = world
    universe = evaluation_set(reference, GENES)
    rng = np.random.default_rng(1)
    heads = rng.normal(size=(40, universe.n_pairs))
    null = crossed.best_of(universe, heads, rng, 400)
    assert null.best_p > 0.05
    heads[7] += 0.8 * universe.label
    found = crossed.best_of(universe, heads, rng, 400)
    assert found.best == 7 and found.best_p < 0.01


def test_flatness_sees_a_layer_that_differs(world):
    reference, _, _ = world
    universe = evaluation_set(reference, GENES)
    rng = np.random.default_rng(1)
    common = rng.normal(size=universe.n_pairs)
    layers = common + 0.3 * rng.normal(size=(6, universe.n_pairs))
    assert crossed.flatness(universe, layers, rng, 400).p > 0.05
    layers[2] += universe.label
    assert crossed.flatness(universe, layers, rng, 400).p < 0.01


def test_random_pair_set_draws_from_all_pairs(world):
    reference, _, _ = world
    found = random_pair_set(reference, GENES, np.random.default_rng(0))
    universe = evaluation_set(reference, GENES)
    assert found.n_positive == universe.n_positive
    assert found.n_pairs == 11 * universe.n_positive
    pairs = pd.Series(found.source) + ">" + found.target
    assert pairs.is_unique
    assert found.n_tfs > 60


def test_scores_that_are_all_missing_leave_nothing_to_estimate(world):
    reference, _, _ = world
    universe = evaluation_set(reference, GENES)
    kept, scores = drop_missing(universe, np.full((3, universe.n_pairs), np.nan))
    assert kept.n_pairs == 0 and scores.shape == (3, 0)
    found = crossed.auroc_profile(kept, scores)
    assert isinstance(found, NotEstimable) and "no positives" in found.reason
