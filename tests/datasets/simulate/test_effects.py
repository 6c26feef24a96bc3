"""Worlds of effects: each holds what it says."""

import numpy as np
import pytest

from helpers.datasets.simulate.effects import EFFECT_WORLDS, effect_world
from helpers.errors import ParameterError


def drawn(name, shape=(200, 100)):
    return effect_world(name, *shape, np.random.default_rng(4))


@pytest.mark.parametrize("name", EFFECT_WORLDS)
def test_every_world_has_its_size(name):
    w = drawn(name, (3, 4))
    assert w.predicted.shape == w.measured.shape == (3, 4)
    assert w.baseline.shape == (4,)


def test_worlds_hold_what_they_say():
    w = drawn("true-effects")
    assert np.corrcoef(w.predicted.ravel(), w.measured.ravel())[0, 1] == pytest.approx(
        0.5, abs=0.02
    )
    w = drawn("baseline-only")
    sizes = np.corrcoef(np.log(np.abs([w.predicted, w.measured]).mean(axis=1)))
    assert sizes[0, 1] > 0.9
    assert abs(np.corrcoef(w.predicted.ravel(), w.measured.ravel())[0, 1]) < 0.05
    for name, axis in (("tf-clustered", 1), ("gene-clustered", 0)):
        w = drawn(name)
        assert w.measured.mean(axis=axis).var() == pytest.approx(1, abs=0.35)
        assert w.measured.mean(axis=1 - axis).var() < 0.05
    w = drawn("decreases")
    assert (w.measured < 0).mean() == pytest.approx(0.7, abs=0.01)
    assert (w.predicted < 0).all()
    with pytest.raises(ParameterError, match="no world"):
        drawn("other")
