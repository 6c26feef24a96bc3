"""Load a published scGPT directory and use it through the common interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from anndata import AnnData

from helpers.errors import ModelError
from helpers.models import scgpt_tokens
from helpers.models.adapter import Batch, LayerParts, ModelOutput, Tokens, pad
from helpers.models.scgpt_module import ScGPT, ScGPTConfig
from helpers.models.weights import (
    check_fit,
    check_layers,
    find_weights,
    read_json,
    read_tensors,
    shapes_only,
    write_json,
    write_tensors,
)
from helpers.schema import FLAG, Among, Number, Text, Whole, check_fields

MOST_TOKENS = 10_000_000
WEIGHT_FILES = ("model.safetensors", "best_model.pt", "model.pt")
_NEEDED = ("embsize", "nheads", "d_hid", "nlayers")
_FIELDS = {
    "embsize": Whole(1, 100_000),
    "nheads": Whole(1, 1000),
    "d_hid": Whole(1, 1_000_000),
    "nlayers": Whole(1, 1000),
    "dropout": Number(0, 1),
    "n_bins": Whole(3, 10_000),
    "n_input_bins": Whole(1, 100_000),
    "max_seq_len": Whole(2, 1_000_000),
    "pad_value": Whole(-1_000_000, 1_000_000),
    "mask_value": Whole(-1_000_000, 1_000_000),
    "num_batch_labels": Whole(0, 100_000),
    "use_batch_labels": FLAG,
    "explicit_zero_prob": FLAG,
    "pad_token": Text(),
    "input_emb_style": Among(("continuous", "category", "scaling")),
    "domain_spec_batchnorm": Among((False, True, "dsbn", "batchnorm")),
    "DSBN": Among((False, True, "dsbn", "batchnorm")),
}


@dataclass
class ScGPTAdapter:
    """A loaded scGPT model; see `helpers.models.adapter.ModelAdapter`.

    Attributes
    ----------
    vocabulary
        Token number of every symbol and special token.
    args
        The checkpoint's ``args.json``.
    """

    name: str
    module: ScGPT
    vocabulary: dict[str, int]
    args: dict
    family: str = "scgpt"
    causal: bool = False

    @property
    def config(self) -> ScGPTConfig:
        """Shape of the model."""
        return self.module.config

    @property
    def n_layers(self) -> int:
        """Number of transformer layers."""
        return self.config.n_layers

    @property
    def n_heads(self) -> int:
        """Attention heads in each layer."""
        return self.config.n_heads

    @property
    def width(self) -> int:
        """Width of the hidden states."""
        return self.config.width

    @property
    def max_length(self) -> int:
        """Most tokens of a cell."""
        return self.config.max_length

    def tokenise(self, adata: AnnData, *, max_length: int | None = None, seed: int = 0) -> Tokens:
        """Turn counts into tokens; see `helpers.models.scgpt_tokens.tokenise`."""
        return scgpt_tokens.tokenise(
            adata,
            self.vocabulary,
            max_length=min(max_length or self.max_length, self.max_length),
            n_bins=self.config.n_bins,
            pad_value=self.config.pad_value,
            n_batches=self.config.n_batches,
            seed=seed,
        )

    def collate(self, tokens: Tokens, rows: Sequence[int] | np.ndarray) -> Batch:
        """Pad the chosen entries of `tokens` to one length, on the model's device."""
        weight = self.module.encoder.embedding.weight
        return pad(
            tokens,
            rows,
            pad_id=self.config.pad_id,
            pad_value=self.config.pad_value,
            device=weight.device,
            dtype=weight.dtype,
        )

    def forward(self, batch: Batch) -> ModelOutput:
        """Run the model; `prediction` is the expected bin of each token."""
        hidden = self.module(batch.ids, batch.values, batch.padding, batch.batch_labels)
        return ModelOutput(hidden, lambda states: self.module.predict(states, batch.batch_labels))

    def layers(self) -> list[LayerParts]:
        """Return the parts of every layer."""
        return [
            LayerParts(
                block=layer,
                attention=layer.self_attn,
                projection=layer.self_attn.out_proj,
                mlp_in=layer.linear1,
                mlp_out=layer.linear2,
            )
            for layer in self.module.transformer_encoder.layers
        ]


def load_scgpt(directory: Path) -> ScGPTAdapter:
    """Load ``args.json``, ``vocab.json`` and the weights of a directory.

    Both published names of the packed attention matrix are read (``self_attn.Wqkv.weight`` and
    ``self_attn.in_proj_weight``). The heads that do not touch the hidden states (`cls_decoder`,
    `mvc_decoder`, `flag_encoder`, `grad_reverse_discriminator`) may be there or not; everything
    else must be exactly what ``args.json`` asks for.

    Raises
    ------
    ModelError
        If a file is missing or unreadable, an option is not supported, or a tensor is missing,
        unexpected, of a wrong shape, or not finite.
    """
    directory = Path(directory)
    args = read_json(directory / "args.json")
    check_fields(args, _FIELDS, directory / "args.json", ModelError, _NEEDED)
    vocabulary = _read_vocabulary(directory / "vocab.json", args.get("pad_token", "<pad>"))
    path = find_weights(directory, WEIGHT_FILES)
    tensors = {_plain(name): tensor for name, tensor in read_tensors(path).items()}
    config = config_from(args, vocabulary, tensors, directory / "args.json")
    check_layers(path, tensors, "transformer_encoder.layers.", config.n_layers)
    with shapes_only():
        module = ScGPT(config)
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    check_fit(path, tensors, wanted)
    module.load_state_dict(tensors, assign=True)
    module.requires_grad_(True)
    return ScGPTAdapter(directory.name, module.eval(), vocabulary, args)


