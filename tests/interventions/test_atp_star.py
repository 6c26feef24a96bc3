"""AtP*: against queries and keys patched in whole passes, frozen layers, saturated attention."""

from dataclasses import replace
from itertools import product

import models_kit as kit
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import helpers.models.scgpt_module as scgpt_module
from helpers.errors import ParameterError
from helpers.interventions import (
    Component,
    Replay,
    attribution,
    grad_drop,
    heads,
    knock_out,
    mlps,
    part_attribution,
    recorded,
    target_readout,
    with_part,
)
from helpers.interventions.edits import Edit
from helpers.interventions.effects import each
from helpers.interventions.inputs import only_at
from helpers.models.registered import IMPLEMENTATION
from helpers.models.scgpt_module import attend

FAMILIES = {"scgpt": kit.scgpt_adapter, "geneformer": kit.geneformer_adapter}


def runs(family, seed=0, double=False):
    """A random model, and one token of every cell without and with its input."""
    model = FAMILIES[family](seed)
    if family == "geneformer":
        model.module.set_attn_implementation(IMPLEMENTATION)
    if double:
        model.module.double()
    tokens = model.tokenise(kit.cells(6, seed))
    clean = model.collate(tokens, range(len(tokens)))
    if double and clean.values is not None:
        clean = replace(clean, values=clean.values.double())
    at = torch.full((len(clean.ids),), 2)
    changed = knock_out(model, clean, at)
    return model, clean, changed, target_readout(model, clean, at - 1)


def patched_in_a_whole_pass(model, clean, changed, readout, part, layer, head, where, monkeypatch):
    """What is read when one query, key or value is the clean one; scGPT alone, by its `attend`."""
    kept, mode = {}, ["keep"]

    def other(query, key, value, mask, scaling, n, module, dropout=0.0):
        given = [query, key, value]
        if mode[0] == "keep":
            kept[n] = [x.clone() for x in given]
        elif n == layer:
            i = ("query", "key", "value").index(part)
            x = given[i].clone()
            x[:, head][where] = kept[n][i][:, head][where]
            given[i] = x
        return attend(*given, mask, scaling, n, module, dropout)

    with monkeypatch.context() as patch, torch.no_grad():
        patch.setattr(scgpt_module, "attend", other)
        model.forward(clean)
        mode[0] = "write"
        return readout(model.forward(changed)).mean(1)


@pytest.mark.parametrize("part", ["query", "key", "value"])
def test_outputs_with_a_clean_part_are_that_part_patched(part, monkeypatch):
    model, clean, changed, readout = runs("scgpt")
    some = torch.rand(clean.ids.shape, generator=torch.Generator().manual_seed(1)) < 0.5
    replay = Replay(model, changed, readout)
    for where in (torch.ones_like(some), some):
        found = each(replay, with_part(model, clean, changed, part, where))
        for layer, head in ((1, 0), (1, 3), (2, 2)):
            about = part, layer, head, where, monkeypatch
            wanted = patched_in_a_whole_pass(model, clean, changed, readout, *about)
            wanted = (wanted - replay.base.mean(1)).double()
            row = found.loc[[Component("head", layer, head)]].iloc[0]
            np.testing.assert_allclose(row, wanted, atol=2e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_clean_queries_keys_and_values_of_bert_are_those_of_its_own_modules(family):
    """Geneformer by hooks on its linear maps; in both, nothing where nothing changed."""
    model, clean, changed, readout = runs(family)
    replay = Replay(model, clean, readout)
    for part in ("query", "key", "value"):
        same = each(replay, with_part(model, clean, clean, part))
        assert same.abs().to_numpy().max() < 1e-5
        assert part_attribution(replay, clean, part).abs().to_numpy().max() == 0
    if family == "scgpt":
        return
    replay, size = Replay(model, changed, readout), model.width // model.n_heads
    found = each(replay, with_part(model, clean, changed, "key"))
    for layer, head in ((1, 1), (2, 0)):
        module, kept = model.layers()[layer].attention.key, []
        hook = module.register_forward_hook(lambda _m, _x, y, kept=kept: kept.append(y))
        with torch.no_grad():
            model.forward(clean)
            hook.remove()

            def write(_m, _x, y, kept=kept, columns=slice(head * size, (head + 1) * size)):
                y = y.clone()
                y[..., columns] = kept[0][..., columns]
                return y

            hook = module.register_forward_hook(write)
            wanted = readout(model.forward(changed)).mean(1) - replay.base.mean(1)
            hook.remove()
        row = found.loc[[Component("head", layer, head)]].iloc[0]
        np.testing.assert_allclose(row, wanted.double(), atol=2e-6)


@pytest.mark.parametrize("part", ["query", "key", "value"])
def test_plain_attribution_of_parts_is_the_slope(part):
    model, clean, _, readout = runs("scgpt", double=True)
    step = torch.rand(clean.ids.shape, generator=torch.Generator().manual_seed(0)).double()
    near = replace(clean, values=clean.values + 1e-4 * step)
    replay = Replay(model, clean, readout)
    for where in (None, only_at(clean, torch.full((len(clean.ids),), 3))):
        exact = each(replay, with_part(model, near, clean, part, where)).to_numpy()
        guess = part_attribution(replay, near, part, where).to_numpy()
        assert np.abs(exact).max() > 1e-11
        np.testing.assert_allclose(guess, exact, atol=2e-3 * np.abs(exact).max())


def test_saturated_attention_has_no_slope_and_the_softmax_computed_again_has_the_effect():
    """Last layer sharpened: each token attends to one other; queries and keys decide which."""
    errors = []
    for seed, part in product(range(4), ("query", "key")):
        model, clean, changed, readout = runs("scgpt", seed)
        with torch.no_grad():
            last = model.module.transformer_encoder.layers[-1].self_attn
            last.in_proj_weight[: 2 * model.width] *= 8
        replay = Replay(model, changed, readout)
        values = with_part(model, clean, changed, part)
        exact = each(replay, values).to_numpy()[-model.n_heads :]
        mended = attribution(replay, values).to_numpy()[-model.n_heads :]
        plain = part_attribution(replay, clean, part).to_numpy()[-model.n_heads :]
        errors.append([np.abs(x - exact).sum() / np.abs(exact).sum() for x in (mended, plain)])
    mended, plain = np.median(errors, axis=0)
    assert mended < 0.5 * plain


@pytest.mark.parametrize("family", FAMILIES)
def test_dropped_slopes_are_those_of_models_with_a_layer_held_still(family):
    """Small steps, with attention and MLP of one layer held at what they were: the definition."""
    model, clean, _, readout = runs(family, double=True)
    replay = Replay(model, clean, readout)
    parts = [*heads(model), *mlps(model)]
    held = recorded(model, clean, parts)
    generator = torch.Generator().manual_seed(0)
    step = {c: torch.randn(x.shape, generator=generator, dtype=x.dtype) for c, x in held.items()}
    near = {c: x + 1e-6 * step[c] for c, x in held.items()}
    wanted = np.zeros((len(parts), len(clean.ids)))
    for layer in range(model.n_layers):
        still = {c: Edit(held[c]) for c in parts if c.layer == layer}
        for i, c in enumerate(parts):
            if c.layer != layer:
                said = replay(still | {c: Edit(near[c])}) - replay(still)
                wanted[i] += np.abs(said.mean(1).numpy()) / (model.n_layers - 1)
    found = grad_drop(replay, near).to_numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-3 * wanted.max())


