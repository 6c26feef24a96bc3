"""Candidate universes and missing pairs on small made-up networks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.metrics import roc_auc_score
from small_networks import GENES, edges_of

from helpers.errors import DataError, ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation import crossed
from helpers.evaluation.sets import drop_missing, evaluation_set, random_pair_set


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


def test_missing_pairs_are_dropped_and_counted(prominent):
    reference, _, scores = prominent
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


def test_random_pair_set_draws_from_all_pairs(prominent):
    reference, _, _ = prominent
    found = random_pair_set(reference, GENES, np.random.default_rng(0))
    universe = evaluation_set(reference, GENES)
    assert found.n_positive == universe.n_positive
    assert found.n_pairs == 11 * universe.n_positive
    pairs = pd.Series(found.source) + ">" + found.target
    assert pairs.is_unique
    assert found.n_tfs > 60


def test_scores_that_are_all_missing_leave_nothing_to_estimate(prominent):
    reference, _, _ = prominent
    universe = evaluation_set(reference, GENES)
    kept, scores = drop_missing(universe, np.full((3, universe.n_pairs), np.nan))
    assert kept.n_pairs == 0 and scores.shape == (3, 0)
    found = crossed.auroc_profile(kept, scores)
    assert isinstance(found, NotEstimable) and "no positives" in found.reason
