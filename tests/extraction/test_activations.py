"""Activation sums and samples are the hidden states."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from extraction_models import GENES, TFS, build, cells

from helpers.extraction import extract, sample_activations

QUIET = {"show_progress": False}


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    return build("scgpt", tmp_path_factory.mktemp("model"))


def test_activation_sums_and_samples_are_the_hidden_states(adapter):
    adata = cells(5)
    tokens = adapter.tokenise(adata)
    found = extract(adapter, adata, sources=TFS, activations=("residual", "mlp", "z"), **QUIET)
    batch = adapter.collate(tokens, range(len(tokens)))
    with torch.no_grad():
        hidden = adapter.forward(batch).hidden.numpy()
    expected = np.zeros((len(found["target"]), adapter.width))
    for cell in range(len(tokens)):
        for place, gene in enumerate(batch.genes[cell].tolist()):
            if gene >= 0:
                expected[list(found["target"].values).index(GENES[gene])] += hidden[cell, place]
    np.testing.assert_allclose(found["sum_residual"][-1], expected, atol=1e-4)
    held = (adata.X.toarray() > 0).sum(axis=0)
    np.testing.assert_array_equal(found["tokens"], held[held > 0])
    assert found["sum_mlp"].shape == found["sum_z"].shape == found["sum_residual"].shape
    sample = sample_activations(adapter, tokens, n_tokens=25, batch_size=2, seed=1)
    assert sample.shape == (3, 25, 32)
    for token in range(25):
        cell, place = int(sample["cell"][token]), int(sample["position"][token])
        assert GENES[tokens.genes[cell][place]] == str(sample["gene"].values[token])
        np.testing.assert_allclose(sample[-1, token], hidden[cell, place], atol=1e-5)
