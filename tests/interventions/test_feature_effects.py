"""Features taken out of a closed-form network and of models, against whole passes by hand."""

import models_kit as kit
import numpy as np
import pytest
import torch

from helpers.interventions import Component, recorded
from helpers.interventions.dictionaries import Dictionary
from helpers.interventions.feature_effects import feature_effects, rerun


def orthonormal(n, width, k, seed=0):
    g = torch.Generator().manual_seed(seed)
    rows = torch.linalg.qr(torch.randn(width, width, generator=g))[0][:n]
    zero = torch.zeros(width)
    return Dictionary(rows, torch.full((n,), -0.01), rows, zero, zero, k)


def test_a_linear_network_gives_its_weights():
    source, later = orthonormal(4, 8, 4, 1), orthonormal(5, 8, 5, 2)
    weights = torch.randn(4, 5, generator=torch.Generator().manual_seed(3))
    g = torch.Generator().manual_seed(4)
    states = (
        torch.rand(6, 7, 4, generator=g) * (torch.rand(6, 7, 4, generator=g) < 0.5)
    ) @ source.decoder
    tokens = torch.ones(6, 7, dtype=torch.bool)
    tokens[:, -1] = False

    def run(x):
        return {2: (x @ source.decoder.T @ weights) @ later.decoder + 1.0}

    found = feature_effects(run, states, source, {2: later}, range(4), tokens)
    code = source.code(states)
    for s in range(4):
        here = (code[..., s] > 0) & tokens
        np.testing.assert_array_equal(found.active[s], here.any(1))
        size = code[..., s][here].mean()
        assert found.size[s] == pytest.approx(float(size), rel=1e-5)
        expected = -(size * weights[s]) @ later.decoder
        np.testing.assert_allclose(found.state[2][s], expected, atol=1e-5)
        cell = int(here.any(1).nonzero()[0])
        mean = code[cell, :, s][here[cell]].mean()
        np.testing.assert_allclose(found.before[2][s, cell], -mean * weights[s], atol=1e-5)


def test_a_feature_that_is_never_active_changes_nothing():
    source = orthonormal(3, 6, 3)
    silent = Dictionary(source.encoder, torch.full((3,), -99.0), *_rest(source))
    states = torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(0))
    found = feature_effects(
        lambda x: {1: x}, states, silent, {1: source}, [0, 2], torch.ones(4, 5, dtype=torch.bool)
    )
    assert not found.active.any() and not found.size.any()
    assert not found.code[1].any() and not found.state[1].any()


def _rest(one):
    return one.decoder, one.centre, one.offset, one.k


def test_a_direction_of_the_same_size_is_written_in_the_place_of_the_feature():
    source = orthonormal(3, 6, 3)
    states = torch.rand(4, 5, 3, generator=torch.Generator().manual_seed(0)) @ source.decoder
    other = torch.eye(6)[:1]
    about = lambda x: {1: x}, states, source, {1: source}, [1], torch.ones(4, 5, dtype=torch.bool)
    own, control = feature_effects(*about), feature_effects(*about, other)
    np.testing.assert_allclose(own.size, control.size)
    np.testing.assert_allclose(control.state[1][0], -control.size[0] * other[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(own.state[1][0], -own.size[0] * source.decoder[1].numpy(), atol=1e-5)


@pytest.mark.parametrize("family", [kit.scgpt_adapter, kit.geneformer_adapter])
def test_rerun_is_the_model_itself_with_one_state_replaced(family):
    model = family(0)
    tokens = model.tokenise(kit.cells(5, 0))
    batch = model.collate(tokens, range(len(tokens)))
    first, last = (Component("residual", n) for n in (0, model.n_layers - 1))
    clean = recorded(model, batch, [first, last])
    run = rerun(model, batch, 0, [last.layer])
    torch.testing.assert_close(run(clean[first])[last.layer], clean[last])
    moved = clean[first] + 0.5

    def replace(_module, _inputs, _output):
        return moved

    handle = model.layers()[0].block.register_forward_hook(replace)
    expected = recorded(model, batch, [last])[last]
    handle.remove()
    torch.testing.assert_close(run(moved)[last.layer], expected)
