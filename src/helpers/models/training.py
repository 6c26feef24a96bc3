"""Train small models of the published architectures from scratch, reproducibly on a CPU."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from anndata import AnnData
from tqdm import tqdm

from helpers.errors import ModelError
from helpers.models.adapter import Batch, ModelAdapter, Tokens
from helpers.models.geneformer import GeneformerAdapter
from helpers.models.geneformer_tokens import Dictionaries
from helpers.models.objectives import Masking, baseline, evaluate, hide, loss_of
from helpers.models.scgpt import ScGPTAdapter, config_from
from helpers.models.scgpt_module import ScGPT

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shape:
    """Size of a small model; `mvc`: whether scGPT also predicts from the ``<cls>`` state."""

    n_layers: int = 4
    n_heads: int = 4
    width: int = 128
    d_hid: int = 256
    max_length: int = 512
    dropout: float = 0.0
    mvc: bool = True


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    The learning rate rises linearly over the first tenth of the steps and falls as a cosine.
    Cells are cut to `length` genes, drawn anew each time a cell comes up, except in every
    `whole_every`-th step, which sees whole cells. `masking` None is that of the family.
    """

    steps: int = 600
    batch_size: int = 16
    learning_rate: float = 1e-3
    held_out: float = 0.15
    report_every: int = 50
    warm_up: float = 0.1
    length: int | None = None
    whole_every: int = 4
    masking: Masking | None = None


@dataclass(frozen=True)
class Training:
    """What a training gave.

    Attributes
    ----------
    curve
        Rows (step, training loss since the last row, held-out loss).
    held_out_loss, baseline_loss
        On the same hidden genes of the held-out cells: squared error in bins, or nats.
    train, test
        Row numbers of the AnnData in each part.
    minutes
        Wall-clock time.
    losses
        Training loss of every step.
    measured
        What was measured at each row of the curve.
    """

    curve: list[tuple[int, float, float]]
    held_out_loss: float
    baseline_loss: float
    train: np.ndarray
    test: np.ndarray
    minutes: float
    losses: list[float] = field(default_factory=list, repr=False)
    measured: list[dict[str, float]] = field(default_factory=list, repr=False)


def new_model(family: str, adata: AnnData, shape: Shape, seed: int) -> ModelAdapter:
    """Return an untrained model whose vocabulary is the genes of `adata`.

    Parameters
    ----------
    family
        ``"scgpt"`` or ``"geneformer"``.
    adata
        Cells to be trained on; Geneformer's medians are computed from them.
    shape
        Size of the model.
    seed
        Of the initial weights.
    """
    if family == "scgpt":
        genes = adata.var_names.astype(str).tolist()
        vocabulary = {name: i for i, name in enumerate([*genes, "<pad>", "<cls>", "<eoc>"])}
        args = {
            "embsize": shape.width,
            "nheads": shape.n_heads,
            "d_hid": shape.d_hid,
            "nlayers": shape.n_layers,
            "dropout": shape.dropout,
            "n_bins": 51,
            "max_seq_len": shape.max_length,
            "pad_token": "<pad>",
            "pad_value": -2,
            "mask_value": -1,
            "input_style": "binned",
            "input_emb_style": "continuous",
            "use_batch_labels": False,
            "MVC": shape.mvc,
        }
        heads = {"mvc_decoder.W.weight": torch.empty(0)} if shape.mvc else {}
        config = config_from(args, vocabulary, heads, "args of a new model")
        with _seeded(seed):
            return ScGPTAdapter("new", _spread(ScGPT(config)), vocabulary, args)
    if family == "geneformer":
        from transformers import BertConfig, BertForMaskedLM

        from helpers.models.registered import IMPLEMENTATION

        dictionaries = corpus_dictionaries(adata)
        config = BertConfig(
            vocab_size=len(dictionaries.tokens),
            hidden_size=shape.width,
            num_hidden_layers=shape.n_layers,
            num_attention_heads=shape.n_heads,
            intermediate_size=shape.d_hid,
            max_position_embeddings=shape.max_length,
            hidden_act="relu",
            # The usual 0.02 suits a width of 768; narrow models start with flat attention at it.
            initializer_range=0.5 * shape.width**-0.5,
            hidden_dropout_prob=shape.dropout,
            attention_probs_dropout_prob=shape.dropout,
            pad_token_id=0,
            attn_implementation=IMPLEMENTATION,
        )
        with _seeded(seed):
            return GeneformerAdapter("new", BertForMaskedLM(config), dictionaries)
    raise ModelError(f"family {family!r}: only scgpt and geneformer are trained here")


