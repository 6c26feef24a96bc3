"""Interventions against whole passes with plain hooks, closed forms, and a circuit set by hand."""

from __future__ import annotations

from itertools import permutations

import models_kit as kit
import numpy as np
import pytest
import torch
from hand_set_models import GENES, HEAD, MLP, hand_set, some_cells, some_network

from helpers.datasets.simulate import control_world, training_world
from helpers.errors import DataError, ParameterError
from helpers.estimates import NotEstimable
from helpers.interventions import (
    Component,
    KnockOuts,
    Replay,
    ablate,
    all_sets,
    attribution,
    heads,
    hide_tokens,
    intervene,
    knock_out,
    mlps,
    places_of,
    reaches,
    recorded,
    replacement,
    restore,
    sampled_shares,
    screened,
    share_of_total,
    target_readout,
    traced,
)
from helpers.interventions.edits import Edit
from helpers.interventions.effects import each
from helpers.interventions.inputs import only_at
from helpers.interventions.readouts import Readout
from helpers.models.attention import full_attention, tapping
from helpers.models.load import load_model
from helpers.statistics import set_functions as sets

FAMILIES = {"scgpt": kit.scgpt_adapter, "geneformer": kit.geneformer_adapter}
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def small(family: str, seed: int = 0):
    """A random model, cells of unequal length, and two tokens of each that are read."""
    model = FAMILIES[family](seed)
    tokens = model.tokenise(kit.cells(7, seed))
    batch = model.collate(tokens, range(len(tokens)))
    places = torch.tensor([[1, 4]]).repeat(len(batch.ids), 1)
    return model, batch, target_readout(model, batch, places)


def parts_of(model) -> list[Component]:
    residuals = [Component("residual", layer) for layer in range(-1, model.n_layers)]
    return [*heads(model), *mlps(model), *residuals]


@pytest.fixture(scope="module", params=FAMILIES)
def case(request):
    return small(request.param)


def whole(model, batch, readout) -> torch.Tensor:
    with torch.no_grad():
        return readout(model.forward(batch))


def by_plain_hooks(model, batch, readout, edits) -> torch.Tensor:
    """Write cell by cell and token by token in a whole pass; nothing of the package is used."""
    handles, size = [], model.width // model.n_heads

    def write(state, component, edit):
        state = state.clone()
        first = 0 if component.head is None else component.head * size
        last = state.shape[-1] if component.head is None else first + size
        for cell in range(state.shape[0]):
            for token in range(state.shape[1]):
                if edit.where[cell, token]:
                    state[cell, token, first:last] = edit.value[cell, token]
        return state

    for c, edit in edits.items():
        part = model.layers()[max(c.layer, 0)]
        if c.place == "head" or c.layer < 0:
            module = part.projection if c.place == "head" else part.block
            handles.append(
                module.register_forward_pre_hook(
                    lambda _m, x, c=c, e=edit: (write(x[0], c, e), *x[1:])
                )
            )
        else:
            module = part.mlp_out if c.place == "mlp" else part.block
            handles.append(
                module.register_forward_hook(lambda _m, _x, y, c=c, e=edit: write(y, c, e))
            )
    try:
        with torch.no_grad():
            said = model.forward(batch).prediction
    finally:
        for handle in handles:
            handle.remove()
    rows = []
    for cell in range(len(batch.ids)):
        at = said[cell, readout.places[cell]]
        rows.append(
            at if readout.words is None else at.gather(1, readout.words[cell, :, None])[:, 0]
        )
    return torch.stack(rows)


@pytest.mark.parametrize("number", range(20))
@pytest.mark.parametrize("family", FAMILIES)
def test_equal_to_plain_forward_hooks(family, number):
    model, batch, readout = small(family, number)
    rng = np.random.default_rng(number)
    pool = parts_of(model)
    chosen = [pool[i] for i in rng.permutation(len(pool))[: 1 + number % 3]]
    generator = torch.Generator().manual_seed(number)
    edits = {}
    for c in chosen:
        size = model.width // (model.n_heads if c.place == "head" else 1)
        shape = (*batch.ids.shape, size)
        where = torch.rand(batch.ids.shape, generator=generator) < 0.5
        edits[c] = Edit(torch.randn(shape, generator=generator), where)
    wanted = by_plain_hooks(model, batch, readout, edits)
    assert not torch.allclose(wanted, whole(model, batch, readout), **CLOSE)
    with intervene(model, edits):
        torch.testing.assert_close(whole(model, batch, readout), wanted, **CLOSE)
    for prune in (True, False):
        found = Replay(model, batch, readout, prune=prune)(edits)
        torch.testing.assert_close(found, wanted, **CLOSE)


