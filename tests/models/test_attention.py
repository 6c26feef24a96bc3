"""A pass ends once the last wanted query and key were read, and nothing else changes by that."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from extraction_models import FAMILIES, TFS, build, cells

from helpers.extraction import extract
from helpers.models.attention import Enough, ending, tapping

QUIET = {"show_progress": False}


@pytest.fixture(params=FAMILIES)
def adapter(request, tmp_path):
    return build(request.param, tmp_path)


def calls_during(adapter, **choice):
    """Extract, and count the calls of each part of each layer."""
    calls, handles = [], []
    for layer, part in enumerate(adapter.layers()):
        for name in ("attention", "projection", "mlp_in", "mlp_out"):

            def note(*_, layer=layer, name=name):
                calls.append((layer, name))

            handles.append(getattr(part, name).register_forward_pre_hook(note))
    try:
        return extract(adapter, cells(7), sources=TFS, batch_size=7, **choice, **QUIET), calls
    finally:
        for handle in handles:
            handle.remove()


def test_what_follows_the_last_query_and_key_is_not_computed(adapter):
    names = ("attention", "projection", "mlp_in", "mlp_out")
    short, calls = calls_during(adapter)
    whole = [(layer, name) for layer in range(3) for name in names]
    assert calls == whole[: whole.index((2, "attention")) + 1]
    full, calls = calls_during(adapter, activations=("mlp",))
    assert calls == whole
    for name in short.data_vars:
        np.testing.assert_array_equal(short[name], full[name])


def test_the_model_is_whole_after_a_pass_that_ended_early(adapter):
    adata = cells(7)
    tokens = adapter.tokenise(adata)
    batch = adapter.collate(tokens, range(7))
    with torch.inference_mode():
        before = adapter.forward(batch)
        extract(adapter, adata, sources=TFS, **QUIET)
        after = adapter.forward(batch)
        assert torch.equal(before.hidden, after.hidden)
        assert torch.equal(before.prediction, after.prediction)


def test_an_outer_tap_still_sees_every_layer(adapter):
    seen = []
    with tapping(lambda layer, *_: seen.append(layer)):
        extract(adapter, cells(7), sources=TFS, batch_size=7, **QUIET)
    assert seen == [0, 1, 2]


def test_cells_without_a_source_are_counted_and_cost_one_layer(adapter):
    adata, seen = cells(7), []
    without = adata[np.asarray(adata[:, TFS[0]].X.todense()).ravel() == 0].copy()
    with tapping(lambda layer, *_: seen.append(layer)):
        found = extract(adapter, without, sources=[TFS[0]], batch_size=7, **QUIET)
    assert seen == [0]
    assert 0 < without.n_obs == int(found["n_cells"]) and int(found["cells"][0]) == 0
    assert float(found["sum"].sum()) == 0
    joined = extract(adapter, adata, sources=[TFS[0]], batch_size=1, **QUIET)
    xr.testing.assert_allclose(joined, extract(adapter, adata, sources=[TFS[0]], **QUIET))


def test_only_the_sign_to_end_is_caught():
    with ending():
        raise Enough
    with pytest.raises(RuntimeError, match="other"), ending():
        raise RuntimeError("other")
