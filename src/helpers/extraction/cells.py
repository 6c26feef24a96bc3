"""One vector per cell from a model's hidden states."""

from __future__ import annotations

import numpy as np
import torch

from helpers.errors import DataError
from helpers.extraction.devices import choose, placed
from helpers.models.adapter import ModelAdapter, Tokens


def cell_states(
    adapter: ModelAdapter,
    tokens: Tokens,
    *,
    device: str = "auto",
    dtype: str = "auto",
    batch_size: int | str = "auto",
) -> np.ndarray:
    """Return the mean hidden state of the gene tokens of each cell.

    Parameters
    ----------
    adapter, tokens
        Model and tokenised cells.
    device, dtype, batch_size
        As in `helpers.extraction.extract`.

    Returns
    -------
    ndarray
        (cells of `tokens`, width) float32; special tokens and padding do not count.

    Raises
    ------
    DataError
        If no cell has a token.
    """
    if len(tokens) == 0:
        raise DataError(f"no cell has a token that {adapter.name} knows: {tokens.report}")
    setting = choose(adapter, tokens, device=device, dtype=dtype, batch_size=batch_size)
    found = []
    with placed(adapter, setting), torch.inference_mode():
        for start in range(0, len(tokens), setting.batch_size):
            rows = np.arange(start, min(start + setting.batch_size, len(tokens)))
            batch = adapter.collate(tokens, rows).to(setting.device)
            hidden = adapter.forward(batch).hidden
            weight = (batch.genes >= 0).to(hidden.dtype)[..., None]
            mean = (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
            found.append(mean.float().cpu().numpy())
    return np.concatenate(found)
