"""What the small models are trained on, and the baselines that they must beat.

scGPT: some values are replaced by the mask value and predicted, from the token's own state and
from the ``<cls>`` state; the loss is the squared error in bins. Geneformer: some tokens are
masked and predicted; the loss is the cross-entropy. The baselines know each gene's mean bin, or
each token's frequency, and nothing about the cell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn.functional import cross_entropy, mse_loss

from helpers.models.adapter import Batch, ModelAdapter, Tokens


@dataclass(frozen=True)
class Masking:
    """How genes are hidden.

    Attributes
    ----------
    share
        Share of a cell's genes that are hidden and predicted.
    mask, other, trade
        Geneformer only: shares of the hidden tokens that become ``<mask>``, become another gene of
        the vocabulary, or trade places with other hidden tokens of the cell. The rest stay.
    """

    share: float
    mask: float = 0.8
    other: float = 0.1
    trade: float = 0.0

    @property
    def stay(self) -> float:
        """Share of the hidden tokens that are shown as they are."""
        return 1 - self.mask - self.other - self.trade


MASKING = {"scgpt": Masking(0.3), "geneformer": Masking(0.2)}
"""What a family is trained with where a schedule does not say otherwise."""


@dataclass(frozen=True)
class Masked:
    """A batch with some genes hidden.

    Attributes
    ----------
    batch
        What the model sees.
    chosen
        (cells, tokens) bool, True where a gene is hidden.
    truth
        Values (scGPT) or ids (Geneformer) at the hidden positions, in row order.
    """

    batch: Batch
    chosen: torch.Tensor
    truth: torch.Tensor


def hide(
    adapter: ModelAdapter,
    batch: Batch,
    generator: torch.Generator,
    masking: Masking | None = None,
) -> Masked:
    """Hide a random share of the genes of each cell; special tokens are never hidden.

    In Geneformer batches, as in BERT, 80 % of the chosen tokens become ``<mask>``, 10 % another
    gene, and 10 % stay, unless `masking` says otherwise.
    """
    masking = masking or MASKING[adapter.family]
    draw = torch.rand(batch.ids.shape, generator=generator)
    gene = (batch.genes >= 0).cpu()
    chosen = (draw < masking.share) & gene
    if not chosen.any():
        chosen.view(-1)[int(torch.where(gene, draw, 2.0).argmin())] = True
    chosen = chosen.to(batch.ids.device)
    if adapter.family == "scgpt":
        values = batch.values.masked_fill(chosen, float(adapter.config.mask_value))
        return Masked(replace(batch, values=values), chosen, batch.values[chosen])
    how = torch.rand(batch.ids.shape, generator=generator).to(batch.ids.device)
    first = 1 + max(v for k, v in adapter.dictionaries.tokens.items() if k.startswith("<"))
    last = adapter.module.config.vocab_size
    other = torch.randint(first, last, batch.ids.shape, generator=generator).to(batch.ids.device)
    mask = adapter.dictionaries.tokens["<mask>"]
    edges = np.cumsum([masking.mask, masking.other, masking.trade])
    ids = torch.where(chosen & (how < edges[0]), mask, batch.ids)
    ids = torch.where(chosen & (how >= edges[0]) & (how < edges[1]), other, ids)
    if masking.trade:
        ids = _traded(ids, chosen & (how >= edges[1]) & (how < edges[2]), generator)
    return Masked(replace(batch, ids=ids), chosen, batch.ids[chosen])


def _traded(ids: torch.Tensor, trades: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Deal the marked tokens of each cell out to their positions anew, at random."""
    ids = ids.clone()
    for cell, marked in enumerate(trades):
        positions = torch.where(marked)[0]
        dealt = torch.randperm(len(positions), generator=generator).to(positions.device)
        ids[cell, positions] = ids[cell, positions[dealt]]
    return ids


