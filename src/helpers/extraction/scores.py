"""The kinds of edge score that can be read from one layer's query, key and value."""

from __future__ import annotations

import torch

from helpers.errors import ParameterError

KINDS = ("softmax", "value_weighted", "qk", "qk_rank")
"""Score kinds: see `helpers.extraction.extract`."""


def check_kinds(scores: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the score kinds as a tuple.

    Raises
    ------
    ParameterError
        If a kind is unknown, named twice, or none is named.
    """
    kinds = (scores,) if isinstance(scores, str) else tuple(scores)
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds or len(set(kinds)) != len(kinds):
        raise ParameterError(
            f"scores={scores!r}: choose one or several different kinds of {', '.join(KINDS)}"
        )
    return kinds


def value_norms(value: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return how long each token's contribution is after the output projection, per head.

    The layer's output at query i is ``sum_h sum_j A[h, i, j] (v[h, j] W_O[h])`` plus a bias, so
    token j contributes a vector of length ``A[h, i, j] * |v[h, j] W_O[h]|`` (Kobayashi and others,
    2020). This returns the second factor.

    Parameters
    ----------
    value
        (batch, head, token, head_dim).
    weight
        (width, head * head_dim) weight of the output projection.

    Returns
    -------
    torch.Tensor
        (batch, head, token).
    """
    heads, dim = value.shape[1], value.shape[3]
    per_head = weight.to(value.dtype).reshape(weight.shape[0], heads, dim)
    # |v W|^2 = v (W'W) v': a head_dim x head_dim form instead of a vector as wide as the model.
    gram = torch.einsum("whd,whe->hde", per_head, per_head)
    squared = ((value @ gram) * value).sum(dim=-1)
    return squared.clamp_min_(0).sqrt_()


def average_rank(values: torch.Tensor) -> torch.Tensor:
    """Return ranks along the last dimension, from 0, ties sharing their mean rank."""
    flat = values.contiguous()
    ordered = flat.sort(dim=-1).values
    below = torch.searchsorted(ordered, flat, side="left")
    upto = torch.searchsorted(ordered, flat, side="right")
    return (below + upto - 1).to(values.dtype) / 2


def qk_rank(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Return the rank score of the scGPT gene-network tutorial for one cell and head.

    Raw dot products are replaced by their rank among the keys of each query, then by their rank
    among the queries of each key, each divided by the number of tokens. Ties share their mean
    rank, so that the score does not depend on the order of the tokens (an argsort of an argsort,
    as the tutorial has it, breaks ties by position).

    Parameters
    ----------
    query, key
        (token, head_dim) of the cell's tokens, without padding.

    Returns
    -------
    torch.Tensor
        (query token, key token), in [0, 1).
    """
    tokens = query.shape[0]
    by_row = average_rank(query @ key.T) / tokens
    return average_rank(by_row.T).T / tokens