def test_nothing_patched_changes_nothing(case):
    model, batch, readout = case
    before = whole(model, batch, readout)
    held = recorded(model, batch, parts_of(model))
    for c, value in held.items():
        with intervene(model, {c: value}):
            torch.testing.assert_close(whole(model, batch, readout), before, atol=1e-6, rtol=0)
    replay = Replay(model, batch, readout, prune=False)
    for c, value in held.items():
        assert torch.equal(replay({c: value}), before), "without pruning to the last bit"
    torch.testing.assert_close(Replay(model, batch, readout)({}), before, atol=1e-6, rtol=0)
    assert torch.equal(whole(model, batch, readout), before), "and the hooks are gone"


def test_everything_patched_is_the_clean_run(case):
    model, clean, _ = case
    target = torch.ones(len(clean.ids), dtype=torch.long)
    readout = target_readout(model, clean, target)
    changed = knock_out(model, clean, target + 1)
    before = whole(model, clean, readout)
    total = before - whole(model, changed, readout)
    assert total.abs().max() > 1e-4
    replay = Replay(model, changed, readout)
    for layer in range(-1, model.n_layers):
        c = Component("residual", layer)
        found = replay(recorded(model, clean, [c]))
        torch.testing.assert_close(found, before, **CLOSE)
    every = [*heads(model), *mlps(model), Component("residual", -1)]
    torch.testing.assert_close(replay(recorded(model, clean, every)), before, **CLOSE)


def test_heads_sum_to_the_attention_output(case):
    model, batch, _ = case
    outputs = {}
    for layer, part in enumerate(model.layers()):
        hook = part.projection.register_forward_hook(
            lambda _m, _x, y, layer=layer: outputs.__setitem__(layer, y)
        )
        with torch.no_grad():
            model.forward(batch)
        hook.remove()
        held = recorded(model, batch, [c for c in heads(model) if c.layer == layer])
        size = model.width // model.n_heads
        total = part.projection.bias.detach().clone()
        for c, z in held.items():
            columns = slice(c.head * size, (c.head + 1) * size)
            total = total + z @ part.projection.weight[:, columns].detach().T
        torch.testing.assert_close(total, outputs[layer], **CLOSE)