def _spread(module: ScGPT) -> ScGPT:
    """Start where the inputs and outputs are bins from 1 to 50, not numbers around 0.

    With PyTorch's defaults the value encoder's hidden units all bend near 0, and its closing layer
    normalisation then maps bin 10 and bin 50 to almost the same vector. Here the units bend at
    points spread over the bins, and the decoder starts at the middle bin.
    """
    middle = module.config.n_bins / 2
    first = module.value_encoder.linear1
    with torch.no_grad():
        first.weight.copy_(torch.randn_like(first.weight).sign() * (2 / middle))
        first.bias.copy_(-first.weight[:, 0] * torch.rand_like(first.bias) * module.config.n_bins)
        module.decoder.fc[-1].bias.fill_(middle)
    return module


def random_model(family: str, like: ModelAdapter, seed: int) -> ModelAdapter:
    """Return a model of the same shape and vocabulary as `like` with fresh random weights.

    Raises
    ------
    ModelError
        If `like` is of another family.
    """
    if like.family != family:
        raise ModelError(f"a random {family} model cannot be shaped like a {like.family} one")
    with _seeded(seed):
        if family == "scgpt":
            module = ScGPT(like.config)
            adapter = ScGPTAdapter(f"{like.name}-random", module, like.vocabulary, like.args)
        else:  # a class of transformers
            module = type(like.module)(like.module.config)
            adapter = replace(like, name=f"{like.name}-random", module=module)
    reference = next(like.module.parameters())
    adapter.module.to(device=reference.device, dtype=reference.dtype).eval()
    return adapter


def corpus_dictionaries(adata: AnnData) -> Dictionaries:
    """Return a token and a median dictionary for the genes of `adata`.

    The median of a gene is that of its non-zero counts, each scaled to 10,000 counts a cell, as
    in the published model; a gene never seen gets 1. Identifiers are ``var["ensembl_id"]`` where
    all are there and differ, else the symbols.
    """
    from helpers.models.cells import counts_by_cell

    given = adata.var.get("ensembl_id")
    usable = given is not None and given.notna().all() and given.is_unique and (given != "").all()
    names = given.astype(str).tolist() if usable else adata.var_names.astype(str).tolist()
    counts = counts_by_cell(adata).astype(np.float64)
    totals = np.asarray(counts.sum(axis=1)).ravel()
    per_cell = np.repeat(np.maximum(totals, 1), np.diff(counts.indptr))
    counts.data *= 10_000 / per_cell
    by_gene = counts.tocsc()
    spans = zip(by_gene.indptr[:-1], by_gene.indptr[1:], strict=True)
    medians = [float(np.median(by_gene.data[a:b])) if b > a else 1.0 for a, b in spans]
    tokens = {name: i for i, name in enumerate(["<pad>", "<mask>", "<cls>", "<eos>", *names])}
    return Dictionaries(tokens, dict(zip(names, medians, strict=True)))


def train(
    adapter: ModelAdapter,
    adata: AnnData,
    schedule: Schedule,
    seed: int,
    measure: Callable[[ModelAdapter], dict[str, float]] | None = None,
) -> Training:
    """Train a model in place on part of the cells and measure it on the others.

    Whole cells are held out, drawn at random. The same seed on the same machine gives the same
    weights: the order of cells, the masks and the dropout all follow from it.

    Parameters
    ----------
    adapter
        Model to train; left in evaluation mode.
    adata
        Cells with counts.
    schedule
        Steps, batch size, learning rate, held-out share.
    seed
        Of everything random.
    measure
        Called with the model at each row of the curve, and draws nothing from torch's generator;
        what it returns is kept.
    """
    tokens = adapter.tokenise(adata, seed=seed)
    order = np.random.default_rng(seed).permutation(len(tokens))
    n_test = max(1, round(schedule.held_out * len(tokens)))
    test, rows = np.sort(order[:n_test]), np.sort(order[n_test:])
    started = time.monotonic()
    curve, losses, measured = _loop(adapter, tokens, rows, test, schedule, seed, measure)
    size, masking = schedule.batch_size, schedule.masking
    held_out = evaluate(adapter, tokens, test, size, seed, masking)
    return Training(
        curve=curve,
        held_out_loss=held_out,
        baseline_loss=baseline(adapter, tokens, rows, test, size, seed, masking),
        train=tokens.cells[rows],
        test=tokens.cells[test],
        minutes=(time.monotonic() - started) / 60,
        losses=losses,
        measured=measured,
    )


