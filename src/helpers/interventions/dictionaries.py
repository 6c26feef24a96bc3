"""TopK sparse autoencoders: a wide dictionary of directions, few of which rebuild an activation.

Gao et al. 2024 (arXiv 2406.04093) for the activation; Bricken et al. 2023 for the use. Small enough
to be trained in seconds on a processor, which libraries for language models are not made for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from helpers.errors import ParameterError

SILENT_FOR = 50
"""Steps without a token after which a feature is taken for dead and started anew."""


@dataclass(frozen=True)
class Dictionary:
    r"""Features of activations: :math:`z = \mathrm{TopK}(\mathrm{ReLU}(W_e (h - \mu) + b))`.

    Parameters
    ----------
    encoder, bias
        :math:`W_e` (features, width) and b (features,).
    decoder
        (features, width), one row of unit length a feature: what the feature writes.
    centre, offset
        (width,) :math:`\mu`, the mean that is taken away, and what the rebuilt state starts from.
    k
        Most features of one token.
    """

    encoder: torch.Tensor
    bias: torch.Tensor
    decoder: torch.Tensor
    centre: torch.Tensor
    offset: torch.Tensor
    k: int

    def before(self, states: torch.Tensor) -> torch.Tensor:
        """Return pre-activations (..., features) of states (..., width)."""
        return (states - self.centre) @ self.encoder.T + self.bias

    def code(self, states: torch.Tensor) -> torch.Tensor:
        """Return activations (..., features): the k largest positive ones, all others 0."""
        return self.largest(self.before(states))

    def largest(self, before: torch.Tensor) -> torch.Tensor:
        """Return activations from pre-activations."""
        positive = before.relu()
        # ties are among zeros, and a zero that is chosen writes a zero
        top = positive.topk(self.k, dim=-1)
        return torch.zeros_like(positive).scatter(-1, top.indices, top.values)

    def rebuilt(self, code: torch.Tensor) -> torch.Tensor:
        """Return states (..., width) from activations."""
        return code @ self.decoder + self.offset


def train_dictionary(
    states: torch.Tensor,
    n_features: int,
    k: int,
    seed: int,
    steps: int = 300,
    batch: int = 512,
    rate: float = 3e-3,
) -> Dictionary:
    """Train a dictionary by Adam on the squared error.

    Rows of the decoder have unit length after each step, so that an activation is a length. They
    start as tokens of the data. A feature that has been silent for `SILENT_FOR` steps is started
    anew from one of the tokens that are rebuilt worst; none is in the last quarter of the steps.

    Parameters
    ----------
    states
        (tokens, width) activations.
    n_features, k
        Size of the dictionary, and most features of one token.
    seed
        Seed of the start and of the batches.
    steps, batch, rate
        Steps, tokens of a step, and Adam's rate.

    Raises
    ------
    ParameterError
        If there are more active features than features, or fewer tokens than features.
    """
    if not 0 < k <= n_features <= len(states):
        raise ParameterError(f"{k} of {n_features} features on {len(states)} tokens: k <= features")
    generator = torch.Generator().manual_seed(seed)
    centre = states.mean(0)
    scale = (states - centre).square().mean().sqrt().clamp_min(1e-12)
    x = (states - centre) / scale
    first = x[torch.randperm(len(x), generator=generator)[:n_features]]
    decoder = torch.nn.functional.normalize(first, dim=1).requires_grad_()
    encoder = decoder.detach().clone().requires_grad_()
    bias = torch.zeros(n_features, requires_grad=True)
    offset = torch.zeros_like(centre, requires_grad=True)
    adam = torch.optim.Adam([encoder, bias, decoder, offset], lr=rate)
    silent, zero = torch.zeros(n_features), torch.zeros_like(centre)
    for step in range(steps):
        part = x[torch.randint(len(x), (batch,), generator=generator)]
        code = Dictionary(encoder, bias, decoder, zero, offset, k).code(part)
        error = code @ decoder + offset - part
        adam.zero_grad()
        error.square().mean().backward()
        adam.step()
        silent = torch.where((code > 0).any(0), 0.0, silent + 1)
        with torch.no_grad():
            decoder /= decoder.norm(dim=1, keepdim=True).clamp_min(1e-12)
            if step < 0.75 * steps and (silent >= SILENT_FOR).any():
                _start_anew(silent, part, error, adam, encoder, bias, decoder)
    # An activation of scaled states is `scale` times as long in the model's own units.
    learned = [one.detach() for one in (encoder, bias * scale, decoder)]
    return Dictionary(*learned, centre, centre + scale * offset.detach(), k)


def _start_anew(silent, part, error, adam, encoder, bias, decoder) -> None:
    dead = (silent >= SILENT_FOR).nonzero()[:, 0]
    worst = error.square().sum(1).argsort(descending=True, stable=True)[: len(dead)]
    dead = dead[: len(worst)]
    direction = torch.nn.functional.normalize(-error[worst], dim=1)
    decoder[dead], encoder[dead], bias[dead], silent[dead] = direction, direction, 0.0, 0.0
    for moved in (encoder, bias, decoder):
        for moment in ("exp_avg", "exp_avg_sq"):
            adam.state[moved][moment][dead] = 0.0


def explained(states: torch.Tensor, rebuilt: torch.Tensor) -> float:
    """Return the share of the variance of states (tokens, width) that is rebuilt."""
    spread = (states - states.mean(0)).square().sum()
    if spread <= 0:
        raise ParameterError("the states do not vary, so that no share of their variance exists")
    return float(1 - (states - rebuilt).square().sum() / spread)


def seed_stability(one: torch.Tensor, other: torch.Tensor, least: float = 0.9) -> float:
    """Return the share of directions (features, width) that another set holds, by cosine."""
    unit = [torch.nn.functional.normalize(x, dim=1) for x in (one, other)]
    return float(((unit[0] @ unit[1].T).amax(1) > least).float().mean())
