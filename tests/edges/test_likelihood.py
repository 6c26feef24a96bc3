"""CLR by hand, its invariance, and what it refuses."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from helpers.edges.likelihood import clr_edges
from helpers.errors import DataError


def test_clr_by_hand_and_what_it_refuses():
    rng = np.random.default_rng(0)
    M = rng.random((9, 9))
    M = M + M.T
    axes = {"source": list("abcdefghi"), "target": list("abcdefghi")}
    score = xr.DataArray(M, axes, ("source", "target"))
    found = clr_edges(score).values
    for i, j in ((0, 1), (3, 7)):
        order = {g: np.r_[M[i, j], np.delete(M[g], sorted({g, i + j - g}))] for g in (i, j)}
        z = [stats.zscore(values, ddof=1)[0] for values in order.values()]
        assert found[i, j] == pytest.approx(np.hypot(*np.maximum(z, 0)))
    assert np.allclose(found, clr_edges(3 * score + 5).values), "units do not matter"
    flat = clr_edges(score.copy(data=np.ones((9, 9))))
    assert (flat.values == 0).all()
    for bad in (score.copy(data=rng.random((9, 9))), score.isel(target=slice(2, 9))):
        with pytest.raises(DataError):
            clr_edges(bad)
