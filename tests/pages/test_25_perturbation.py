"""Page 25: its functions, on effects whose agreement is planted."""

import anndata as ad
import numpy as np
import pytest

from scipy import sparse

from bookkit.page_functions import definitions
from helpers.datasets.simulate.effects import effect_world
from helpers.datasets.simulate.screens import screen_world
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.evaluation.responders import Effects
from helpers.statistics.results import Outcome

NAME = "25_perturbation"
SHAPE = (16, 40)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page():
    return definitions(NAME, permutations=99)


def screen_of(page, world, shape=SHAPE):
    """Return a screen whose perturbed genes are not among the measured ones."""
    own = np.full(shape[0], -1)
    se = np.zeros(shape)
    return page["Measured"](None, np.arange(shape[1]), [], world.measured, se, own, [])


def test_a_constant_prediction_is_not_credited_and_a_true_one_is(page):
    rng, credited = np.random.default_rng(0), 0
    about = np.zeros(SHAPE), np.arange(16), np.arange(40)
    for _ in range(40):
        w = effect_world("decreases", *SHAPE, rng)
        found = page["sign_test"](w.predicted, w.measured, *about)
        credited += isinstance(found, Outcome) and found.p <= 0.05 and found.estimate > 0
    assert credited <= 4, credited  # P(more than 4 of 40 at 2.5 %) = 0.3 %
    w = effect_world("true-effects", *SHAPE, rng)
    found = page["sign_test"](w.predicted, w.measured, *about)
    assert (found.unit, found.null, found.sides) == ("perturbation x gene", "mean 0", "two")
    assert found.low > 0
    assert found.detail["right"] == pytest.approx(2 / 3, abs=0.08)
    assert isinstance(page["sign_test"](w.predicted, 0 * w.measured, *about), NotEstimable)


def test_the_usual_direction_does_not_know_the_pair_itself(page):
    sign = np.zeros((3, 2))
    sign[:, 0], sign[0, 1] = [1, -1, -1], 1
    usual = page["usual_direction"](sign * 30)
    assert usual[0, 0] == -1
    assert usual[1, 0] == 1


def test_what_is_added_to_rows_and_columns(page):
    rng, called = np.random.default_rng(1), 0
    for _ in range(40):
        w = effect_world("gene-clustered", *SHAPE, rng)
        called += page["beyond"](np.abs(w.predicted), screen_of(page, w), rng).p <= 0.05
    assert called <= 7, called  # P(more than 7 of 40 at 5 %) = 0.1 %
    w = effect_world("true-effects", *SHAPE, rng, rho=0.9)
    found = page["beyond"](np.abs(w.predicted), screen_of(page, w), rng)
    assert found.low > 0
    assert (found.unit, found.null) == ("perturbation x gene", "no contribution of the score")
    few = effect_world("true-effects", 4, 40, rng)
    m = screen_of(page, few, (4, 40))
    assert isinstance(page["beyond"](np.abs(few.predicted), m, rng), NotEstimable)


def test_a_screen_has_no_effect_of_a_gene_on_itself(page):
    w = screen_world("edge-only", 0, 60, 200, 8, 40, 10)
    genes = [f"g{k}" for k in range(60)]
    controls = ad.AnnData(w.controls.astype(float), var={"symbol": genes})
    controls.var_names = genes
    controls.X = sparse.csr_matrix(controls.X)
    one = Effects(np.arange(60.0), np.ones(60), np.ones(60))
    m = page["measured"](controls, {"g3": one, "g9": one, "absent": one})
    assert m.who == ["g3", "g9"]
    assert np.isnan(m.d[0, 3])
    assert np.isnan(m.d[1, 9])
    assert np.isfinite(m.d).sum() == 118
    assert one.difference[3] == 3
    with pytest.raises(DataError, match="perturbed gene"):
        page["measured"](controls, {"absent": one})


def test_screens_are_pooled_from_three_on(page):
    about = ("two", "t", "correlation 0", "gene", 20)
    found = [Outcome(r, 0.5, *about, detail={"se": 0.05}) for r in (0.2, 0.3, 0.25)]
    assert isinstance(page["together"](found[:2]), NotEstimable)
    pooled = page["together"](found)
    assert pooled.estimate == pytest.approx(0.25)
    assert pooled.p < 0.05


def test_relabelled_scores_keep_every_gene_in_both_roles(page):
    rng = np.random.default_rng(2)
    x = np.arange(5 * 12.0).reshape(5, 12)
    own = np.array([2, 4, 6, 8, 10])
    x[np.arange(5), own] = np.nan
    new = page["relabelled"](x, own, rng)
    assert np.isnan(new[np.arange(5), own]).all()
    assert sorted(new[np.isfinite(new)]) == sorted(x[np.isfinite(x)])


def test_printed_figures_imply_their_pairs(page):
    assert page["pairs_of"](0.269, 0.032) == pytest.approx(63.5, abs=0.1)
    assert page["needed"](0.2, 0.001, 0.8) == pytest.approx(418.4, abs=0.5)
