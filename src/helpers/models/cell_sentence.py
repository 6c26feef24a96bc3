"""A GPT-NeoX language model that reads a cell as the names of its genes, highest count first.

Gene names are ordinary words: one name is one or more tokens. What a cell-sentence model attends
from gene to gene is therefore defined here, once, by `gene_attention`:

    A[i, j] = mean over the tokens q of gene i of the sum over the tokens k of gene j of a[q, k].

The sum over keys is the share of gene i's attention that lands on gene j; the mean over queries
keeps rows comparable between genes of different length. Rows sum to at most one: the rest is
attention on what is no gene. The model is causal: a gene attends to itself and to genes that stand
before it, that is, of a higher count, and cannot attend to later ones. `helpers.extraction.extract`
therefore counts a cell for the pair (i, j) only if j stands before i (or is i): a mean over all
cells that hold both would measure how often j has the higher count. That share is a competitor to
test against; `extract` keeps it beside the sums as ``count / held``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from anndata import AnnData
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedTokenizerFast

from helpers.errors import ModelError
from helpers.models.adapter import Batch, LayerParts, ModelOutput, Tokens, pad
from helpers.models.cells import counts_by_cell
from helpers.models.registered import IMPLEMENTATION
from helpers.models.weights import (
    check_fit,
    check_layers,
    find_weights,
    read_json,
    read_tensors,
)
from helpers.schema import FLAG, Among, Number, Whole, check_fields, foreign

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass
class CellSentenceAdapter:
    """A loaded cell-sentence model; see `helpers.models.adapter.ModelAdapter`.

    In its tokens, `genes` repeats a gene's index on each token of its name; spaces before a name
    belong to the name, and nothing else is special.
    """

    name: str
    module: GPTNeoXForCausalLM
    tokenizer: PreTrainedTokenizerFast
    family: str = "cell-sentence"
    causal: bool = True

    @property
    def n_layers(self) -> int:
        """Number of transformer layers."""
        return self.module.config.num_hidden_layers

    @property
    def n_heads(self) -> int:
        """Attention heads in each layer."""
        return self.module.config.num_attention_heads

    @property
    def width(self) -> int:
        """Width of the hidden states."""
        return self.module.config.hidden_size

    @property
    def max_length(self) -> int:
        """Most tokens of a cell."""
        return self.module.config.max_position_embeddings

    def tokenise(self, adata: AnnData, *, max_length: int | None = None, seed: int = 0) -> Tokens:
        """Write each cell as gene names by falling count, ties by name; nothing is random.

        A cell is cut before the first gene whose name would not fit completely.
        """
        limit = min(max_length or self.max_length, self.max_length)
        symbols = adata.var_names.astype(str).to_numpy()
        if not adata.var_names.is_unique:
            raise ModelError("gene symbols repeat; sum or rename them first")
        by_name = np.argsort(np.argsort(symbols, kind="stable"), kind="stable")
        first = [self._encode(symbol) for symbol in symbols]
        later = [self._encode(f" {symbol}") for symbol in symbols]
        counts = counts_by_cell(adata)
        ids, genes, cells, empty, truncated = [], [], [], [], 0
        for row in range(adata.n_obs):
            span = slice(counts.indptr[row], counts.indptr[row + 1])
            columns = counts.indices[span]
            order = columns[np.lexsort((by_name[columns], -counts.data[span]))]
            words = [(later if k else first)[gene] for k, gene in enumerate(order)]
            fitting = int((np.cumsum([len(word) for word in words]) <= limit).sum())
            truncated += fitting < len(words)
            if fitting == 0:
                empty.append(row)
                continue
            words, order = words[:fitting], order[:fitting]
            ids.append(np.concatenate(words))
            genes.append(np.repeat(order.astype(np.int64), [len(word) for word in words]))
            cells.append(row)
        return Tokens(
            ids=ids,
            values=None,
            genes=genes,
            gene_names=symbols,
            cells=np.array(cells, dtype=int),
            report={
                "genes": adata.n_vars,
                "genes_in_vocabulary": adata.n_vars,
                "genes_not_in_vocabulary": [],
                "tokens_per_gene": float(np.mean([len(word) for word in later])),
                "empty_cells": empty,
                "truncated_cells": truncated,
                "max_length": limit,
            },
        )

    def collate(self, tokens: Tokens, rows: Sequence[int] | np.ndarray) -> Batch:
        """Pad the chosen entries of `tokens` on the right; the causal mask hides what follows."""
        return pad(tokens, rows, pad_id=self.pad_id, device=self.module.device)

    @property
    def pad_id(self) -> int:
        """Token that fills short cells; it is masked, so any will do."""
        return self.tokenizer.pad_token_id or self.tokenizer.eos_token_id or 0

    def forward(self, batch: Batch) -> ModelOutput:
        """Run the model; `prediction` holds the logits of the next token at every position."""
        output = self.module.gpt_neox(
            input_ids=batch.ids, attention_mask=(~batch.padding).long(), use_cache=False
        )
        return ModelOutput(output.last_hidden_state, self.module.get_output_embeddings())

    def layers(self) -> list[LayerParts]:
        """Return the parts of every layer."""
        return [
            LayerParts(
                block=layer,
                attention=layer.attention,
                projection=layer.attention.dense,
                mlp_in=layer.mlp.dense_h_to_4h,
                mlp_out=layer.mlp.dense_4h_to_h,
            )
            for layer in self.module.gpt_neox.layers
        ]

    def _encode(self, word: str) -> np.ndarray:
        encoded = self.tokenizer.encode(word, add_special_tokens=False)
        if not encoded:
            raise ModelError(f"the tokenizer gives no token for the gene name {word!r}")
        return np.array(encoded, dtype=np.int64)


_FIELDS = {
    "vocab_size": Whole(2, 10_000_000),
    "hidden_size": Whole(1, 100_000),
    "num_hidden_layers": Whole(1, 1000),
    "num_attention_heads": Whole(1, 1000),
    "intermediate_size": Whole(1, 1_000_000),
    "max_position_embeddings": Whole(2, 1_000_000),
    "hidden_act": Among(("relu", "gelu", "gelu_new", "gelu_fast", "silu")),
    "rotary_pct": Number(0.001, 1),
    "rotary_emb_base": Number(1, 1e12),
    "partial_rotary_factor": Number(0.001, 1),
    "rope_theta": Number(1, 1e12),
    "layer_norm_eps": Number(0, 1),
    "initializer_range": Number(0, 100),
    "use_parallel_residual": FLAG,
    "attention_bias": FLAG,
    "tie_word_embeddings": FLAG,
    "bos_token_id": Whole(0, 10_000_000),
    "eos_token_id": Whole(0, 10_000_000),
}
"""Keys of ``config.json`` that are used, and their ranges."""
NEEDED = tuple(_FIELDS)[:6]


def read_config(path: Path, content: dict) -> GPTNeoXConfig:
    """Return the shape of a model from the object in ``config.json``.

    Raises
    ------
    ModelError
        If a key is missing or out of range.
    """
    given = {name: value for name, value in content.items() if value is not None}
    check_fields(given, _FIELDS, path, ModelError, NEEDED)
    if given["hidden_size"] % given["num_attention_heads"]:
        raise ModelError(f"{path}: hidden_size is not a multiple of num_attention_heads")
    used = {name: given[name] for name in _FIELDS if name in given}
    if "rope_parameters" in given:
        rope = given["rope_parameters"]
        kinds = {"rope_type": Among(("default",))} | {k: _FIELDS[k] for k in ROPE}
        if not isinstance(rope, dict) or set(rope) - set(kinds):
            raise ModelError(f"{path}: rope_parameters hold other than {', '.join(kinds)}")
        check_fields(rope, kinds, f"{path}, rope_parameters", ModelError)
        used["rope_parameters"] = rope
    elif given.get("rope_scaling"):
        raise ModelError(f"{path}: rope_scaling is set, which is not supported")
    with foreign(path, ModelError):
        return GPTNeoXConfig(**used)


ROPE = ("rope_theta", "partial_rotary_factor")


def load_cell_sentence(directory: Path) -> CellSentenceAdapter:
    """Load ``config.json``, the weights and ``tokenizer.json`` of a GPT-NeoX directory.

    Raises
    ------
    ModelError
        If a file is missing or unsafe, the model is not GPT-NeoX, or a tensor is missing,
        unexpected, of a wrong shape, or not finite.
    """
    directory = Path(directory)
    content = read_json(directory / "config.json")
    if content.get("model_type") != "gpt_neox":
        raise ModelError(
            f"{directory}/config.json: model_type {content.get('model_type')!r}, not gpt_neox"
        )
    if not (directory / "tokenizer.json").is_file():
        raise ModelError(f"{directory}: tokenizer.json is missing; it belongs to the checkpoint")
    config = read_config(directory / "config.json", content)
    path = find_weights(directory, WEIGHT_FILES)
    # Old files also hold each layer's causal mask and rotary frequencies, which are recomputed;
    # the output layer is called embed_out in files and lm_head in newer code.
    recomputed = ("attention.bias", "attention.masked_bias", "rotary_emb.inv_freq")
    tensors = {
        name.replace("embed_out.", "lm_head."): tensor
        for name, tensor in read_tensors(path).items()
        if not name.endswith(recomputed)
    }
    check_layers(path, tensors, "gpt_neox.layers.", config.num_hidden_layers)
    with torch.device("meta"):
        shapes = GPTNeoXForCausalLM(config).state_dict()
    check_fit(path, tensors, {name: tuple(tensor.shape) for name, tensor in shapes.items()})
    module, info = GPTNeoXForCausalLM.from_pretrained(
        None,
        config=config,
        state_dict=tensors,
        attn_implementation=IMPLEMENTATION,
        output_loading_info=True,
        dtype=torch.float32,
    )
    if left := {kind: sorted(map(str, keys)) for kind, keys in info.items() if keys}:
        raise ModelError(f"{path}: transformers did not load everything: {left}")
    with foreign(directory / "tokenizer.json", ModelError):
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(directory / "tokenizer.json"))
    if (words := len(tokenizer)) > config.vocab_size:
        raise ModelError(
            f"{directory}: {words} words of tokenizer.json, {config.vocab_size} stored"
        )
    return CellSentenceAdapter(directory.name, module.eval(), tokenizer)
