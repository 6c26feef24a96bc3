"""The scGPT transformer: genes and binned values in, contextual gene states out.

The layout of modules and names follows published checkpoints (Cui et al., Nature Methods 2024),
so that their tensors load one to one. Layers are post-norm with ReLU; attention goes through
`helpers.models.attention.attend`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from helpers.models.attention import attend

_BATCH_NORM_EPS = 6.1e-5


@dataclass(frozen=True)
class ScGPTConfig:
    """Shape of an scGPT model, from ``args.json`` and the vocabulary.

    `n_cls`, `mvc`, `flag_encoder` and `discriminator` say which optional heads the checkpoint
    holds; none of them touches the hidden states.
    """

    n_tokens: int
    width: int
    n_heads: int
    n_layers: int
    d_hid: int
    pad_id: int
    dropout: float = 0.2
    n_bins: int = 51
    max_length: int = 1200
    pad_value: int = -2
    mask_value: int = -1
    input_emb_style: str = "continuous"
    n_input_bins: int = 0
    batch_labels: bool = False
    batch_norm: str = "none"
    n_batches: int = 0
    explicit_zero_prob: bool = False
    n_cls: int = 0
    n_layers_cls: int = 3
    mvc: bool = False
    flag_encoder: bool = False
    discriminator: bool = False


class TokenEmbedding(nn.Module):
    """Embedding followed by layer normalisation, for genes, binned values and batches."""

    def __init__(self, n: int, width: int, padding_idx: int | None = None):
        super().__init__()
        self.embedding = nn.Embedding(n, width, padding_idx=padding_idx)
        self.enc_norm = nn.LayerNorm(width)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Map (...) whole numbers to (..., width)."""
        return self.enc_norm(self.embedding(ids.long()))


class ContinuousValueEncoder(nn.Module):
    """Two-layer map from one number to a vector; values above 512 are cut."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.linear1 = nn.Linear(1, width)
        self.linear2 = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Map (cells, tokens) to (cells, tokens, width)."""
        clipped = values.unsqueeze(-1).clamp(max=512)
        return self.dropout(self.norm(self.linear2(self.linear1(clipped).relu())))


class SelfAttention(nn.Module):
    """Multi-head self-attention with the packed q|k|v matrix of published checkpoints."""

    def __init__(self, width: int, n_heads: int, dropout: float, layer_idx: int):
        super().__init__()
        self.n_heads, self.dropout, self.layer_idx = n_heads, dropout, layer_idx
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Map (cells, tokens, width) to the same shape; `mask` is True where a key is seen."""
        cells, length, width = x.shape
        packed = nn.functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        split = packed.view(cells, length, 3, self.n_heads, width // self.n_heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        scaling = (width // self.n_heads) ** -0.5
        dropout = self.dropout if self.training else 0.0
        heads = attend(query, key, value, mask, scaling, self.layer_idx, self, dropout)
        return self.out_proj(heads.transpose(1, 2).reshape(cells, length, width))


class Layer(nn.Module):
    """Post-norm transformer layer: attention, add, norm, ReLU feed-forward, add, norm."""

    def __init__(self, config: ScGPTConfig, layer_idx: int):
        super().__init__()
        width = config.width
        self.self_attn = SelfAttention(width, config.n_heads, config.dropout, layer_idx)
        self.linear1 = nn.Linear(width, config.d_hid)
        self.linear2 = nn.Linear(config.d_hid, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Map (cells, tokens, width) to the same shape."""
        x = self.norm1(x + self.dropout(self.self_attn(x, mask)))
        return self.norm2(x + self.dropout(self.linear2(self.dropout(self.linear1(x).relu()))))


class ExpressionDecoder(nn.Module):
    """Predict the binned value of each token from its hidden state."""

    def __init__(self, config: ScGPTConfig):
        super().__init__()
        d_in = config.width * (2 if config.batch_labels else 1)
        self.fc = _three_linear(d_in, config.width)
        if config.explicit_zero_prob:
            self.zero_logit = _three_linear(d_in, config.width)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Map (cells, tokens, width) to (cells, tokens)."""
        return self.fc(hidden).squeeze(-1)


class CellDecoder(nn.Module):
    """Predict every gene's value from the cell's ``<cls>`` state (inner-product MVC decoder)."""

    def __init__(self, config: ScGPTConfig):
        super().__init__()
        d_in = config.width * (2 if config.batch_labels else 1)
        self.gene2query = nn.Linear(config.width, config.width)
        self.W = nn.Linear(config.width, d_in, bias=False)
        if config.explicit_zero_prob:
            self.W_zero_logit = nn.Linear(config.width, d_in)

    def forward(self, cell: torch.Tensor, genes: torch.Tensor) -> torch.Tensor:
        """Map cells (cells, width) and gene embeddings (cells, tokens, width) to values."""
        queries = self.W(self.gene2query(genes).sigmoid())
        return torch.bmm(queries, cell.unsqueeze(2)).squeeze(2)


class ClassDecoder(nn.Module):
    """Classifier on one vector; carried so that checkpoints that hold one load completely."""

    def __init__(self, width: int, n_classes: int, n_layers: int, activation: type[nn.Module]):
        super().__init__()
        self._decoder = nn.ModuleList()
        for _ in range(n_layers - 1):
            self._decoder.extend([nn.Linear(width, width), activation(), nn.LayerNorm(width)])
        self.out_layer = nn.Linear(width, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (cells, width) to (cells, classes)."""
        for layer in self._decoder:
            x = layer(x)
        return self.out_layer(x)


