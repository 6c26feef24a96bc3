r"""Transformers with weights set by hand: one known path from each TF to each of its targets.

Head (layer 0, head 1) of a target attends to the target's TF and to nothing else, and copies the
TF's value; the MLP of layer 1 passes it on to the prediction, upright for an activated target and
mirrored for a repressed one. Tokens without a TF attend to ``<cls>``. All other heads and MLPs add
exactly nothing. What the model says of a target follows from its TF in closed form, so a method
that looks for circuits has one right answer here.

The layer normalisations of both architectures stand in the way of exact arithmetic. They become
multiplications by a constant, which their own weight takes back, because every state has mean 0 and
the same length: a token is a pair (1, -1) at its own two places, and a number :math:`u` from 0 to 1
is written as :math:`(u, -u, \sqrt{1-u^2}, -\sqrt{1-u^2})`. Attention is exactly 0 or 1 because the
logits lie so far apart that the exponential of the difference is 0 in floating point.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import torch
from torch.nn import LayerNorm
from transformers import BertConfig, BertForMaskedLM

from helpers.errors import ModelError
from helpers.models.adapter import ModelAdapter
from helpers.models.geneformer import GeneformerAdapter
from helpers.models.geneformer_tokens import Dictionaries
from helpers.models.registered import IMPLEMENTATION
from helpers.models.scgpt import ScGPTAdapter, config_from
from helpers.models.scgpt_module import ScGPT

HEAD, MLP = (0, 1), 1
"""Layer and head that read the TF, and the layer whose MLP passes its value on.

:meta hide-value:
"""
N_LAYERS, N_HEADS, N_HIDDEN, N_BINS = 2, 4, 4, 51
GENES = [*(f"TF{i}" for i in range(4)), *(f"G{i}" for i in range(12))]
LOGIT = 1000.0
"""Distance of attention logits: exp(-1000) is 0, in single and in double precision."""


@dataclass(frozen=True)
class Layout:
    """Places in the hidden state.

    Attributes
    ----------
    token
        Vocabulary number of each gene symbol and special token; token t is (1, -1) at places
        (2t, 2t + 1).
    own, seen, out
        First of the four places of the token's own value, of the value that the head has copied,
        and of the prediction.
    """

    token: dict[str, int]

    @property
    def own(self) -> int:
        """First place of the own value."""
        return 2 * len(self.token)

    @property
    def seen(self) -> int:
        """First place of the copied value."""
        return self.own + 4

    @property
    def out(self) -> int:
        """First place of the prediction."""
        return self.own + 8

    @property
    def width(self) -> int:
        """Width of the state: all places, and a unit for each bin."""
        needed = max(self.own + 12, N_BINS)
        return needed + -needed % N_HEADS

    def at(self, name: str) -> int:
        """Return the place that is 1 where the token is `name`."""
        return 2 * self.token[name]


def hand_set(family: str, network: pd.DataFrame, genes: list[str]) -> ModelAdapter:
    """Return a model that implements a network through `HEAD` and `MLP`, in closed form.

    scGPT predicts for an activated target the bin of its TF, v, for a repressed one 51 - v, and 0
    for every other token. In Geneformer the logit of a target at its own place rises (activated)
    or falls (repressed) with the TF's rank; it is 0 for other tokens.

    Parameters
    ----------
    family
        ``"scgpt"`` or ``"geneformer"``.
    network
        Edges ``source, target, weight``; the sign of the weight is used. One TF for each target,
        and no TF is a target.
    genes
        Symbols of the vocabulary.

    Raises
    ------
    ModelError
        If the family is another, a gene is not among `genes`, or the network has a target with two
        TFs or a TF that is a target.
    """
    if unknown := sorted((set(network["source"]) | set(network["target"])) - set(genes)):
        raise ModelError(f"hand-set network: {', '.join(unknown[:5])} not among the genes")
    if network["target"].duplicated().any() or set(network["source"]) & set(network["target"]):
        raise ModelError("hand-set network: one TF for each target, and no TF may be a target")
    if family == "scgpt":
        return _scgpt(network, genes)
    if family == "geneformer":
        return _geneformer(network, genes)
    raise ModelError(f"family {family!r}: only scgpt and geneformer are set by hand")


def some_network(seed: int) -> pd.DataFrame:
    """Nine of the twelve genes have a TF, drawn at random, with a random sign."""
    rng = np.random.default_rng(seed)
    targets = rng.permutation(GENES[4:])[:9]
    return pd.DataFrame(
        {
            "source": rng.choice(GENES[:4], 9),
            "target": targets,
            "weight": rng.choice([-1.0, 1.0], 9),
        }
    )


def some_cells(seed: int, n: int = 30) -> anndata.AnnData:
    """Counts in which some TFs are absent from some cells."""
    counts = np.random.default_rng(seed).poisson(2.5, (n, len(GENES))).astype(np.float32)
    counts[:, -1] += 1
    obs = pd.DataFrame(index=[f"cell{i}" for i in range(n)])
    return anndata.AnnData(counts, obs=obs, var=pd.DataFrame(index=GENES))


def _code(u: np.ndarray) -> np.ndarray:
    """Return (n, 4): numbers from 0 to 1 with mean 0 and the same length."""
    other = np.sqrt(1 - u**2)
    return np.stack([u, -u, other, -other], axis=1)


def _embedding(layout: Layout) -> np.ndarray:
    table = np.zeros((len(layout.token), layout.width))
    row = np.arange(len(layout.token))
    table[row, 2 * row], table[row, 2 * row + 1] = 1.0, -1.0
    return table


def _head(layout: Layout, network: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return query, key and value (head_dim x width) and output (width x head_dim) of the head."""
    size = layout.width // N_HEADS
    tfs = network["source"].unique().tolist()
    if len(tfs) + 1 > size:
        raise ModelError(f"hand-set network: {len(tfs)} TFs, {size - 1} fit {len(layout.token)}")
    query, key, value = (np.zeros((size, layout.width)) for _ in range(3))
    # Column 0 of the head is <cls>, sought by every token; a target seeks its TF twice as much.
    query[0, [layout.at(name) for name in layout.token]] = LOGIT
    key[0, layout.at("<cls>")] = 1.0
    for place, tf in enumerate(tfs, start=1):
        targets = network.loc[network["source"] == tf, "target"]
        query[place, [layout.at(name) for name in targets]] = 2 * LOGIT
        key[place, layout.at(tf)] = 1.0
    value[[0, 1], [layout.own, layout.own + 2]] = 1.0
    output = np.zeros((layout.width, size))
    output[layout.seen : layout.seen + 4, :2] = [[1, 0], [-1, 0], [0, 1], [0, -1]]
    return {"query": query * np.sqrt(size), "key": key, "value": value, "output": output}


