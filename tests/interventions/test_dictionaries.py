"""Dictionaries against plain numpy, on data whose features are known, and on bad input."""

import numpy as np
import pytest
import torch

from helpers.errors import ParameterError
from helpers.interventions.dictionaries import (
    Dictionary,
    explained,
    seed_stability,
    train_dictionary,
)


def by_numpy(one, states):
    """The code and the rebuilt states in plain loops; nothing of the package is used."""
    encoder, bias, decoder = (x.numpy() for x in (one.encoder, one.bias, one.decoder))
    centre, offset = one.centre.numpy(), one.offset.numpy()
    code = np.zeros((len(states), len(bias)))
    for row, state in zip(code, states.numpy(), strict=True):
        before = encoder @ (state - centre) + bias
        for feature in np.argsort(-before, kind="stable")[: one.k]:
            row[feature] = max(before[feature], 0)
    return code, code @ decoder + offset


def planted(seed=0, n=20, width=32, tokens=1500):
    """Sparse sums of known orthogonal directions."""
    g = torch.Generator().manual_seed(seed)
    truth = torch.linalg.qr(torch.randn(width, width, generator=g))[0][:n]
    size = (1 + torch.rand(tokens, n, generator=g)) * (torch.rand(tokens, n, generator=g) < 0.1)
    return truth, size @ truth + 0.01 * torch.randn(tokens, width, generator=g) + 3.0


@pytest.mark.parametrize("seed", range(5))
def test_code_and_rebuilt_states_are_those_of_plain_numpy(seed):
    g = torch.Generator().manual_seed(seed)
    shapes = ((12, 6), (12,), (12, 6), (6,), (6,))
    one = Dictionary(*(torch.randn(s, generator=g, dtype=torch.float64) for s in shapes), 1 + seed)
    states = torch.randn(9, 6, generator=g, dtype=torch.float64)
    code, rebuilt = by_numpy(one, states)
    np.testing.assert_allclose(one.code(states), code, atol=1e-12)
    np.testing.assert_allclose(one.rebuilt(one.code(states)), rebuilt, atol=1e-12)
    assert ((one.code(states) > 0).sum(1) <= one.k).all()


def test_planted_features_are_learned_and_a_decoder_row_is_a_unit_vector():
    truth, states = planted()
    one = train_dictionary(states, 32, 5, seed=0, steps=300, batch=256)
    assert explained(states, one.rebuilt(one.code(states))) > 0.95
    assert seed_stability(truth, one.decoder) > 0.8
    torch.testing.assert_close(one.decoder.norm(dim=1), torch.ones(32))
    assert ((one.code(states) > 0).any(0)).float().mean() > 0.9, "dead features were not renewed"
    again = train_dictionary(states, 32, 5, seed=0, steps=300, batch=256)
    assert torch.equal(one.decoder, again.decoder)


def test_activations_are_in_the_units_of_the_states():
    _, states = planted()
    short, long = (train_dictionary(c * states, 32, 5, seed=0, steps=40) for c in (1.0, 10.0))
    torch.testing.assert_close(
        10 * short.code(states), long.code(10 * states), rtol=0.02, atol=0.05
    )


def test_explained_is_one_for_a_copy_and_zero_for_the_mean():
    states = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    assert explained(states, states) == 1
    assert explained(states, states.mean(0).expand_as(states)) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ParameterError, match="do not vary"):
        explained(torch.ones(3, 2), torch.ones(3, 2))


@pytest.mark.parametrize(("n", "k", "tokens"), [(8, 0, 20), (8, 9, 20), (30, 4, 20)])
def test_sizes_that_cannot_be_are_refused(n, k, tokens):
    with pytest.raises(ParameterError, match="k <= features"):
        train_dictionary(torch.randn(tokens, 4), n, k, seed=0)
