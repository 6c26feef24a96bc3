"""Page 28: its functions, on worlds whose answer is planted."""

import numpy as np
import pytest

from helpers.datasets.simulate import WORLDS
from helpers.evaluation.donors import edge_correlations
from bookkit.page_functions import definitions

NAME = "28_leakage"
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("world", ["no-donor-effect", "donor-shift", "donor-rewiring"])
def test_worlds_give_what_was_planted(world):
    rejected = dict.fromkeys(WORLDS[world].expect, 0)
    for seed in range(3):
        page = definitions(NAME, draws=39, seed=seed)
        found, _, _ = page["leakage_tests"](page["cells_of"](world))
        for number in rejected:
            rejected[number] += found[number].p <= 0.05
    for number, promise in WORLDS[world].expect.items():
        assert rejected[number] == 3 if promise == "reject" else rejected[number] <= 1, rejected


def test_the_plain_correlation_is_the_fast_one():
    page = definitions(NAME, world_cells=500)
    cells = page["cells_of"]("donor-shift")
    rows = np.arange(0, len(cells.x), 2)
    plain = [page["correlation_of"](cells, edge, rows) for edge in range(20)]
    assert edge_correlations(cells, rows)[:20] == pytest.approx(plain)


def test_the_units_are_what_was_permuted():
    page = definitions(NAME, draws=19, world_cells=500)
    cells = page["cells_of"]("no-donor-effect")
    found, scores, shares = page["leakage_tests"](cells)
    assert {n: (o.unit, o.n_units) for n, o in found.items()} == {
        "28.1": ("cell", len(cells.x)),
        "28.6": ("donor", cells.n_donors),
        "28.7": ("cell", len(cells.x)),
        "28.9": ("cell", len(cells.x)),
    }
    assert list(scores["features"]) == ["edges", "genes", "cell type"]
    assert list(shares.index) == ["observed", "expected"]
