"""The hand-set control: attention is the planted path, and without it the effect is gone."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch
from hand_set_models import (
    GENES,
    HEAD,
    MLP,
    N_HEADS,
    N_LAYERS,
    hand_set,
    some_cells,
    some_network,
)

from helpers.datasets.simulate import control_world
from helpers.errors import ModelError
from helpers.models.attention import full_attention, tapping
from helpers.models.geneformer import save_geneformer
from helpers.models.load import load_model
from helpers.models.scgpt import save_scgpt

FAMILIES = ("scgpt", "geneformer")


def read(model, adata):
    """Return the batch, the attention maps of all layers, and the prediction."""
    tokens = model.tokenise(adata)
    batch = model.collate(tokens, range(len(tokens)))
    maps = []

    def tap(layer, query, key, value, mask, scaling, module):
        maps.append(full_attention(query, key, mask, scaling))

    with torch.no_grad(), tapping(tap):
        output = model.forward(batch)
        return batch, maps, output.prediction


def tokens_with_their_tf(batch, network):
    """Yield (cell, place, gene, sign, place of its TF or None); sign 0 where the gene has no TF."""
    edges = {t: (s, np.sign(w)) for s, t, w in network.itertuples(index=False)}
    for cell, genes in enumerate(batch.genes.numpy()):
        place_of = {GENES[g]: place for place, g in enumerate(genes) if g >= 0}
        for place in np.flatnonzero(~batch.padding[cell].numpy()):
            gene = GENES[genes[place]] if genes[place] >= 0 else "<special>"
            tf, sign = edges.get(gene, ("", 0))
            yield cell, place, gene, sign, place_of.get(tf)


@contextmanager
def without(parameter: torch.Tensor, rows: slice | None = None):
    """Set a parameter, or some columns of it, to 0 inside the block."""
    before = parameter.detach().clone()
    with torch.no_grad():
        parameter[(...,) if rows is None else (slice(None), rows)] = 0.0
        yield
        parameter.copy_(before)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("family", FAMILIES)
def test_the_head_attends_to_the_tf_and_to_nothing_else(family, seed):
    network = some_network(seed)
    model = hand_set(family, network, GENES)
    batch, maps, _ = read(model, some_cells(seed))
    weights = maps[HEAD[0]][:, HEAD[1]].numpy()
    regulated = 0
    for cell, place, _, _, tf in tokens_with_their_tf(batch, network):
        wanted = np.zeros(weights.shape[-1])
        wanted[0 if tf is None else tf] = 1.0  # <cls> stands first
        assert (weights[cell, place] == wanted).all()
        regulated += tf is not None
    assert regulated > 100


@pytest.mark.parametrize("seed", range(5))
def test_scgpt_predicts_the_bin_of_the_tf_or_its_mirror_image(seed):
    network = some_network(seed)
    model = hand_set("scgpt", network, GENES)
    batch, _, prediction = read(model, some_cells(seed))
    for cell, place, _, sign, tf in tokens_with_their_tf(batch, network):
        v = 0.0 if tf is None else float(batch.values[cell, tf])
        wanted = {1: v, -1: 51 - v, 0: 0.0}[int(sign)]
        assert float(prediction[cell, place]) == pytest.approx(wanted, abs=1e-3)


def test_geneformer_logits_follow_the_rank_of_the_tf():
    network = some_network(0)
    model = hand_set("geneformer", network, GENES)
    batch, _, logits = read(model, some_cells(0, 200))
    seen = {}
    for cell, place, gene, sign, tf in tokens_with_their_tf(batch, network):
        own = model.dictionaries.tokens.get(gene)
        if sign and tf is not None:
            seen.setdefault(sign, []).append((tf, float(logits[cell, place, own])))
            others = torch.cat([logits[cell, place, :own], logits[cell, place, own + 1 :]])
        else:
            others = logits[cell, place]
            if sign:
                continue
        assert others.abs().max() < 1e-5
    for sign, pairs in seen.items():
        # place 1 is the highest expressed gene: a later place is a lower expression
        rank, logit = np.array(sorted(pairs)).T
        assert len(pairs) > 100
        assert (np.diff(logit) * sign <= 1e-5).all()
        assert np.ptp(logit[rank == rank[0]]) < 1e-5, "the same rank gives the same logit"
        assert np.ptp(logit) > 0.5


@pytest.mark.parametrize("part", ["head", "mlp"])
@pytest.mark.parametrize("family", FAMILIES)
def test_without_the_head_or_the_mlp_targets_do_not_follow_their_tf(family, part):
    network = some_network(3)
    model = hand_set(family, network, GENES)
    adata = some_cells(3, 100)
    size = model.width // N_HEADS
    layers = model.layers()
    if part == "head":
        columns = slice(HEAD[1] * size, (HEAD[1] + 1) * size)
        removal = without(layers[HEAD[0]].projection.weight, columns)
    else:
        removal = without(layers[MLP].mlp_out.weight)

    def spread() -> float:
        """Largest SD over cells of what the model says of a target whose TF is there."""
        batch, _, prediction = read(model, adata)
        said = {}
        for cell, place, gene, sign, tf in tokens_with_their_tf(batch, network):
            if sign and tf is not None:
                at = prediction[cell, place]
                own = at if family == "scgpt" else at[model.dictionaries.tokens[gene]]
                said.setdefault(gene, []).append(float(own))
        return max(np.std(values) for values in said.values())

    whole = spread()
    with removal:
        assert spread() < 1e-3 * whole
    assert spread() == whole


@pytest.mark.parametrize("family", FAMILIES)
def test_all_other_heads_and_mlps_add_nothing(family):
    network = some_network(1)
    model = hand_set(family, network, GENES)
    _, _, before = read(model, some_cells(1))
    size = model.width // N_HEADS
    for layer, parts in enumerate(model.layers()):
        for head in range(N_HEADS):
            if (layer, head) != HEAD:
                with without(parts.projection.weight, slice(head * size, (head + 1) * size)):
                    assert torch.equal(read(model, some_cells(1))[2], before)
        if layer != MLP:
            with without(parts.mlp_out.weight):
                assert torch.equal(read(model, some_cells(1))[2], before)
    assert len(model.layers()) == N_LAYERS


@pytest.mark.parametrize(
    ("family", "save"), [("scgpt", save_scgpt), ("geneformer", save_geneformer)]
)
def test_it_is_saved_and_loaded_in_the_published_layout(family, save, tmp_path):
    model = hand_set(family, some_network(2), GENES)
    save(model, tmp_path)
    again = load_model(f"{family}:{tmp_path}")
    assert torch.equal(read(again, some_cells(2))[2], read(model, some_cells(2))[2])


@pytest.mark.parametrize("family", FAMILIES)
def test_it_takes_the_strongest_tf_of_every_gene_of_the_control_world(family):
    made = control_world(20)
    order = made.network["weight"].abs().sort_values(kind="stable").index[::-1]
    strongest = made.network.loc[order].drop_duplicates("target")
    model = hand_set(family, strongest, list(made.genes))
    batch, maps, _ = read(model, made.adata)
    tf_of = dict(zip(strongest["target"], strongest["source"], strict=True))
    genes = batch.genes[0].numpy()
    weights = maps[HEAD[0]][0, HEAD[1]].numpy()
    for place in np.flatnonzero(genes >= 0):
        name = made.genes[genes[place]]
        key = genes[weights[place].argmax()]
        assert weights[place].max() == 1.0
        assert key == -1 if name not in tf_of else made.genes[key] == tf_of[name]


def test_networks_it_cannot_be_set_to_are_refused():
    network = some_network(0)
    with pytest.raises(ModelError, match="not among the genes"):
        hand_set("scgpt", network, GENES[:-6])
    twice = pd.concat([network, network.iloc[:1]])
    with pytest.raises(ModelError, match="one TF for each target"):
        hand_set("scgpt", twice, GENES)
    with pytest.raises(ModelError, match="no TF may be a target"):
        hand_set("scgpt", network.assign(target=["TF0", *network["target"][1:]]), GENES)
    with pytest.raises(ModelError, match="only scgpt and geneformer"):
        hand_set("esm", network, GENES)
