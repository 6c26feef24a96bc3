"""The tapped attention under a name that models of transformers can ask for.

It stands by itself because transformers takes seconds to import, and only the families that are
built from its classes need it.
"""

from __future__ import annotations

import torch
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from helpers.models.attention import attend

IMPLEMENTATION = "helpers_tapped"
"""Name under which `attend` is registered in transformers (``attn_implementation=...``)."""


def _transformers_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    attended = attend(query, key, value, attention_mask, scaling, module.layer_idx, module, dropout)
    return attended.transpose(1, 2).contiguous(), None


def _explicit_mask(*args: object, **kwargs: object) -> torch.Tensor | None:
    # A causal mask must be a tensor, not a flag, or a tap could not know about it.
    return sdpa_mask(*args, **{**kwargs, "allow_is_causal_skip": False})


AttentionInterface.register(IMPLEMENTATION, _transformers_attention)
AttentionMaskInterface.register(IMPLEMENTATION, _explicit_mask)
