"""The transformer of Geneformer: ranked tokens in, contextual states and token logits out.

Names of modules and the order in which fresh weights are drawn are those of ``BertForMaskedLM`` in
transformers (Devlin et al., NAACL 2019): published tensors load one to one, and a seed gives the
weights that it gives there. It stands here because that library takes three seconds to import.
Attention goes through `helpers.models.attention.attend`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from helpers.models.attention import attend

ACTIVATIONS = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "gelu_new": lambda: nn.GELU(approximate="tanh"),
    "silu": nn.SiLU,
}


@dataclass(frozen=True)
class BertConfig:
    """Shape of a model, in the words of its ``config.json``."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int = 2
    pad_token_id: int = 0
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    tie_word_embeddings: bool = True


class Embeddings(nn.Module):
    """Sum of the embeddings of token, type (always the first) and place, normalised."""

    def __init__(self, config: BertConfig):
        super().__init__()
        width = config.hidden_size
        self.word_embeddings = nn.Embedding(config.vocab_size, width, config.pad_token_id)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, width)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Map (cells, tokens) to (cells, tokens, width)."""
        places = torch.arange(ids.shape[1], device=ids.device)[None]
        total = self.word_embeddings(ids) + self.token_type_embeddings(torch.zeros_like(ids))
        return self.dropout(self.LayerNorm(total + self.position_embeddings(places)))


class SelfAttention(nn.Module):
    """Multi-head self-attention up to the concatenated heads."""

    def __init__(self, config: BertConfig, layer_idx: int):
        super().__init__()
        width = config.hidden_size
        self.n_heads, self.layer_idx = config.num_attention_heads, layer_idx
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.dropout = config.attention_probs_dropout_prob

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Map (cells, tokens, width) to the same shape; `mask` is True where a key is seen."""
        size = x.shape[-1] // self.n_heads
        parts = (part(x) for part in (self.query, self.key, self.value))
        query, key, value = (part.unflatten(-1, (-1, size)).transpose(1, 2) for part in parts)
        dropout = self.dropout if self.training else 0.0
        heads = attend(query, key, value, mask, size**-0.5, self.layer_idx, self, dropout)
        return heads.transpose(1, 2).contiguous().flatten(-2)


class AddAndNorm(nn.Module):
    """Linear map, dropout, addition to what stood before, layer normalisation."""

    def __init__(self, config: BertConfig, width: int):
        super().__init__()
        self.dense = nn.Linear(width, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """Map (cells, tokens, `width`) and (cells, tokens, hidden) to the latter's shape."""
        return self.LayerNorm(self.dropout(self.dense(x)) + before)


class Layer(nn.Module):
    """Post-norm transformer layer, its parts nested and named as in published checkpoints."""

    def __init__(self, config: BertConfig, layer_idx: int):
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.attention = nn.Module()
        self.attention.self = SelfAttention(config, layer_idx)
        self.attention.output = AddAndNorm(config, width)
        self.intermediate = nn.Module()
        self.intermediate.dense = nn.Linear(width, inner)
        self.intermediate.intermediate_act_fn = ACTIVATIONS[config.hidden_act]()
        self.output = AddAndNorm(config, inner)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Map (cells, tokens, width) to the same shape."""
        x = self.attention.output(self.attention.self(x, mask), x)
        inner = self.intermediate
        return self.output(inner.intermediate_act_fn(inner.dense(x)), x)


class Encoder(nn.Module):
    """Embeddings and the stack of layers."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = nn.Module()
        numbers = range(config.num_hidden_layers)
        self.encoder.layer = nn.ModuleList(Layer(config, number) for number in numbers)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Map (cells, tokens) to (cells, tokens, width)."""
        x = self.embeddings(ids)
        for layer in self.encoder.layer:
            x = layer(x, mask)
        return x


class TokenHead(nn.Module):
    """Logits of every token from a hidden state, by the table of embeddings."""

    def __init__(self, config: BertConfig):
        super().__init__()
        width = config.hidden_size
        self.transform = nn.Module()
        self.transform.dense = nn.Linear(width, width)
        self.transform.transform_act_fn = ACTIVATIONS[config.hidden_act]()
        self.transform.LayerNorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.decoder = nn.Linear(width, config.vocab_size)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (..., width) to (..., vocabulary)."""
        made = self.transform
        return self.decoder(made.LayerNorm(made.transform_act_fn(made.dense(x))))


class Bert(nn.Module):
    """Encoder and token head; the head's table is that of the embeddings."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.config = config
        self.bert = Encoder(config)
        self.bert.apply(self._draw)
        self.cls = nn.Module()
        self.cls.predictions = TokenHead(config)
        self.cls.apply(self._draw)
        self.tie()

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Map (cells, tokens) to logits (cells, tokens, vocabulary)."""
        return self.cls.predictions(self.bert(ids, mask))

    def tie(self) -> None:
        """Let head and embeddings share their table, and the head its two names of one bias."""
        head = self.cls.predictions
        head.decoder.weight = self.bert.embeddings.word_embeddings.weight
        head.decoder.bias = head.bias

    @torch.no_grad()
    def _draw(self, module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.normal_(0.0, self.config.initializer_range)
        if isinstance(module, nn.Linear):
            module.bias.zero_()
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            module.weight[module.padding_idx].zero_()