def _targets(layout: Layout, network: pd.DataFrame, sign: int) -> list[int]:
    """Return the places of the targets that are activated (1) or repressed (-1)."""
    return [layout.at(name) for name in network.loc[network["weight"] * sign > 0, "target"]]


def _mlp(layout: Layout, network: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weight and bias of the first map and weight of the second.

    The four units are u where the token is an activated target, u where it is a repressed one,
    sqrt(1 - u^2) where it is either, and 1 where it is neither; the prediction is the first less
    the second.
    """
    up, down = (_targets(layout, network, sign) for sign in (1, -1))
    first, second = np.zeros((N_HIDDEN, layout.width)), np.zeros((layout.width, N_HIDDEN))
    first[[0, 1], layout.seen] = 1.0
    first[2, layout.seen + 2] = 1.0
    first[0, up] = first[1, down] = first[2, up + down] = 1.0
    first[3, up + down] = -1.0
    bias = np.array([-1.0, -1.0, -1.0, 1.0])
    second[layout.out : layout.out + 2] = [[1, -1, 0, 0], [-1, 1, 0, 0]]
    second[layout.out + 2 : layout.out + 4] = [[0, 0, 1, 1], [0, 0, -1, -1]]
    return first, bias, second


def _scgpt(network: pd.DataFrame, genes: list[str]) -> ScGPTAdapter:
    vocabulary = {name: i for i, name in enumerate([*genes, "<pad>", "<cls>", "<eoc>"])}
    layout = Layout(vocabulary)
    args = {
        "embsize": layout.width,
        "nheads": N_HEADS,
        "d_hid": N_HIDDEN,
        "nlayers": N_LAYERS,
        "dropout": 0.0,
        "n_bins": N_BINS,
        "max_seq_len": len(vocabulary),
        "pad_token": "<pad>",
        "pad_value": -2,
        "mask_value": -1,
    }
    module = ScGPT(config_from(args, vocabulary, {}, Path("hand-set args")))
    _clear(module)
    _fill(module.encoder.embedding.weight, _embedding(layout))
    # Hidden units bend at every bin, so that the encoder is a table of v -> code(v / 50).
    encoder, top = module.value_encoder, N_BINS - 1
    table = _code(np.arange(N_BINS) / top)
    bends = np.diff(np.diff(table, axis=0), axis=0, prepend=0.0)
    own = slice(layout.own, layout.own + 4)
    _fill(encoder.linear1.weight[:top], 1.0)
    _fill(encoder.linear1.bias[:top], -np.arange(top))
    _fill(encoder.linear2.weight[own, :top], bends.T)
    _fill(encoder.linear2.bias[own], table[0])
    # Prediction: top * u, and top + 1 more where the target is repressed; units stay above 0.
    first, second, last = (module.decoder.fc[i] for i in (0, 2, 4))
    reads = np.zeros((2, layout.width))
    reads[0, layout.out] = reads[1, _targets(layout, network, -1)] = 1.0
    _fill(first.weight[:2], reads)
    _fill(first.bias[0], 1.0)
    _fill(second.weight[:2, :2], np.eye(2))
    _fill(last.weight[0, :2], [top, top + 1])
    _fill(last.bias, -top)

    adapter = ScGPTAdapter("hand-set-scgpt", module.eval(), vocabulary, args)
    head, rows = _head(layout, network), _rows(layout)
    packed = module.transformer_encoder.layers[HEAD[0]].self_attn.in_proj_weight
    for part, name in enumerate(("query", "key", "value")):
        _fill(packed[part * layout.width :][rows], head[name])
    _fill_layers(adapter, layout, network)
    norms = {module.encoder.enc_norm: 2, encoder.norm: 2}
    layers = module.transformer_encoder.layers
    _undo(norms | _lengths([(layer.norm1, layer.norm2) for layer in layers]), layout)
    return adapter


def _geneformer(network: pd.DataFrame, genes: list[str]) -> GeneformerAdapter:
    names = ["<pad>", "<mask>", "<cls>", "<eos>", *genes]
    tables = Dictionaries({name: i for i, name in enumerate(names)}, dict.fromkeys(genes, 1.0))
    layout = Layout(tables.tokens)
    longest = len(genes) + 2
    config = BertConfig(
        vocab_size=len(names),
        hidden_size=layout.width,
        num_hidden_layers=N_LAYERS,
        num_attention_heads=N_HEADS,
        intermediate_size=N_HIDDEN,
        max_position_embeddings=longest,
        hidden_act="relu",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=0,
        attn_implementation=IMPLEMENTATION,
    )
    module = BertForMaskedLM(config).eval()
    _clear(module)
    bert, transform = module.bert, module.cls.predictions.transform
    _fill(bert.embeddings.word_embeddings.weight, _embedding(layout))
    # The first place is 1, the last 0.
    places = bert.embeddings.position_embeddings.weight
    _fill(places[:, layout.own : layout.own + 4], _code(np.linspace(1, 0, longest)))
    # Unit of a target: u, or 1 - u where it is repressed, at its own tokens only; the last unit,
    # sqrt(1 - u^2), keeps the closing normalisation from removing the size of u.
    for sign, offset in ((1, -2.0), (-1, -1.0)):
        for at in _targets(layout, network, sign):
            _fill(transform.dense.weight[at, layout.out], 1.0)
            _fill(transform.dense.weight[at, at], 2.0)
            _fill(transform.dense.bias[at], offset)
    _fill(transform.dense.weight[-1, layout.out + 2], 1.0)

    adapter = GeneformerAdapter("hand-set-geneformer", module, tables)
    head, rows = _head(layout, network), _rows(layout)
    attention = adapter.layers()[HEAD[0]].attention
    for name in ("query", "key", "value"):
        _fill(getattr(attention, name).weight[rows], head[name])
    _fill_layers(adapter, layout, network)
    norms = {bert.embeddings.LayerNorm: 4, transform.LayerNorm: 1}
    pairs = [
        (layer.attention.output.LayerNorm, layer.output.LayerNorm) for layer in bert.encoder.layer
    ]
    _undo(norms | _lengths(pairs), layout)
    return adapter


def _fill_layers(adapter: ModelAdapter, layout: Layout, network: pd.DataFrame) -> None:
    """Fill what both families name alike: the head's output and the MLP."""
    parts = adapter.layers()
    _fill(parts[HEAD[0]].projection.weight[:, _rows(layout)], _head(layout, network)["output"])
    first, bias, second = _mlp(layout, network)
    _fill(parts[MLP].mlp_in.weight, first)
    _fill(parts[MLP].mlp_in.bias, bias)
    _fill(parts[MLP].mlp_out.weight, second)


def _lengths(pairs: list[tuple[LayerNorm, LayerNorm]]) -> dict[LayerNorm, int]:
    """Return the squared length of what each layer's two normalisations receive."""
    found = {}
    for layer, (after_attention, after_mlp) in enumerate(pairs):
        found[after_attention] = 4 + 2 * (layer >= HEAD[0]) + 2 * (layer > MLP)
        found[after_mlp] = 4 + 2 * (layer >= HEAD[0]) + 2 * (layer >= MLP)
    return found


def _undo(norms: dict[LayerNorm, int], layout: Layout) -> None:
    """Let every normalisation give back what it receives, whose squared length is known."""
    for norm, squared in norms.items():
        _fill(norm.weight, np.sqrt(squared / layout.width + norm.eps))


def _rows(layout: Layout) -> slice:
    """Return the rows of the head in the packed heads."""
    size = layout.width // N_HEADS
    return slice(HEAD[1] * size, (HEAD[1] + 1) * size)


def _clear(module: torch.nn.Module) -> None:
    for parameter in module.parameters():
        _fill(parameter, 0.0)


def _fill(place: torch.Tensor, values: np.ndarray | float) -> None:
    with torch.no_grad():
        place.copy_(torch.as_tensor(values, dtype=place.dtype))
