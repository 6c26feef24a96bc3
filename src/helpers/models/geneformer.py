"""Load a published Geneformer directory (BertForMaskedLM) and use it through the interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from anndata import AnnData

from helpers.errors import ModelError
from helpers.models import geneformer_tokens
from helpers.models.adapter import Batch, LayerParts, ModelOutput, Tokens, pad
from helpers.models.geneformer_tokens import Dictionaries
from helpers.models.weights import (
    check_fit,
    check_layers,
    find_weights,
    read_dictionary,
    read_json,
    read_tensors,
    write_json,
    write_tensors,
)
from helpers.schema import FLAG, Among, Number, Whole, check_fields

if TYPE_CHECKING:  # transformers takes three seconds, which readers of other families save
    from transformers import BertConfig, BertForMaskedLM

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
_TIED = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
# Counters that old versions of transformers saved with the weights.
_COUNTERS = ("bert.embeddings.position_ids", "bert.embeddings.token_type_ids")
_NEEDED = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
)
# What of a configuration is used. Anything else, such as `auto_map` or `quantization_config`, could
# only change what is built, and is not handed on.
_FIELDS = {
    "vocab_size": Whole(2, 10_000_000),
    "hidden_size": Whole(1, 100_000),
    "num_hidden_layers": Whole(1, 1000),
    "num_attention_heads": Whole(1, 1000),
    "intermediate_size": Whole(1, 1_000_000),
    "max_position_embeddings": Whole(2, 1_000_000),
    "type_vocab_size": Whole(1, 1000),
    "pad_token_id": Whole(0, 10_000_000),
    "hidden_act": Among(("relu", "gelu", "gelu_new", "silu")),
    "hidden_dropout_prob": Number(0, 1),
    "attention_probs_dropout_prob": Number(0, 1),
    "initializer_range": Number(0, 100),
    "layer_norm_eps": Number(0, 1),
    "tie_word_embeddings": FLAG,
}
_REFUSED = ("auto_map", "quantization_config", "pruned_heads", "attribute_map", "is_decoder")


@dataclass
class GeneformerAdapter:
    """A loaded Geneformer model; see `helpers.models.adapter.ModelAdapter`."""

    name: str
    module: BertForMaskedLM
    dictionaries: Dictionaries
    family: str = "geneformer"
    causal: bool = False

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
        """Turn counts into ranked tokens; nothing is random, so `seed` changes nothing."""
        limit = min(max_length or self.max_length, self.max_length)
        return geneformer_tokens.tokenise(adata, self.dictionaries, max_length=limit)

    def collate(self, tokens: Tokens, rows: Sequence[int] | np.ndarray) -> Batch:
        """Pad the chosen entries of `tokens` to one length, on the model's device."""
        return pad(
            tokens, rows, pad_id=self.dictionaries.tokens["<pad>"], device=self.module.device
        )

    def forward(self, batch: Batch) -> ModelOutput:
        """Run the model; `prediction` holds the logits of every token at every position."""
        # A (cells, 1, 1, keys) mask serves all queries; no mask is faster where nothing is padded.
        mask = ~batch.padding[:, None, None, :] if bool(batch.padding.any()) else None
        output = self.module.bert(input_ids=batch.ids, attention_mask=mask)
        return ModelOutput(output.last_hidden_state, self.module.cls)

    def layers(self) -> list[LayerParts]:
        """Return the parts of every layer."""
        return [
            LayerParts(
                block=layer,
                attention=layer.attention.self,
                projection=layer.attention.output.dense,
                mlp_in=layer.intermediate.dense,
                mlp_out=layer.output.dense,
            )
            for layer in self.module.bert.encoder.layer
        ]


def load_geneformer(directory: Path) -> GeneformerAdapter:
    """Load ``config.json``, the weights and the dictionaries of a directory.

    Raises
    ------
    ModelError
        If a file is missing, unreadable or unsafe, the configuration is not a Geneformer's, or a
        tensor is missing, unexpected, of a wrong shape, or not finite.
    """
    directory = Path(directory)
    config = read_config(directory / "config.json")
    dictionaries = read_dictionaries(directory, config.vocab_size)
    path = find_weights(directory, WEIGHT_FILES)
    tensors = {name: t for name, t in read_tensors(path).items() if name not in _COUNTERS}
    module = build(config, path, tensors)
    return GeneformerAdapter(directory.name, module, dictionaries)


def save_geneformer(adapter: GeneformerAdapter, directory: Path) -> None:
    """Write the published layout, with the dictionaries as JSON."""
    directory = Path(directory)
    config = adapter.module.config.to_diff_dict()
    write_json(
        directory / "config.json",
        {"architectures": ["BertForMaskedLM"], "model_type": "bert", **config},
        indent=2,
    )
    state = adapter.module.state_dict()
    write_tensors(
        directory / "model.safetensors", {k: v for k, v in state.items() if k not in _TIED}
    )
    tables = adapter.dictionaries
    write_json(directory / "token_dictionary.json", tables.tokens)
    write_json(directory / "gene_median.json", tables.medians)
    if tables.mapping:
        write_json(directory / "ensembl_mapping_dict.json", tables.mapping)
    if tables.names:
        write_json(directory / "gene_name_id_dict.json", tables.names)