def test_paths_that_cancel_are_seen_without_one_of_them():
    """A change across the slope: to first order nothing, though no single path is without it."""
    model, clean, _, readout = runs("geneformer", double=True)
    replay, one = Replay(model, clean, readout), Component("head", 0, 1)
    held = recorded(model, clean, [one])[one]
    leaf = held.clone().requires_grad_()
    with torch.enable_grad():
        z = torch.cat([replay.z(0)[..., : held.shape[-1]], leaf], dim=-1)
        z = torch.cat([z, replay.z(0)[..., 2 * held.shape[-1] :]], dim=-1)
        (slope,) = torch.autograd.grad(replay.from_heads(0, z).mean(1).sum(), leaf)
    step = torch.randn(held.shape, generator=torch.Generator().manual_seed(0), dtype=held.dtype)
    share = (step * slope).sum((1, 2), keepdim=True) / (slope**2).sum((1, 2), keepdim=True)
    values = {one: held + step - share * slope}
    nothing, seen = attribution(replay, values), grad_drop(replay, values)
    assert np.abs(nothing.to_numpy()).max() < 1e-9 < 1e3 * np.abs(nothing).to_numpy().max() + 1
    assert seen.to_numpy().min() > 1e-6
    assert np.abs(each(replay, values).to_numpy()).max() > 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_ranks_are_those_of_exact_patching_in_small_models(family):
    model, clean, changed, readout = runs(family, 3)
    replay = Replay(model, changed, readout)
    for kind in ("output", "query", "key"):
        if kind == "output":
            values = recorded(model, clean, [*heads(model), *mlps(model)])
        else:
            values = with_part(model, clean, changed, kind)
        exact = each(replay, values).abs().mean(axis=1)
        for guess in (attribution(replay, values), grad_drop(replay, values)):
            assert spearmanr(exact, guess.abs().mean(axis=1)).statistic > 0.6


def test_what_cannot_be_corrected_is_refused():
    model, clean, changed, readout = runs("scgpt")
    with pytest.raises(ParameterError, match="one of query, key, value"):
        with_part(model, clean, changed, "softmax")
    with pytest.raises(ParameterError, match="one of query, key, value"):
        part_attribution(Replay(model, changed, readout), clean, "softmax")
    with pytest.raises(ParameterError, match="heads and MLPs"):
        grad_drop(Replay(model, changed, readout), {Component("residual", 0): 0.0})
    model.module.transformer_encoder.layers = model.module.transformer_encoder.layers[:1]
    with pytest.raises(ParameterError, match="only layer"):
        grad_drop(Replay(model, changed, readout), {Component("head", 0, 0): 0.0})
