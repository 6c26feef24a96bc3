"""Device, number type and batch size: chosen automatically, and said in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch

from helpers.errors import ParameterError
from helpers.models.adapter import ModelAdapter, Tokens

log = logging.getLogger(__name__)

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}
CPU_BATCH_BYTES = 64_000_000
"""A processor gains no speed from batches much larger than its caches, and they cost memory."""
CUDA_SHARE = 0.5
"""Share of a card's free memory that a batch may take."""


@dataclass(frozen=True)
class Setting:
    """Where and how a model runs.

    Attributes
    ----------
    device
        ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    dtype
        Number type of the forward pass; attention rows are formed in at least float32 and summed
        in float64.
    batch_size
        Cells per forward pass.
    """

    device: str
    dtype: str
    batch_size: int

    def __str__(self) -> str:
        return f"{self.device}, {self.dtype}, {self.batch_size} cells a batch"


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out, on a GPU or on the CPU."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "not enough memory" in text
    )


def bytes_per_cell(adapter: ModelAdapter, tokens: int, item: int = 4) -> int:
    """Estimate the memory that one cell's forward pass needs, in bytes.

    About fourteen vectors of the model's width per token live at once (residual, query, key,
    value, the feed-forward layer and its input), beside one chunk of attention rows.
    """
    return tokens * adapter.width * 14 * item + tokens * adapter.n_heads * 64 * item


def choose(
    adapter: ModelAdapter,
    tokens: Tokens,
    *,
    device: str = "auto",
    dtype: str = "auto",
    batch_size: int | str = "auto",
    sums: int = 0,
) -> Setting:
    """Choose what was left to ``"auto"`` and log the choice, which progress bars show too.

    A GPU is used if there is one, in bfloat16; a CPU runs in the type of the loaded weights.

    Parameters
    ----------
    adapter, tokens
        The model and the cells.
    device, dtype
        ``"auto"``, or a torch device and one of float32, float64, bfloat16.
    batch_size
        ``"auto"`` or the number of cells per pass.
    sums
        Bytes of what each layer adds to. Where it is more than a batch takes on a processor,
        batches grow, up to four times, because each walks through all of it.

    Raises
    ------
    ParameterError
        If a device is absent or a value is not one of these.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = str(device).split(":")[0]
    if kind not in ("cpu", "cuda") or (kind == "cuda" and not torch.cuda.is_available()):
        raise ParameterError(f"device={device!r} is not available here: use 'cpu' or 'auto'")
    if dtype == "auto":
        loaded = str(next(adapter.module.parameters()).dtype).removeprefix("torch.")
        dtype = "bfloat16" if kind == "cuda" else loaded
    if dtype not in DTYPES:
        raise ParameterError(f"dtype={dtype!r}: use 'auto' or one of {', '.join(DTYPES)}")
    if batch_size == "auto":
        longest = max(len(ids) for ids in tokens.ids)
        room = min(max(CPU_BATCH_BYTES, sums), 4 * CPU_BATCH_BYTES)
        if kind == "cuda":
            room = int(torch.cuda.mem_get_info(torch.device(device))[0] * CUDA_SHARE)
        item = 8 if dtype == "float64" else 4
        batch_size = max(1, min(64, room // bytes_per_cell(adapter, longest, item)))
    elif isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ParameterError(f"batch_size={batch_size!r}: use 'auto' or a number of at least 1")
    setting = Setting(device, dtype, int(batch_size))
    log.info("%s on %s", adapter.name, setting)
    return setting


@contextmanager
def placed(adapter: ModelAdapter, setting: Setting) -> Iterator[None]:
    """Put the model where it shall run, in evaluation mode, and back afterwards.

    bfloat16 is reached by autocast, because converting the weights would lose digits for good.
    """
    first = next(adapter.module.parameters())
    device, dtype, training = first.device, first.dtype, adapter.module.training
    low = setting.dtype == "bfloat16"
    adapter.module.to(device=setting.device, dtype=None if low else DTYPES[setting.dtype])
    adapter.module.eval()
    kind = torch.device(setting.device).type
    try:
        with torch.autocast(kind, torch.bfloat16) if low else nullcontext():
            yield
    finally:
        adapter.module.to(device=device, dtype=dtype)
        adapter.module.train(training)
