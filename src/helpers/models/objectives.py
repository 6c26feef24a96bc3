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

MASK_SHARE = {"scgpt": 0.3, "geneformer": 0.2}
"""Share of a cell's genes that are masked."""


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
        Values (scGPT) or ids (Geneformer) at the hidden places, in row order.
    """

    batch: Batch
    chosen: torch.Tensor
    truth: torch.Tensor


def hide(adapter: ModelAdapter, batch: Batch, generator: torch.Generator) -> Masked:
    """Hide a random share of the genes of each cell; special tokens are never hidden.

    In Geneformer batches, as in BERT, 80 % of the chosen tokens become ``<mask>``, 10 % another
    gene, and 10 % stay.
    """
    draw = torch.rand(batch.ids.shape, generator=generator)
    gene = (batch.genes >= 0).cpu()
    chosen = (draw < MASK_SHARE[adapter.family]) & gene
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
    ids = torch.where(chosen & (how < 0.8), adapter.dictionaries.tokens["<mask>"], batch.ids)
    ids = torch.where(chosen & (how >= 0.8) & (how < 0.9), other, ids)
    return Masked(replace(batch, ids=ids), chosen, batch.ids[chosen])


def loss_of(adapter: ModelAdapter, masked: Masked) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the training loss and the reported loss of a masked batch.

    The reported loss is the mean squared error in bins or the mean cross-entropy in nats at the
    hidden places. Training of scGPT adds the error of the prediction from ``<cls>``.
    """
    # Heads only where a token is hidden: over all places they would cost as much as the layers.
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
    adapter: ModelAdapter, tokens: Tokens, rows: np.ndarray, batch_size: int, seed: int
) -> float:
    """Return the reported loss over hidden genes of some cells, with one fixed draw of masks."""
    generator = torch.Generator().manual_seed(seed)
    total, places = 0.0, 0
    adapter.module.eval()
    with torch.inference_mode():
        for start in range(0, len(rows), batch_size):
            batch = adapter.collate(tokens, rows[start : start + batch_size])
            masked = hide(adapter, batch, generator)
            total += float(loss_of(adapter, masked)[1]) * len(masked.truth)
            places += len(masked.truth)
    return total / places


def baseline(
    adapter: ModelAdapter,
    tokens: Tokens,
    train: np.ndarray,
    test: np.ndarray,
    batch_size: int,
    seed: int,
) -> float:
    """Return the loss of the cell-blind prediction on the masks that `evaluate` draws.

    scGPT: each gene's mean bin over the training cells. Geneformer: each token's share of all
    gene tokens of the training cells, one added to every count.
    """
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
    total, places = 0.0, 0
    for start in range(0, len(test), batch_size):
        batch = adapter.collate(tokens, test[start : start + batch_size])
        masked = hide(adapter, batch, generator)
        truth = masked.truth.cpu().numpy()
        if tokens.values is None:
            total -= log_share[truth].sum()
        else:
            ids = batch.ids[masked.chosen].cpu().numpy()
            total += ((truth - mean[ids]) ** 2).sum()
        places += len(truth)
    return float(total / places)
