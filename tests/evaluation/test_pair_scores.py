"""All scores of the candidate pairs of a network, against the arrays they come from."""

import numpy as np
import pytest

from helpers.datasets.simulate import world
from helpers.errors import DataError
from helpers.evaluation.pair_scores import pair_scores


@pytest.fixture(scope="module")
def drawn():
    return world("prominence-only", 1)


def test_scores_equal_a_loop_over_the_arrays(drawn):
    case = pair_scores("p", drawn.attention, drawn.adata, drawn.reference, min_count=1)
    total = drawn.attention["sum"].mean(("layer", "head"))
    for k in (0, case.pairs.n_pairs // 2, case.pairs.n_pairs - 1):
        source, target = case.pairs.source[k], case.pairs.target[k]
        # row = source = query, column = target = key
        summed = float(total.sel(source=source, target=target))
        count = int(drawn.attention["count"].sel(source=source, target=target))
        assert case.score("attention sum")[k] == pytest.approx(summed, rel=1e-12)
        assert case.score("attention")[k] == pytest.approx(summed / count, rel=1e-12)
        mean = case.features["mean"]
        product = mean[source] * mean[target]
        assert case.score("mean product")[k] == pytest.approx(product, rel=1e-12)
        assert case.score("likeness")[k] == pytest.approx(-abs(mean[source] - mean[target]))
        layer = drawn.attention["sum"].mean("head").sel(source=source, target=target) / count
        assert case.layers[:, k] == pytest.approx(layer.values, rel=1e-12)


def test_missing_pairs_are_missing_in_every_score_and_never_zero(drawn):
    case = pair_scores("p", drawn.attention, drawn.adata, drawn.reference, min_count=50)
    found, sides = drawn.attention["count"], (case.pairs.source, case.pairs.target)
    count = np.array([int(found.sel(source=s, target=t)) for s, t in zip(*sides, strict=True)])
    lacking = case.scores.isna()
    assert (lacking.any(axis=1) == lacking.all(axis=1)).all()
    assert lacking.loc[count < 50].all().all() and (count < 50).any()
    assert np.isnan(case.layers[:, count < 50]).all() and np.isnan(case.heads[:, count < 50]).all()
    complete = case.complete()
    assert complete.pairs.n_pairs == (~lacking.any(axis=1)).sum()
    assert not complete.scores.isna().any().any() and np.isfinite(complete.heads).all()
    with pytest.raises(DataError, match="No gene pair"):
        pair_scores("p", drawn.attention, drawn.adata, drawn.reference, min_count=10**6)
