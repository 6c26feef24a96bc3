"""Our BERT against that of transformers: weights of a seed, states, logits and gradients."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch
from transformers import BertConfig as TheirConfig
from transformers import BertForMaskedLM

from helpers.models.bert import Bert, BertConfig

ACTIVATIONS = ("relu", "gelu", "gelu_new", "silu")


def both(act: str) -> tuple[Bert, BertForMaskedLM]:
    shape = {"vocab_size": 41, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
    more = {"intermediate_size": 48, "max_position_embeddings": 64, "initializer_range": 0.2}
    config = BertConfig(**shape, **more, hidden_act=act)
    torch.manual_seed(3)
    ours = Bert(config)
    torch.manual_seed(3)
    return ours, BertForMaskedLM(TheirConfig(**asdict(config), attn_implementation="sdpa"))


def test_a_seed_gives_the_weights_that_it_gives_in_transformers():
    ours, theirs = (model.state_dict() for model in both("relu"))
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_head_and_embeddings_share_one_table():
    ours, theirs = both("relu")
    assert dict(ours.named_parameters()).keys() == dict(theirs.named_parameters()).keys()
    table = ours.bert.embeddings.word_embeddings.weight
    assert ours.cls.predictions.decoder.weight is table
    assert not table[0].any()  # the padding token


@pytest.mark.parametrize("act", ACTIVATIONS)
@pytest.mark.parametrize("padded", [False, True])
def test_states_logits_and_gradients_are_those_of_transformers(act, padded):
    ours, theirs = (model.eval() for model in both(act))
    ids = torch.randint(1, 41, (5, 20), generator=torch.Generator().manual_seed(0))
    seen = torch.ones(5, 20, dtype=torch.bool)
    seen[:2, 12:] = not padded
    mask = seen[:, None, None, :] if padded else None
    found = theirs(ids, attention_mask=seen.long(), output_hidden_states=True)
    states = ours.bert(ids, mask)
    torch.testing.assert_close(states[seen], found.hidden_states[-1][seen], rtol=0, atol=1e-5)
    logits = ours(ids, mask)
    torch.testing.assert_close(logits[seen], found.logits[seen], rtol=0, atol=1e-5)
    slopes = [
        torch.autograd.grad(made[seen].square().sum(), model.bert.embeddings.parameters())
        for made, model in ((logits, ours), (found.logits, theirs))
    ]
    for mine, other in zip(*slopes, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-3)


def test_dropout_is_of_training_alone():
    ours, _ = both("relu")
    ids = torch.arange(1, 21)[None]
    assert not torch.equal(ours.train()(ids), ours(ids))
    assert torch.equal(ours.eval()(ids), ours(ids))
