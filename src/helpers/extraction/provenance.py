"""What a shard was computed from, as a plain table and one hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import numpy as np
import torch

from helpers.extraction.capture import Plan
from helpers.models.adapter import ModelAdapter

FORMAT = 3


def _hash(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def weights_hash(adapter: ModelAdapter) -> str:
    """Return the SHA-256 of every tensor of a model with its name, type and shape."""

    def parts() -> Iterable[bytes]:
        for name, tensor in sorted(adapter.module.state_dict().items()):
            flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            yield f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode()
            yield flat.numpy().tobytes()

    return _hash(parts())


def _arrays_hash(arrays: Iterable[np.ndarray]) -> str:
    return _hash(f"{a.dtype}".encode() + np.ascontiguousarray(a).tobytes() for a in arrays)


def _names_hash(names: Iterable) -> str:
    return _hash(str(name).encode() for name in names)


def provenance(adapter: ModelAdapter, plan: Plan, *, dtype: str, shard_cells: int) -> dict:
    """Return all that decides a shard's numbers.

    The device, the batch size and the model's name are left out: they change nothing, or digits
    after the eighth.

    Parameters
    ----------
    adapter, plan
        Model and resolved request.
    dtype
        Number type of the forward pass.
    shard_cells
        Cells per shard.
    """
    tokens = plan.tokens
    return {
        "format": FORMAT,
        "family": adapter.family,
        "weights": weights_hash(adapter),
        "tokens": _arrays_hash([*tokens.ids, *(tokens.values or []), *tokens.genes]),
        "batch labels": _arrays_hash([] if tokens.batch_labels is None else [tokens.batch_labels]),
        "cells": _arrays_hash([np.asarray(tokens.cells)]),
        "sources": _names_hash(plan.axes.sources),
        "targets": _names_hash(plan.axes.targets),
        "strata": _arrays_hash([plan.codes])
        + _names_hash([] if plan.strata is None else plan.strata),
        "scores": list(plan.kinds) if not plan.scalar else plan.kinds[0],
        "squares": plan.squares,
        "activations": list(plan.sites),
        "seed": plan.seed,
        "dtype": dtype,
        "shard_cells": shard_cells,
        "n_cells": len(tokens),
    }


def digest_of(table: dict) -> str:
    """Return the SHA-256 of a provenance table."""
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()


def differences(one: dict, other: dict) -> list[str]:
    """Return the names of entries in which two tables differ."""
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