def read_config(path: Path) -> BertConfig:
    """Read ``config.json``; refuse what is not a bidirectional BERT with learned positions."""
    content = read_json(path)
    if content.get("model_type", "bert") != "bert":
        raise ModelError(f"{path}: model_type {content['model_type']!r}, Geneformer is a bert")
    check_fields(content, _FIELDS, path, ModelError, _NEEDED)
    if content.get("position_embedding_type", "absolute") != "absolute":
        raise ModelError(f"{path}: only absolute position embeddings are supported")
    if odd := [name for name in _REFUSED if content.get(name)]:
        raise ModelError(f"{path}: {', '.join(odd)} is set, which no Geneformer has")
    if content["hidden_size"] % content["num_attention_heads"]:
        raise ModelError(f"{path}: hidden_size is not a multiple of num_attention_heads")
    if content.get("pad_token_id", 0) >= content["vocab_size"]:
        raise ModelError(f"{path}: pad_token_id is none of {content['vocab_size']} tokens")
    from transformers import BertConfig

    return BertConfig(**{name: content[name] for name in _FIELDS if name in content})


def build(config: BertConfig, path: Path, tensors: dict[str, torch.Tensor]) -> BertForMaskedLM:
    """Make the module and fill it; every tensor must be there, fit, and be used.

    Raises
    ------
    ModelError
        Listing every missing, unexpected and wrong-shape tensor.
    """
    from transformers import BertForMaskedLM
    from transformers.utils.logging import disable_progress_bar

    from helpers.models.registered import IMPLEMENTATION

    # Loading takes a moment; a bar for it would only stand in the way of the real ones.
    disable_progress_bar()
    check_layers(path, tensors, "bert.encoder.layer.", config.num_hidden_layers)
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in BertForMaskedLM(config).state_dict().items()}
    wanted = {name: s for name, s in shapes.items() if name not in _TIED or name in tensors}
    check_fit(path, tensors, wanted)
    for name, source in _TIED.items():
        if name in tensors and not torch.equal(tensors[name], tensors[source]):
            raise ModelError(f"{path}: {name} differs from {source}, to which it must be tied")
    module, info = BertForMaskedLM.from_pretrained(
        None,
        config=config,
        state_dict=tensors,
        attn_implementation=IMPLEMENTATION,
        output_loading_info=True,
        dtype=torch.float32,
    )
    if left := {kind: sorted(map(str, keys)) for kind, keys in info.items() if keys}:
        raise ModelError(f"{path}: transformers did not load everything: {left}")
    return module.eval()


def read_dictionaries(directory: Path, vocab_size: int) -> Dictionaries:
    """Find and read the dictionaries that belong to a vocabulary size.

    They are looked for in the checkpoint's folder and, as in the published repository, in
    ``geneformer/`` and ``geneformer/gene_dictionaries_30m/`` beside it.

    Raises
    ------
    ModelError
        If no folder holds a token dictionary of that size with its medians.
    """
    beside = directory.parent / "geneformer"
    sizes = []
    for folder in (directory, beside, beside / "gene_dictionaries_30m"):
        for path in _named(folder, "token_dictionary"):
            tokens = read_dictionary(path)
            highest = _check_tokens(path, tokens)
            if highest != vocab_size - 1:
                sizes.append(f"{path} ({highest + 1})")
                continue
            tables = {
                name: read_dictionary(found[0])
                for name, stem in (
                    ("medians", "gene_median"),
                    ("mapping", "ensembl_mapping_dict"),
                    ("names", "gene_name_id_dict"),
                )
                if (found := _named(folder, stem))
            }
            if "medians" not in tables:
                raise ModelError(f"{folder}: gene_median*.json or .pkl is missing")
            _check_tables(folder, tables)
            return Dictionaries(tokens, **tables)
    seen = f"; of another size: {', '.join(sizes)}" if sizes else ""
    raise ModelError(
        f"{directory}: no token_dictionary*.json or .pkl for {vocab_size} tokens{seen}; "
        "put the published dictionaries into the folder"
    )


def _check_tables(folder: Path, tables: dict[str, dict]) -> None:
    for name, table in tables.items():
        kind = (int, float) if name == "medians" else str
        odd = [k for k, v in table.items() if not isinstance(v, kind) or isinstance(v, bool)]
        if odd:
            what = "number" if name == "medians" else "text"
            raise ModelError(f"{folder}: {name} of {odd[:3]} is no {what}; fetch the dictionaries")


def _named(folder: Path, stem: str) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.glob(f"{stem}*") if p.suffix in (".json", ".pkl"))


def _check_tokens(path: Path, tokens: dict) -> int:
    numbers = list(tokens.values())
    if not numbers or any(not isinstance(n, int) or isinstance(n, bool) for n in numbers):
        raise ModelError(f"{path}: token numbers must be whole numbers")
    if len(set(numbers)) < len(numbers) or min(numbers) < 0:
        raise ModelError(f"{path}: token numbers repeat or are negative")
    return max(numbers)