def loss_of(adapter: ModelAdapter, masked: Masked) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the training loss and the reported loss of a masked batch.

    The reported loss is the mean squared error in bins or the mean cross-entropy in nats at the
    hidden positions. Training of scGPT adds the error of the prediction from ``<cls>``.
    """
    # Heads only where a token is hidden: over all positions they would cost as much as the layers.
    output = adapter.forward(masked.batch)
    hidden = output.hidden[masked.chosen]
    if adapter.family == "geneformer":
        loss = cross_entropy(output.head(hidden), masked.truth)
        return loss, loss
    loss = mse_loss(adapter.module.decoder(hidden), masked.truth)
    # Scaled to about 1, so that clipping the gradient stays an exception.
    scale = (adapter.config.n_bins / 4) ** 2
    if not adapter.config.mvc:
        return loss / scale, loss
    cell = output.hidden[torch.where(masked.chosen)[0], 0]
    genes = adapter.module.encoder(masked.batch.ids[masked.chosen]).unsqueeze(1)
    from_cell = adapter.module.mvc_decoder(cell, genes).squeeze(1)
    return (loss + mse_loss(from_cell, masked.truth)) / scale, loss


def evaluate(
    adapter: ModelAdapter,
    tokens: Tokens,
    rows: np.ndarray,
    batch_size: int,
    seed: int,
    masking: Masking | None = None,
) -> float:
    """Return the reported loss over hidden genes of some cells, with one fixed draw of masks."""
    generator = torch.Generator().manual_seed(seed)
    total, positions = 0.0, 0
    adapter.module.eval()
    with torch.inference_mode():
        for start in range(0, len(rows), batch_size):
            batch = adapter.collate(tokens, rows[start : start + batch_size])
            masked = hide(adapter, batch, generator, masking)
            total += float(loss_of(adapter, masked)[1]) * len(masked.truth)
            positions += len(masked.truth)
    return total / positions


def baseline(
    adapter: ModelAdapter,
    tokens: Tokens,
    train: np.ndarray,
    test: np.ndarray,
    batch_size: int,
    seed: int,
    masking: Masking | None = None,
) -> float:
    """Return the loss of the cell-blind prediction on the masks that `evaluate` draws.

    scGPT: each gene's mean bin over the training cells. Geneformer: each token's share of all
    gene tokens of the training cells, one added to every count; where tokens trade places, the
    token that is shown, with the probability that it stayed, and else the shares.
    """
    masking = masking or MASKING[adapter.family]
    n_tokens = max(int(ids.max()) for ids in tokens.ids) + 1
    counts, sums = np.zeros(n_tokens), np.zeros(n_tokens)
    for row in train:
        gene = tokens.genes[row] >= 0
        np.add.at(counts, tokens.ids[row][gene], 1)
        if tokens.values is not None:
            np.add.at(sums, tokens.ids[row][gene], tokens.values[row][gene])
    overall = sums.sum() / counts.sum()
    mean = np.where(counts > 0, sums / np.maximum(counts, 1), overall)
    genes = len(
        {int(i) for ids, g in zip(tokens.ids, tokens.genes, strict=True) for i in ids[g >= 0]}
    )
    log_share = np.log((counts + 1) / (counts.sum() + genes))
    generator = torch.Generator().manual_seed(seed)
    total, positions = 0.0, 0
    for start in range(0, len(test), batch_size):
        batch = adapter.collate(tokens, test[start : start + batch_size])
        masked = hide(adapter, batch, generator, masking)
        truth = masked.truth.cpu().numpy()
        if tokens.values is None:
            log_p = log_share[truth]
            if masking.trade:
                shown = masked.batch.ids[masked.chosen].cpu().numpy() == truth
                log_p = np.log(masking.stay * shown + (1 - masking.stay) * np.exp(log_p))
            total -= log_p.sum()
        else:
            ids = batch.ids[masked.chosen].cpu().numpy()
            total += ((truth - mean[ids]) ** 2).sum()
        positions += len(truth)
    return float(total / positions)
