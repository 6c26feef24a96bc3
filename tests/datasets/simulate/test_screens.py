"""Screens with known reasons: published labels find abundant genes, true targets do not."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from helpers.datasets.simulate.screens import SCREENS, screen_world
from helpers.errors import ParameterError

SMALL = {"n_genes": 300, "n_controls": 400, "n_perturbations": 6, "n_targets": 30}


@pytest.mark.parametrize("name", SCREENS)
def test_targets_change_and_others_do_not(name):
    screen = screen_world(name, 1, n_cells=400, **SMALL)
    means = screen.controls.mean(axis=0)
    for cells, targets in zip(screen.perturbed, screen.targets, strict=True):
        ratio = cells.sum(axis=0) / np.maximum(screen.controls.sum(axis=0), 1)
        others = np.setdiff1d(np.flatnonzero(means > 0.5), targets)
        seen = targets[means[targets] > 0.5]
        assert np.median(ratio[others]) == pytest.approx(1, abs=0.1)
        assert np.median(ratio[seen]) == pytest.approx(0.5, abs=0.1)
    assert all(k not in targets for k, targets in enumerate(screen.targets))


def test_edges_know_what_their_world_says():
    auroc = {}
    for name in SCREENS:
        screen = screen_world(name, 2, n_cells=20, **SMALL)
        labels = np.zeros(screen.edges.shape, bool)
        for row, targets in zip(labels, screen.targets, strict=True):
            row[targets] = True
        auroc[name] = roc_auc_score(labels.ravel(), screen.edges.ravel())
    assert auroc["edge-only"] > 0.95 and auroc["pleiotropic"] > 0.9
    assert abs(auroc["redundant"] - 0.5) < 0.06 and abs(auroc["random-targets"] - 0.5) < 0.06


def test_the_same_seed_gives_the_same_screen():
    one, two = (screen_world("edge-only", 3, n_cells=10, **SMALL) for _ in range(2))
    assert (one.controls == two.controls).all() and (one.edges == two.edges).all()


def test_bad_names_and_sizes_are_refused():
    with pytest.raises(ParameterError, match="no screen 'x'"):
        screen_world("x", 0)
    with pytest.raises(ParameterError, match="too few genes"):
        screen_world("redundant", 0, n_genes=20)
