"""One streaming pass over cells: batches through the model, rows into the sums."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import torch
from tqdm import tqdm

from helpers.errors import ModelError
from helpers.extraction.activations import ActivationSums, recording
from helpers.extraction.axes import Axes
from helpers.extraction.counts import add_counts
from helpers.extraction.devices import Setting, is_out_of_memory
from helpers.extraction.layout import lay_out
from helpers.extraction.reader import Reader
from helpers.extraction.sums import Sums
from helpers.models.adapter import ModelAdapter, Tokens
from helpers.models.attention import ending, tapping

log = logging.getLogger(__name__)


class Pass:
    """The state of one streaming pass.

    Parameters
    ----------
    adapter, tokens, axes
        Model, cells and genes.
    codes
        Stratum number of each entry of `tokens`.
    kinds
        Score kinds.
    sums
        Where the results go.
    setting
        Device, type and batch size. The batch size shrinks for good when memory runs out.
    activations
        Activation sums to fill in the same pass, or None.
    """

    def __init__(
        self,
        adapter: ModelAdapter,
        tokens: Tokens,
        axes: Axes,
        codes: np.ndarray,
        kinds: tuple[str, ...],
        sums: Sums,
        setting: Setting,
        activations: ActivationSums | None = None,
    ) -> None:
        self.adapter, self.tokens, self.axes, self.codes = adapter, tokens, axes, codes
        self.kinds, self.sums, self.setting = kinds, sums, setting
        self.activations, self.batch_size = activations, setting.batch_size
        self.parts = adapter.layers()

    def run(self, rows: np.ndarray, advance: Callable[[int], object] = lambda n: None) -> None:
        """Read the cells at positions `rows` of the tokens.

        Cells of similar length share a batch, so that little is spent on padding.
        """
        lengths = np.array([len(self.tokens.ids[row]) for row in rows])
        ordered = np.asarray(rows)[np.argsort(-lengths, kind="stable")]
        start = 0
        while start < len(ordered):
            batch = ordered[start : start + self.batch_size]
            self._read(batch, frozenset())
            advance(len(batch))
            start += len(batch)

    def _read(self, rows: np.ndarray, skip: frozenset) -> None:
        """Read one batch; on lack of memory, read its halves without what was already added."""
        batch = self.adapter.collate(self.tokens, rows).to(self.setting.device)
        layout = lay_out(
            batch,
            self.axes,
            self.codes[rows],
            self.setting.device,
            pick_columns=self.kinds == ("softmax",),
        )
        layers = frozenset(range(self.adapter.n_layers))
        # Nobody reads the model's output: unless activations are wanted, the pass may end with the
        # last layer's query and key.
        until = layers if self.activations is None else None
        reader = Reader(self.sums, layout, self.kinds, self._projection, skip=skip, until=until)
        try:
            with (
                torch.inference_mode(),
                ending(),
                tapping(reader),
                recording(self.activations, self.parts, batch.genes, layout.stratum, reader.done),
            ):
                self.adapter.forward(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if len(rows) == 1:
                raise ModelError(
                    f"out of memory with a single cell of {batch.ids.shape[1]} tokens: "
                    "pass a smaller max_length, or run on a machine with more memory"
                ) from error
            failed = error
        else:
            if missing := layers - reader.done:
                raise ModelError(
                    f"{self.adapter.name}: layers {sorted(missing)} showed the tap no attention; "
                    "was the model's attention implementation changed after loading?"
                )
            add_counts(self.sums, self.axes, self.tokens, rows, self.codes[rows])
            return
        del batch, layout
        if torch.device(self.setting.device).type == "cuda":
            torch.cuda.empty_cache()
        half = len(rows) // 2
        self.batch_size = min(self.batch_size, max(1, half))
        log.warning("out of memory (%s): batch halved to %d cells", type(failed).__name__, half)
        done = frozenset(reader.done)
        self._read(rows[:half], done)
        self._read(rows[half:], done)

    def _projection(self, layer: int) -> torch.Tensor:
        return self.parts[layer].projection.weight


def progress(total: int, name: str, shown: bool) -> tqdm:
    """Return a bar that counts cells and shows cells per second and the time left."""
    return tqdm(total=total, unit="cell", desc=name, disable=not shown, leave=False)