@pytest.mark.parametrize("how", ["zero", "mean", "resample"])
def test_batched_is_one_by_one(case, how):
    model, batch, readout = case
    where = only_at(batch, torch.full((len(batch.ids),), 2))
    components = [*heads(model), *mlps(model), Component("residual", 1)]
    for at in (None, where):
        tables = [
            ablate(
                model, batch, readout, components, how, at,
                torch.Generator().manual_seed(1), at_once=n,
            )
            for n in (1, 5)
        ]  # fmt: skip
        np.testing.assert_allclose(*(t.to_numpy() for t in tables), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_last_layer_at_the_source_is_a_structural_zero(family):
    model, batch, _ = small(family)
    source = torch.full((len(batch.ids),), 2)
    readout = target_readout(model, batch, source - 1)
    table = ablate(model, batch, readout, heads(model), where=only_at(batch, source))
    for c in heads(model):
        zero = bool((table.loc[[c]].to_numpy() == 0).all())
        # pruned arithmetic is compared with itself, so a structural zero is 0 or rounding
        size = np.abs(table.loc[[c]].to_numpy()).max()
        assert (size < 1e-6 or zero) == (not reaches(c, model.n_layers, "source"))
    assert not reaches(Component("head", 2, 0), 3, read="attention:2")
    assert reaches(Component("mlp", 1), 3, read="attention:2")


def planted(family: str, seed: int):
    """One copy of some cells for each edge whose two genes they hold: model, batch, TF, target."""
    network, adata = some_network(seed), some_cells(seed, 12)
    model = hand_set(family, network, GENES)
    tokens = model.tokenise(adata)
    pairs = [(GENES.index(s), GENES.index(t)) for s, t, _ in network.itertuples(index=False)]
    rows = [
        (row, *pair)
        for row in range(len(tokens))
        for pair in pairs
        if np.isin(pair, tokens.genes[row]).all()
    ]
    cells, tf, target = map(torch.tensor, zip(*rows, strict=True))
    batch = model.collate(tokens, cells.numpy())
    return model, batch, places_of(batch, tf), places_of(batch, target)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_circuit_set_by_hand_is_recovered(family):
    model, clean, tf, target = planted(family, 4)
    readout = target_readout(model, clean, target)
    components = [*heads(model), *mlps(model)]
    circuit = {Component("head", *HEAD), Component("mlp", MLP)}
    drops = ablate(model, clean, readout, components).abs().max(axis=1)
    assert set(drops.index[drops > 1e-2]) == circuit
    assert drops.drop(list(circuit)).max() < 1e-4
    changed = knock_out(model, clean, tf)  # a hidden TF's targets attend to <cls> instead
    restored, total = restore(model, clean, changed, readout, components)
    assert np.abs(total).max() > 0.1
    for c in circuit:
        np.testing.assert_allclose(restored.loc[[c]].iloc[0], total, atol=2e-3)
    assert restored.drop(list(circuit)).abs().to_numpy().max() < 1e-3
    at_target, _ = restore(model, clean, changed, readout, components, where=only_at(clean, target))
    np.testing.assert_allclose(at_target, restored, atol=1e-4)
    at_source, _ = restore(model, clean, changed, readout, components, where=only_at(clean, tf))
    assert at_source.abs().to_numpy().max() < 1e-4, "the path runs through the target's token"


@pytest.mark.parametrize("family", FAMILIES)
def test_attribution_is_the_slope(family):
    """A small step away from what each component holds, effects are its first-order ones."""
    model, batch, readout = small(family)
    model.module.double()
    replay = Replay(model, batch, readout)
    held = recorded(model, batch, [*heads(model), *mlps(model)])
    generator = torch.Generator().manual_seed(0)
    steps = {c: torch.randn(x.shape, generator=generator, dtype=x.dtype) for c, x in held.items()}
    near = {c: x + 1e-6 * steps[c] for c, x in held.items()}
    exact = each(replay, near)
    size = exact.abs().to_numpy().max()
    np.testing.assert_allclose(attribution(replay, near), exact, atol=1e-3 * size)
    where = only_at(batch, torch.full((len(batch.ids),), 2))
    np.testing.assert_allclose(
        attribution(replay, near, where), each(replay, near, where), atol=1e-3 * size
    )


def test_screening_judges_the_first_exactly(case):
    model, batch, readout = case
    replay = Replay(model, batch, readout)
    values = replacement(model, batch, [*heads(model), *mlps(model)], "mean")
    found = screened(replay, values, 4, np.random.default_rng(0))
    assert len(found.exact) == 8 and -1 <= found.agreement <= 1
    all_exact = each(replay, values)
    np.testing.assert_allclose(found.exact, all_exact.loc[found.exact.index], atol=1e-6)
    means = found.attribution.mean(axis=1).abs()
    assert set(found.exact.index[:4]) == set(means.nlargest(4).index)
    with pytest.raises(ParameterError, match="heads and MLPs"):
        attribution(replay, {Component("residual", 0): 0.0})


def test_sets_agree_with_single_components_and_orders(case):
    model, batch, readout = case
    replay = Replay(model, batch, readout)
    chosen = [Component("head", 0, 1), Component("mlp", 1), Component("head", 2, 3)]
    values = replacement(model, batch, chosen)
    v = all_sets(replay, values)
    alone = each(replay, values)
    np.testing.assert_allclose(sets.first_in(v), alone.T, atol=1e-5)
    phi = sets.shapley(v)
    np.testing.assert_allclose(phi.sum(1), v[:, -1] - v[:, 0], atol=1e-5)
    by_orders = np.zeros_like(phi)
    for order in permutations(range(3)):
        mask = 0
        for i in order:
            by_orders[:, i] += (v[:, mask | 1 << i] - v[:, mask]) / 6
            mask |= 1 << i
    np.testing.assert_allclose(phi, by_orders, atol=1e-6)
    drawn = sampled_shares(replay, values, 40, np.random.default_rng(0))
    assert (np.abs(drawn.value - phi.mean(0)) <= 4 * drawn.se + 1e-6).all()
    np.testing.assert_allclose(drawn.value.sum(), (v[:, -1] - v[:, 0]).mean(), atol=1e-5)
    with pytest.raises(ParameterError, match="at most 12"):
        all_sets(replay, dict.fromkeys([*heads(model), *mlps(model)], 0.0))


def test_replacements_keep_to_the_gene(case):
    model, batch, _ = case
    c = Component("head", 1, 2)
    held = recorded(model, batch, [c])[c]
    mean = replacement(model, batch, [c], "mean")[c]
    other = replacement(model, batch, [c], "resample", torch.Generator().manual_seed(0))[c]
    moved = 0
    for gene in batch.genes[batch.genes >= 0].unique():
        at = batch.genes == gene
        torch.testing.assert_close(mean[at], held[at].mean(0).expand_as(mean[at]), **CLOSE)
        before, after = (sorted(x[at][:, 0].tolist()) for x in (held, other))
        assert before == after, "a permutation among the cells that hold the gene"
        if at.sum() > 1:
            assert not (held[at] == other[at]).all(1).any(), "none keeps its own"
            moved += 1
    assert moved > 10
    with pytest.raises(ParameterError, match="draws at random"):
        replacement(model, batch, [c], "resample")
    with pytest.raises(ParameterError, match="one of zero, mean, resample"):
        replacement(model, batch, [c], "noise")


def test_input_changes(case):
    model, batch, _ = case
    gene = int(batch.genes[0, 2])
    places = places_of(batch, gene)
    assert places[0] == 2
    for cell, place in enumerate(places.tolist()):
        assert (place == -1) == (gene not in batch.genes[cell].tolist())
    out, hidden = knock_out(model, batch, places), hide_tokens(model, batch, places)
    for cell, place in enumerate(places.tolist()):
        for changed, value in ((out, 0.0), (hidden, -1.0)):
            differs = changed.ids[cell] != batch.ids[cell]
            if batch.values is not None:
                differs = changed.values[cell] != batch.values[cell]
                assert place < 0 or changed.values[cell, place] == value
            assert differs.nonzero().flatten().tolist() == ([place] if place >= 0 else [])
    down = knock_out(model, batch, places, keep=0.5)
    if batch.values is None:
        for one, two in zip(batch.genes, down.genes, strict=True):
            assert sorted(one.tolist()) == sorted(two.tolist())
        assert places_of(down, gene)[0] > 2
        readout = target_readout(model, batch, torch.ones(len(batch.ids), dtype=torch.long))
        with pytest.raises(ParameterError, match="other places"):
            restore(model, batch, down, readout, heads(model))
    else:
        assert down.values[0, 2] == 0.5 * batch.values[0, 2]
    with pytest.raises(ParameterError, match="share"):
        knock_out(model, batch, places, keep=1.0)
    with pytest.raises(ParameterError, match="lack their target"):
        target_readout(model, batch, torch.full((len(batch.ids),), -1))


def test_components_that_do_not_exist_are_refused(case):
    model, batch, readout = case
    for wrong in (
        Component("head", 0, 9), Component("head", 3, 0), Component("head", 0),
        Component("mlp", -1), Component("mlp", 0, 1), Component("block", 0),
    ):  # fmt: skip
        with pytest.raises(ParameterError, match="is no component"), intervene(model, {wrong: 0.0}):
            pass
    assert [str(Component(*c)) for c in [("head", 0, 1), ("mlp", 2), ("residual", -1)]] == [
        "L0H1", "L2 MLP", "embedding"
    ]  # fmt: skip
    assert isinstance(readout, Readout) and len(batch.ids) == 6


def test_shares_are_ratios_of_means():
    rng = np.random.default_rng(0)
    total = 1 + 0.3 * rng.normal(size=40)
    found = share_of_total(0.4 * total + 0.05 * rng.normal(size=40), total)
    assert found.low < 0.4 < found.high
    none = share_of_total(rng.normal(size=40), rng.normal(size=40) * 5)
    assert isinstance(none, NotEstimable)
    assert "3 needed" in str(share_of_total(total[:2], total[:2]))


def test_full_size_random_checkpoints():
    """A published depth and head count at small width: exact in few cells."""
    from helpers.models.scgpt import ScGPTAdapter
    from helpers.models.scgpt_module import ScGPT, ScGPTConfig

    torch.manual_seed(0)
    config = ScGPTConfig(n_tokens=43, width=64, n_heads=8, n_layers=12, d_hid=64, pad_id=40)
    model = ScGPTAdapter("deep", ScGPT(config).eval(), kit.VOCABULARY, {})
    tokens = model.tokenise(kit.cells(4))
    batch = model.collate(tokens, range(3))
    readout = target_readout(model, batch, torch.ones(3, dtype=torch.long))
    table = ablate(model, batch, readout, [*heads(model), *mlps(model)])
    assert table.shape == (108, 3)
    for c in [Component("head", 0, 0), Component("mlp", 6), Component("head", 11, 7)]:
        with intervene(model, {c: 0.0}):
            drop = whole(model, batch, readout)
        wanted = (whole(model, batch, readout) - drop)[:, 0]
        np.testing.assert_allclose(table.loc[[c]].iloc[0], wanted, atol=2e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_uniform_attention_is_the_mean_of_values(family):
    if family == "scgpt":
        model, adata = load_model("control-scgpt"), control_world(20).adata[:4].copy()
        tokens = model.tokenise(adata)
    else:
        model = load_model("geneformer-sim")
        tokens = model.tokenise(training_world().adata[:4].copy(), max_length=60)
    batch = model.collate(tokens, range(4))
    component = Component("head", 1, 2)
    (value,) = replacement(model, batch, [component], "uniform").values()
    seen = {}
    with torch.no_grad(), tapping(lambda n, q, k, v, m, *_: seen.setdefault(n, (k, v, m))):
        model.forward(batch)
    key, v, mask = seen[1]
    alike = full_attention(torch.zeros_like(key), key, mask, 1.0) @ v
    wanted = alike[:, 2]
    torch.testing.assert_close(value.expand_as(wanted), wanted, **CLOSE)
    readout = target_readout(model, batch, torch.ones(4, dtype=torch.long))
    assert ablate(model, batch, readout, [component], "uniform").shape == (1, 4)
    with pytest.raises(ParameterError, match="only heads attend"):
        replacement(model, batch, [Component("mlp", 0)], "uniform")


@pytest.mark.parametrize("family", FAMILIES)
def test_knock_outs_are_those_of_single_runs(family):
    """Each pair by itself: hide the same targets of a cell, knock one TF out, read one target."""
    network, adata = some_network(2), some_cells(2, 10)
    model = hand_set(family, network, GENES)
    tokens = model.tokenise(adata)
    tfs, targets = GENES[:4], GENES[4:]
    ko = KnockOuts(model, tokens, tfs, targets, 3, np.random.default_rng(0))
    places, totals, counts = ko.replay.readout.places, {}, {}
    for cell in range(ko.cells):
        row = int(np.flatnonzero(tokens.cells == ko.batch.cells[cell])[0])
        clean = model.collate(tokens, [row])
        batch, at = clean, places[cell : cell + 1]
        for j in range(3):
            batch = hide_tokens(model, batch, at[:, j])
        readout = target_readout(model, clean, at)
        for tf in range(4):
            place = places_of(batch, tf)
            if place < 0:
                continue
            gone = knock_out(model, batch, place)
            effect = whole(model, batch, readout) - whole(model, gone, readout)
            for j in range(3):
                pair = GENES[tf], GENES[int(clean.genes[0, at[0, j]])]
                totals[pair] = totals.get(pair, 0.0) + float(effect[0, j])
                counts[pair] = counts.get(pair, 0) + 1
    found = ko.effects()
    assert int(found.notnull().sum()) == len(totals) > 30
    for (tf, target), total in totals.items():
        assert float(found.sel(source=tf, target=target)) == pytest.approx(
            abs(total) / counts[tf, target], abs=1e-3
        )
    assert ko.count.sum() == sum(counts.values())
    alone = ko.in_cells()
    assert alone.sizes["cell"] == ko.cells == len(ko.rows)
    np.testing.assert_array_equal(alone.notnull().sum("cell").values, ko.count)
    of_cells = np.abs(alone.mean("cell")).values
    np.testing.assert_allclose(of_cells, found.sel(target=targets).values, atol=1e-9)
    with pytest.raises(DataError, match="hold 40 of 12 targets"):
        KnockOuts(model, tokens, tfs, targets, 40, np.random.default_rng(0))


@pytest.mark.parametrize("family", FAMILIES)
def test_traced_pairs_are_the_cells_that_hold_both_with_one_gene_hidden_and_one_knocked_out(family):
    model, adata = hand_set(family, some_network(2), GENES), some_cells(2, 20)
    tokens = model.tokenise(adata)
    a, b = GENES.index("TF1"), GENES.index("G3")
    both = [row for row, genes in enumerate(tokens.genes) if a in genes and b in genes]
    clean, changed, readout = traced(model, tokens, "TF1", "G3", most=4, skip=2)
    assert clean.cells.tolist() == tokens.cells[both[2:6]].tolist()
    plain = model.collate(tokens, both[2:6])
    at = places_of(plain, b)
    hidden = hide_tokens(model, plain, at)
    gone = knock_out(model, hidden, places_of(plain, a))
    for one, other in ((clean, hidden), (changed, gone)):
        assert torch.equal(one.ids, other.ids)
        assert one.values is None or torch.equal(one.values, other.values)
    assert torch.equal(readout.places, at[:, None])
    with pytest.raises(DataError, match="hold TF1 and G3; more than"):
        traced(model, tokens, "TF1", "G3", skip=len(both))