def save_scgpt(adapter: ScGPTAdapter, directory: Path) -> None:
    """Write the published layout: ``args.json``, ``vocab.json``, ``model.safetensors``."""
    directory = Path(directory)
    write_json(directory / "args.json", adapter.args, indent=2)
    write_json(directory / "vocab.json", adapter.vocabulary)
    tensors = {
        name.replace("in_proj_", "Wqkv."): tensor
        for name, tensor in adapter.module.state_dict().items()
    }
    write_tensors(directory / "model.safetensors", tensors)


def config_from(
    args: Mapping, vocabulary: Mapping[str, int], tensors: Mapping[str, torch.Tensor], where: Path
) -> ScGPTConfig:
    """Combine ``args.json``, the vocabulary and the optional heads found among the tensors.

    Raises
    ------
    ModelError
        If a needed entry is missing or an option is not supported.
    """
    check_fields(args, _FIELDS, where, ModelError, _NEEDED)
    if args["embsize"] % args["nheads"]:
        raise ModelError(f"{where}: embsize {args['embsize']} is not a multiple of nheads")
    style = args.get("input_emb_style", "continuous")
    for option, refused in (("pre_norm", True), ("fast_transformer_backend", "linear")):
        if args.get(option) == refused:
            raise ModelError(f"{where}: {option}={refused!r} is another architecture, unsupported")
    if "mvc_decoder.fc1.weight" in tensors:
        raise ModelError(f"{where}: only the inner-product mvc_decoder is supported")
    batch_norm = _batch_norm(args)
    return ScGPTConfig(
        n_tokens=max(vocabulary.values()) + 1,
        width=args["embsize"],
        n_heads=args["nheads"],
        n_layers=args["nlayers"],
        d_hid=args["d_hid"],
        pad_id=vocabulary[args.get("pad_token", "<pad>")],
        dropout=float(args.get("dropout", 0.2)),
        n_bins=int(args.get("n_bins", 51)),
        max_length=int(args.get("max_seq_len", 1200)),
        pad_value=int(args.get("pad_value", -2)),
        mask_value=int(args.get("mask_value", -1)),
        input_emb_style=style,
        n_input_bins=int(args.get("n_input_bins", args.get("n_bins", 51) + 2)),
        batch_labels=bool(args.get("use_batch_labels", False)),
        batch_norm=batch_norm,
        n_batches=_n_batches(args, tensors, batch_norm, where),
        explicit_zero_prob=bool(args.get("explicit_zero_prob", False)),
        n_cls=_rows(tensors, "cls_decoder.out_layer.weight"),
        n_layers_cls=1
        + sum(1 for n, t in tensors.items() if n.startswith("cls_decoder._dec") and t.ndim == 2),
        mvc=any(name.startswith("mvc_decoder.") for name in tensors),
        flag_encoder="flag_encoder.weight" in tensors,
        discriminator=any(name.startswith("grad_reverse_discriminator.") for name in tensors),
    )


def _plain(name: str) -> str:
    return name.replace("self_attn.Wqkv.", "self_attn.in_proj_")


def _rows(tensors: Mapping[str, torch.Tensor], name: str) -> int:
    return int(tensors[name].shape[0]) if name in tensors else 0


def _batch_norm(args: Mapping) -> str:
    value = args.get("domain_spec_batchnorm", args.get("DSBN", False))
    return {False: "none", True: "dsbn"}.get(value, value)


def _n_batches(
    args: Mapping, tensors: Mapping[str, torch.Tensor], batch_norm: str, where: Path
) -> int:
    if not args.get("use_batch_labels", False) and batch_norm != "dsbn":
        return 0
    named = int(args.get("num_batch_labels", 0))
    domains = {name.split(".")[2] for name in tensors if name.startswith("dsbn.bns.")}
    found = _rows(tensors, "batch_encoder.embedding.weight") or len(domains)
    if not (named or found):
        raise ModelError(
            f"{where}: batch labels are asked for, and neither num_batch_labels nor the weights "
            "(batch_encoder.embedding.weight, dsbn.bns.*) say how many there are"
        )
    if named and found and named != found:
        raise ModelError(f"{where}: num_batch_labels is {named} and {found} batches are stored")
    return named or found


def _read_vocabulary(path: Path, pad_token: str) -> dict[str, int]:
    vocabulary = read_json(path)
    bad = [k for k, v in vocabulary.items() if not isinstance(v, int) or isinstance(v, bool)]
    if bad:
        raise ModelError(f"{path}: token numbers must be whole numbers, not so for {bad[:5]}")
    if vocabulary and max(vocabulary.values()) > MOST_TOKENS:
        raise ModelError(f"{path}: token numbers beyond {MOST_TOKENS:,}; fetch it again")
    if absent := [token for token in (pad_token, "<cls>") if token not in vocabulary]:
        raise ModelError(f"{path}: special tokens {absent} are missing")
    if len(set(vocabulary.values())) < len(vocabulary) or min(vocabulary.values()) < 0:
        raise ModelError(f"{path}: token numbers repeat or are negative")
    return vocabulary
