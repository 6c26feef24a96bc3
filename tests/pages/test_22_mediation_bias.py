"""Functions of page 22 on worlds whose truth is known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers.estimates import NotEstimable
from bookkit.page_functions import definitions
from helpers.statistics.set_functions import shapley


@pytest.fixture(scope="module")
def page():
    return definitions("22_mediation_bias", draws=500)


def run(n, means, se, effect=1.0):
    """One run as the archive has it: its total effect and its components."""
    total = SimpleNamespace(mean=effect, se=0.1, n=n)
    return total, pd.DataFrame({"mean": means, "se": se})


@pytest.mark.parametrize("k", [1, 2, 4, 6])
def test_shapley_by_definition_equals_the_fast_one_and_is_efficient(page, k):
    v = np.random.default_rng(k).normal(size=2**k)
    found = page["shapley_by_definition"](v)
    assert np.allclose(found, shapley(v))
    assert found.sum() == pytest.approx(v[-1] - v[0])


def test_published_residual_subtracts_a_number_without_unit(page):
    total, part = run(4, [0.6, 0.4], [0.2, 0.0], effect=0.3)
    found = page["as_published"](total, part)
    assert found["residual"] == pytest.approx(0.3 - 1.0)
    assert found["bound"] == pytest.approx(0.7 - 1.96 * np.hypot(0.1, 0.2))
    assert found["ratio"] == pytest.approx(found["bound"] / 0.3)


def test_one_unit_does_not_depend_on_the_size_of_the_effect(page):
    tests = [
        page["in_one_unit"](*run(8, [0.6, 0.4, 0.0], [0.1, 0.2, 0.0], e), np.random.default_rng(0))
        for e in (0.3, -1.5)
    ]
    assert tests[0].estimate == tests[1].estimate == pytest.approx(0)
    assert tests[0].p == tests[1].p > 0.9
    assert tests[0].detail["mde"] > tests[0].detail["mde_free"] > 0


def test_a_single_cell_is_no_test(page):
    found = page["in_one_unit"](*run(1, [0.2], [np.nan]), np.random.default_rng(0))
    assert isinstance(found, NotEstimable)


def test_certificates_shrink_with_the_allowance(page):
    total, part = run(8, [0.9, 0.5, 0.1, 0.0], [0.01, 0.01, 0.01, 0.0])
    page["runs"], page["pieces"] = [("a", total)], {"a": part}
    curves = page["certificate_curves"]([0.2], student=True)
    for _, one in curves.groupby("allocation"):
        assert one["certified fraction"].is_monotonic_decreasing
    assert page["certificate_curves"]([0.0], student=True)["certified fraction"].eq(1).all()
    assert page["certificate_curves"]([0.0], student=False)["certified fraction"].eq(1).all()


def additive(n=6, effect=0.3, seed=0):
    """Cells whose three parts add up exactly, (cells, 8)."""
    rng = np.random.default_rng(seed)
    parts = effect * rng.dirichlet([5, 3, 2], n)
    masks = np.arange(8)
    return np.stack([(parts * [(m >> i) & 1 for i in range(3)]).sum(1) for m in masks], axis=1)


def test_additive_parts_are_not_biased_and_the_published_rule_rejects_them(page):
    v = additive()
    found = page["bias_test"](v)
    assert isinstance(found, NotEstimable) or abs(found.estimate) < 1e-12
    assert page["shape_of"](v)["residual"] == pytest.approx(0, abs=1e-12)
    assert page["published_rule"](v)["residual"] == pytest.approx(0.3 - 1)
    assert page["published_rule"](v)["bound"] > 0


def test_redundant_parts_are_found(page):
    v = additive()
    v[:, 1:] = v[:, -1:] * np.linspace(0.9, 1, 6)[:, None]
    found = page["bias_test"](v)
    assert found.estimate > 0 and found.p < 0.05 and found.n_units == 6
    assert page["bias_test"](v[:2]).reason.startswith("2 cells")


def test_all_parts_of_the_control_restore_its_clean_run(page):
    from helpers.interventions import Replay

    model, tokens, edges = page["prepared"]("control", "control-scgpt", "control-scgpt")
    row = next(page["strongest"](edges, tokens, 1).itertuples())
    clean, changed, read = page["traced"](model, tokens, row.source, row.target, 3)
    groups = page["parts_of"](model, clean)
    assert list(groups) == ["heads from layer 0", "heads from layer 1", "MLPs", "embedding"]
    v = page["every_set"](Replay(model, changed, read), groups)
    np.testing.assert_allclose(v[:, -1], Replay(model, clean, read).base[:, 0], atol=1e-4)
    np.testing.assert_allclose(v[:, 0], Replay(model, changed, read).base[:, 0], atol=1e-6)