class DomainBatchNorm(nn.Module):
    """One batch normalisation per batch label; each cell goes through its own."""

    def __init__(self, width: int, n_batches: int):
        super().__init__()
        self.bns = nn.ModuleList(
            nn.BatchNorm1d(width, eps=_BATCH_NORM_EPS, affine=False) for _ in range(n_batches)
        )

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Normalise (cells, width, tokens) by each cell's label."""
        out = torch.empty_like(x)
        for label in labels.unique().tolist():
            chosen = labels == label
            out[chosen] = self.bns[label](x[chosen])
        return out


class Encoder(nn.Module):
    """The stack of layers, named as in published checkpoints."""

    def __init__(self, config: ScGPTConfig):
        super().__init__()
        self.layers = nn.ModuleList(Layer(config, index) for index in range(config.n_layers))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Map (cells, tokens, width) to the same shape."""
        for layer in self.layers:
            x = layer(x, mask)
        return x


class ScGPT(nn.Module):
    """scGPT with the heads its configuration names."""

    def __init__(self, config: ScGPTConfig):
        super().__init__()
        self.config = config
        width = config.width
        self.encoder = TokenEmbedding(config.n_tokens, width, padding_idx=config.pad_id)
        nn.init.uniform_(self.encoder.embedding.weight, -0.1, 0.1)
        if config.input_emb_style == "continuous":
            self.value_encoder = ContinuousValueEncoder(width, config.dropout)
        elif config.input_emb_style == "category":
            self.value_encoder = TokenEmbedding(config.n_input_bins, width, config.pad_value)
        if config.batch_labels:
            self.batch_encoder = TokenEmbedding(config.n_batches, width)
        if config.batch_norm == "dsbn":
            self.dsbn = DomainBatchNorm(width, config.n_batches)
        elif config.batch_norm == "batchnorm":
            self.bn = nn.BatchNorm1d(width, eps=_BATCH_NORM_EPS)
        self.transformer_encoder = Encoder(config)
        self.decoder = ExpressionDecoder(config)
        if config.n_cls:
            self.cls_decoder = ClassDecoder(width, config.n_cls, config.n_layers_cls, nn.ReLU)
        if config.mvc:
            self.mvc_decoder = CellDecoder(config)
        if config.flag_encoder:
            self.flag_encoder = nn.Embedding(2, width)
        if config.discriminator:
            self.grad_reverse_discriminator = ClassDecoder(width, config.n_batches, 3, nn.LeakyReLU)

    def forward(
        self,
        ids: torch.Tensor,
        values: torch.Tensor,
        padding: torch.Tensor,
        batch_labels: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the hidden states (cells, tokens, width); `padding` is True where no token is."""
        x = self.encoder(ids)
        values = values.to(x.dtype)
        if self.config.input_emb_style == "scaling":
            x = x * values.unsqueeze(-1)
        else:
            x = x + self.value_encoder(values)
        if self.config.batch_norm == "dsbn":
            x = self.dsbn(x.transpose(1, 2), batch_labels).transpose(1, 2)
        elif self.config.batch_norm == "batchnorm":
            x = self.bn(x.transpose(1, 2)).transpose(1, 2)
        # No mask at all is faster than a mask that hides nothing.
        mask = ~padding[:, None, None, :] if bool(padding.any()) else None
        return self.transformer_encoder(x, mask)

    def predict(
        self, hidden: torch.Tensor, batch_labels: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the predicted binned values (cells, tokens)."""
        if self.config.batch_labels:
            batch = self.batch_encoder(batch_labels).unsqueeze(1)
            hidden = torch.cat([hidden, batch.expand(-1, hidden.shape[1], -1)], dim=2)
        return self.decoder(hidden)

    def predict_from_cell(
        self, hidden: torch.Tensor, ids: torch.Tensor, batch_labels: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return values (cells, tokens) predicted from the ``<cls>`` state alone."""
        cell = hidden[:, 0]
        if self.config.batch_labels:
            cell = torch.cat([cell, self.batch_encoder(batch_labels)], dim=1)
        return self.mvc_decoder(cell, self.encoder(ids))


def _three_linear(d_in: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(d_in, width),
        nn.LeakyReLU(),
        nn.Linear(width, width),
        nn.LeakyReLU(),
        nn.Linear(width, 1),
    )
