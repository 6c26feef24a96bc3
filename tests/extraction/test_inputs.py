"""Inputs of models: embeddings, and gradients of predictions with respect to what is shown."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from extraction_models import FAMILIES, GENES, build, cells

from helpers.errors import ModelError, ParameterError
from helpers.extraction.inputs import input_gradients, only_genes, token_embeddings

AXIS = GENES[1:13]


@pytest.fixture(scope="module", params=FAMILIES)
def model(request, tmp_path_factory):
    adapter = build(request.param, tmp_path_factory.mktemp("model"), torch.float64)
    return adapter, adapter.tokenise(cells(7))


def prediction(adapter, batch, place, shown, value):
    """The prediction of the gene at `place` when what is shown at `shown` is changed."""
    with torch.no_grad():
        if adapter.family == "scgpt":
            values = batch.values.clone()
            values[0, place], values[0, shown] = adapter.config.mask_value, value
            return float(adapter.forward(replace(batch, values=values)).prediction[0, place])
        ids = batch.ids.clone()
        ids[0, place] = adapter.dictionaries.tokens["<mask>"]
        table = adapter.module.get_input_embeddings()

        def scaled(_module, _inputs, output):
            output = output.clone()
            output[0, shown] *= value
            return output

        handle = table.register_forward_hook(scaled)
        logits = adapter.forward(replace(batch, ids=ids)).prediction[0, place]
        handle.remove()
        return float(logits[batch.ids[0, place]])


def test_gradients_are_the_slopes_of_single_predictions(model):
    """Each cell hides one gene; central differences give the same, gene by gene."""
    adapter, tokens = model
    found = input_gradients(adapter, tokens, AXIS, n_hidden=1, batch_size=3)
    expected, step, checked = np.zeros(found["sum"].shape), 1e-4, 0
    count = np.zeros(found["sum"].shape)
    rng, turns = np.random.default_rng(0), np.zeros(len(AXIS) + 1)
    from helpers.extraction.inputs import _hidden  # which gene a cell hides is not tested here

    for row in range(len(tokens)):
        batch = adapter.collate(tokens, [row])
        names = [GENES[g] if g >= 0 else "" for g in tokens.genes[row]]
        at = np.array([AXIS.index(n) if n in AXIS else len(AXIS) for n in names])
        (place,) = _hidden(at, 1, turns, rng)
        for shown in np.flatnonzero(at < len(AXIS)):
            if place < 0 or shown == place:
                continue
            middle = float(batch.values[0, shown]) if batch.values is not None else 1.0
            ends = [prediction(adapter, batch, place, shown, middle + s) for s in (step, -step)]
            expected[at[place], at[shown]] += (ends[0] - ends[1]) / (2 * step)
            count[at[place], at[shown]] += 1
            checked += 1
    assert checked > 20
    np.testing.assert_array_equal(found["count"], count)
    np.testing.assert_allclose(found["sum"], expected, rtol=1e-4, atol=1e-6)


def test_cells_hidden_together_do_not_meet(model):
    """Nothing depends on how many cells share a batch."""
    adapter, tokens = model
    one, many = (input_gradients(adapter, tokens, AXIS, n_hidden=3, batch_size=b) for b in (1, 7))
    np.testing.assert_array_equal(one["count"], many["count"])
    np.testing.assert_allclose(one["sum"], many["sum"], atol=1e-9)
    assert np.diag(one["count"]).sum() == 0  # a hidden gene is not shown


def test_a_gene_that_is_hidden_beside_another_is_not_counted(model):
    adapter, tokens = model
    found = input_gradients(adapter, tokens, AXIS, n_hidden=4, batch_size=7)
    on_axis = [int(np.isin(np.asarray(GENES)[g[g >= 0]], AXIS).sum()) for g in tokens.genes]
    pairs = sum(min(4, n - 1) * (n - min(4, n - 1)) for n in on_axis if n > 1)
    assert int(found["count"].sum()) == pairs
    assert np.isfinite(found["sum"]).all()
    assert all(p.grad is None for p in adapter.module.parameters())


def test_parts_of_cells_keep_values_and_order(model):
    _, tokens = model
    part = only_genes(tokens, AXIS)
    for row, genes in enumerate(part.genes):
        assert {GENES[g] for g in genes if g >= 0} <= set(AXIS)
        kept = np.isin(tokens.genes[row], [-1, *(GENES.index(n) for n in AXIS)])
        np.testing.assert_array_equal(part.ids[row], tokens.ids[row][kept])
        if part.values is not None:
            np.testing.assert_array_equal(part.values[row], tokens.values[row][kept])


def test_embeddings_are_the_rows_of_the_table(model):
    adapter, tokens = model
    found = token_embeddings(adapter, tokens, AXIS)
    if adapter.family == "scgpt":
        ids = [adapter.vocabulary[name] for name in AXIS]
        encoder = adapter.module.encoder
        expected = encoder.enc_norm(encoder.embedding.weight[ids])
    else:
        ids = [adapter.dictionaries.tokens[name] for name in AXIS]
        expected = adapter.module.bert.embeddings.word_embeddings.weight[ids]
    np.testing.assert_allclose(found, expected.detach().numpy())
    with pytest.raises(ParameterError, match="occur in no cell"):
        token_embeddings(adapter, tokens, GENES[:3])


def test_what_cannot_be_had_is_refused(model):
    adapter, tokens = model
    with pytest.raises(ParameterError, match="hide at least one"):
        input_gradients(adapter, tokens, AXIS, n_hidden=0)
    if adapter.family == "scgpt":
        config = replace(adapter.config, input_emb_style="category")
        adapter = replace(adapter)
        adapter.module.config, kept = config, adapter.module.config
        with pytest.raises(ModelError, match="read as numbers"):
            input_gradients(adapter, tokens, AXIS)
        adapter.module.config = kept