def _loop(
    adapter: ModelAdapter,
    tokens: Tokens,
    rows: np.ndarray,
    test: np.ndarray,
    schedule: Schedule,
    seed: int,
    measure: Callable[[ModelAdapter], dict[str, float]] | None,
) -> tuple[list[tuple[int, float, float]], list[float], list[dict[str, float]]]:
    rng = np.random.default_rng(seed + 1)
    generator = torch.Generator().manual_seed(seed + 2)
    optimiser = torch.optim.AdamW(
        adapter.module.parameters(), lr=schedule.learning_rate, weight_decay=0.01
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, schedule))
    curve, losses, measured, since = [], [], [], 0
    # The curve is drawn on a few held-out cells; the final loss is measured on all of them.
    probe = test[: 4 * schedule.batch_size]
    with _seeded(seed + 3):
        progress = tqdm(range(1, schedule.steps + 1), desc=f"train {adapter.family}", mininterval=5)
        for step in progress:
            adapter.module.train()
            chosen = rng.choice(rows, size=min(schedule.batch_size, len(rows)), replace=False)
            # Short cells teach most for the time; whole ones, now and then, teach their length.
            whole = step % schedule.whole_every == 0
            batch = _collate(adapter, tokens, chosen, None if whole else schedule.length, rng)
            masked = hide(adapter, batch, generator, schedule.masking)
            loss, reported = loss_of(adapter, masked)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(adapter.module.parameters(), 1.0)
            optimiser.step()
            scheduler.step()
            losses.append(float(reported.detach()))
            if step % schedule.report_every == 0 or step == schedule.steps:
                held_out = evaluate(
                    adapter, tokens, probe, schedule.batch_size, seed, schedule.masking
                )
                curve.append((step, float(np.mean(losses[since:])), held_out))
                since = len(losses)
                if measure is not None:
                    measured.append(measure(adapter))
                    logger.info("step %d: %s", step, measured[-1])
                progress.set_postfix(train=f"{curve[-1][1]:.3f}", held_out=f"{held_out:.3f}")
                logger.info("step %d: training %.3f, held out %.3f", *curve[-1])
    adapter.module.eval()
    return curve, losses, measured


def _collate(
    adapter: ModelAdapter,
    tokens: Tokens,
    chosen: np.ndarray,
    length: int | None,
    rng: np.random.Generator,
) -> Batch:
    """Pad some cells, each cut to a random subset of `length` genes, in their order."""
    if length is None:
        return adapter.collate(tokens, chosen)
    positions = []
    for row in chosen:
        genes = np.flatnonzero(tokens.genes[row] >= 0)
        special = np.flatnonzero(tokens.genes[row] < 0)
        positions.append(np.sort(np.concatenate([special, rng.permutation(genes)[:length]])))

    def cut(column: list[np.ndarray]) -> list[np.ndarray]:
        return [column[row][kept] for row, kept in zip(chosen, positions, strict=True)]

    smaller = replace(
        tokens,
        ids=cut(tokens.ids),
        genes=cut(tokens.genes),
        values=None if tokens.values is None else cut(tokens.values),
        cells=tokens.cells[chosen],
    )
    return adapter.collate(smaller, range(len(chosen)))


def _rate(step: int, schedule: Schedule) -> float:
    warm = max(1, round(schedule.warm_up * schedule.steps))
    if step < warm:
        return (step + 1) / warm
    share = (step - warm) / max(1, schedule.steps - warm)
    return 0.5 * (1 + math.cos(math.pi * share))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed torch inside the block and put the previous state back after it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
