"""Cosines of vectors of genes: token embeddings, and states by layer."""

import numpy as np
import pytest
import torch
from extraction_models import FAMILIES, GENES, build, cells

from helpers.edges.cosines import cosine_edges, residual_edges
from helpers.errors import DataError, ParameterError
from helpers.extraction import extract

AXIS = GENES[1:13]


@pytest.fixture(scope="module", params=FAMILIES[:2])
def model(request, tmp_path_factory):
    adapter = build(request.param, tmp_path_factory.mktemp("model"), torch.float64)
    return adapter, adapter.tokenise(cells(7))


def test_residual_cosines_are_those_of_the_mean_states(model):
    adapter, tokens = model
    about = {"sources": AXIS, "genes": AXIS, "activations": ("residual",), "show_progress": False}
    found = residual_edges(extract(adapter, cells(7), **about))
    hidden, number = np.zeros((len(AXIS), adapter.width)), np.zeros((len(AXIS), 1))
    for row in range(len(tokens)):
        with torch.no_grad():
            states = adapter.forward(adapter.collate(tokens, [row])).hidden[0].numpy()
        for place, gene in enumerate(tokens.genes[row]):
            if gene >= 0 and GENES[gene] in AXIS:
                hidden[AXIS.index(GENES[gene])] += states[place]
                number[AXIS.index(GENES[gene])] += 1
    mean = hidden / number
    mean -= mean.mean(axis=0)
    norm = np.linalg.norm(mean, axis=1)
    expected = mean @ mean.T / norm[:, None] / norm[None, :]
    np.testing.assert_allclose(found.isel(layer=-1), expected, atol=1e-6)


def test_cosines_know_neither_scale_nor_origin():
    rng = np.random.default_rng(0)
    x, rotation = rng.normal(size=(9, 5)), np.linalg.qr(rng.normal(size=(5, 5)))[0]
    names = list("abcdefghi")
    moved = 3 * x @ rotation + rng.normal(size=5)
    np.testing.assert_allclose(cosine_edges(x, names), cosine_edges(moved, names), atol=1e-12)
    centred = x - x.mean(axis=0)
    by_hand = 1 - _scipy_cosine(centred)
    np.testing.assert_allclose(cosine_edges(x, names), by_hand, atol=1e-12)
    assert np.isnan(cosine_edges(np.ones((3, 4)), ["a", "b", "c"])).all()


def _scipy_cosine(x):
    from scipy.spatial.distance import cdist

    return cdist(x, x, "cosine")


def test_what_cannot_be_had_is_refused(model):
    with pytest.raises(DataError, match="activations"):
        residual_edges(extract(model[0], cells(7), genes=AXIS, show_progress=False))
    with pytest.raises(ParameterError, match="for 2 genes"):
        cosine_edges(np.ones((3, 4)), ["a", "b"])
