"""What is read of a model: the value or the logit that it gives to a target."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from helpers.errors import ParameterError
from helpers.models.adapter import Batch, ModelAdapter, ModelOutput


@dataclass(frozen=True)
class Readout:
    """Tokens whose prediction is read.

    Parameters
    ----------
    places
        (cells, tokens read) places.
    words
        (cells, tokens read) vocabulary numbers whose logits are read, or None where a model
        predicts one value for each token.
    """

    places: torch.Tensor
    words: torch.Tensor | None = None

    def states(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the states (cells, tokens read, width) of what is read."""
        return hidden.gather(1, self.places[..., None].expand(-1, -1, hidden.shape[-1]))

    def of_states(self, output: ModelOutput, states: torch.Tensor) -> torch.Tensor:
        """Return (cells, tokens read) predictions from their states."""
        said = output.head(states)
        return said if self.words is None else said.gather(2, self.words[..., None])[..., 0]

    def __call__(self, output: ModelOutput) -> torch.Tensor:
        """Return (cells, tokens read) predictions of a whole pass."""
        return self.of_states(output, self.states(output.hidden))

    def tiled(self, times: int) -> Readout:
        """Return the readout of a batch that repeats its cells."""
        words = None if self.words is None else self.words.repeat(times, 1)
        return Readout(self.places.repeat(times, 1), words)


def target_readout(model: ModelAdapter, batch: Batch, places: torch.Tensor) -> Readout:
    """Read a target in every cell: its value (scGPT) or the logit of its own token (Geneformer).

    Parameters
    ----------
    model
        A model that predicts values or tokens.
    batch
        Cells in which the target is *not* hidden yet: its token says whose logit is read.
    places
        (cells,) or (cells, tokens read), none of them -1.

    Raises
    ------
    ParameterError
        If a cell lacks its target.
    """
    places = places if places.ndim == 2 else places[:, None]
    if (absent := int((places < 0).any(1).sum())) > 0:
        raise ParameterError(f"{absent} cells lack their target; leave them out (places_of is -1)")
    return Readout(places, None if batch.values is not None else batch.ids.gather(1, places))
