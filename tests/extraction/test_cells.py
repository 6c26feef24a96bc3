"""One vector per cell: the mean hidden state of its gene tokens."""

from __future__ import annotations

import dataclasses

import models_kit as kit
import numpy as np
import pytest
import torch

from helpers.errors import DataError
from helpers.extraction.cells import cell_states
from helpers.models.load import load_model


@pytest.fixture
def adapter(tmp_path):
    return load_model(f"scgpt:{kit.write_scgpt(tmp_path)}")


def test_states_equal_a_loop_over_cells(adapter):
    tokens = adapter.tokenise(kit.cells(7))
    found = cell_states(adapter, tokens, batch_size=3)
    assert found.shape == (len(tokens), adapter.width)
    for row in range(len(tokens)):
        batch = adapter.collate(tokens, np.array([row]))
        with torch.inference_mode():
            hidden = adapter.forward(batch).hidden[0]
        expected = hidden[batch.genes[0] >= 0].mean(dim=0)  # special tokens do not count
        np.testing.assert_allclose(found[row], expected, atol=1e-5)


def test_cells_without_tokens_are_refused(adapter):
    tokens = adapter.tokenise(kit.cells(3))
    empty = dataclasses.replace(tokens, ids=[], values=[], genes=[], cells=np.zeros(0, dtype=int))
    with pytest.raises(DataError, match="no cell has a token"):
        cell_states(adapter, empty)
