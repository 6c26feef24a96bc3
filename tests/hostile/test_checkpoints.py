"""Checkpoints of three families, malformed in every file: refused before much is built."""

from __future__ import annotations

import json
import os
import pickle
import shutil

import models_kit as kit
import numpy as np
import pytest
import torch
from hostile_kit import JUNK, bomb, refuses
from safetensors.torch import load_file, save_file

from helpers.models.load import load_model

HUGE, NAN = 10**9, float("nan")

ARGS = {
    "300,000 layers": {"nlayers": 300_000},
    "more layers than stored": {"nlayers": 4},
    "fewer layers than stored": {"nlayers": 2},
    "no layer": {"nlayers": 0},
    "layers as text": {"nlayers": "3"},
    "layers true": {"nlayers": True},
    "layers a float": {"nlayers": 3.0},
    "layers missing": {"nlayers": None},
    "layers a list": {"nlayers": [3]},
    "a billion heads": {"nheads": HUGE},
    "negative heads": {"nheads": -4},
    "no head": {"nheads": 0},
    "heads that do not divide": {"nheads": 5},
    "a billion wide": {"embsize": HUGE},
    "another width": {"embsize": 64},
    "width negative": {"embsize": -32},
    "hidden a billion": {"d_hid": HUGE},
    "hidden another": {"d_hid": 49},
    "a billion bins": {"n_bins": HUGE},
    "one bin": {"n_bins": 1},
    "bins as text": {"n_bins": "51"},
    "bins NaN": {"n_bins": NAN},
    "ten billion input bins": {"input_emb_style": "category", "n_input_bins": 10**10},
    "a billion batch labels": {"use_batch_labels": True, "num_batch_labels": HUGE},
    "batch labels not stored": {"use_batch_labels": True, "num_batch_labels": 4},
    "batch labels unsaid": {"use_batch_labels": True},
    "batch labels as text": {"use_batch_labels": "yes"},
    "length of one": {"max_seq_len": 1},
    "length negative": {"max_seq_len": -5},
    "length of text": {"max_seq_len": "long"},
    "length endless": {"max_seq_len": 10**12},
    "dropout of two": {"dropout": 2},
    "dropout NaN": {"dropout": NAN},
    "dropout as text": {"dropout": "0.2"},
    "style unknown": {"input_emb_style": "magic"},
    "style a list": {"input_emb_style": ["continuous"]},
    "norm a list": {"domain_spec_batchnorm": ["dsbn"]},
    "norm unknown": {"domain_spec_batchnorm": "other"},
    "norm not stored": {"domain_spec_batchnorm": "batchnorm"},
    "pre-norm": {"pre_norm": True},
    "linear attention": {"fast_transformer_backend": "linear"},
    "padding a number": {"pad_token": 3},
    "padding a list": {"pad_token": ["<pad>"]},
    "padding unknown": {"pad_token": "<nothing>"},
    "pad value as text": {"pad_value": "-2"},
    "pad value endless": {"pad_value": 10**30},
}
VOCABULARY = {
    "empty": {},
    "numbers as text": kit.VOCABULARY | {"GENE0": "0"},
    "numbers true": kit.VOCABULARY | {"GENE0": True},
    "numbers floats": kit.VOCABULARY | {"GENE0": 0.5},
    "numbers missing": kit.VOCABULARY | {"GENE0": None},
    "numbers lists": kit.VOCABULARY | {"GENE0": [0]},
    "numbers repeated": kit.VOCABULARY | {"GENE0": 1},
    "numbers negative": kit.VOCABULARY | {"GENE0": -1},
    "numbers endless": kit.VOCABULARY | {"GENE0": 10**18},
    "more than stored": kit.VOCABULARY | {"NEW": 43},
    "no padding": {k: v for k, v in kit.VOCABULARY.items() if k != "<pad>"},
    "no start": {k: v for k, v in kit.VOCABULARY.items() if k != "<cls>"},
}


def changed(name: str, value) -> dict:
    return kit.scgpt_tensors() | {name: value}


def named(tensor: torch.Tensor) -> dict:
    """A state in which one matrix is another tensor."""
    return changed("encoder.embedding.weight", tensor)


WEIGHTS = {
    "a missing tensor": lambda: {
        k: v for k, v in kit.scgpt_tensors().items() if k != "decoder.fc.0.weight"
    },
    "an unexpected tensor": lambda: changed("extra.weight", torch.zeros(2)),
    "another shape": lambda: named(torch.zeros(43, 31)),
    "no dimension": lambda: named(torch.tensor(1.0)),
    "NaN": lambda: named(torch.full((43, 32), NAN)),
    "infinite": lambda: named(torch.full((43, 32), float("inf"))),
    "whole numbers": lambda: named(torch.zeros(43, 32, dtype=torch.int64)),
    "truth values": lambda: named(torch.zeros(43, 32, dtype=torch.bool)),
    "complex": lambda: named(torch.zeros(43, 32, dtype=torch.complex64)),
    "sparse": lambda: named(torch.zeros(43, 32).to_sparse()),
    "meta": lambda: named(torch.zeros(43, 32, device="meta")),
    "one number as billions": lambda: named(torch.zeros(1).expand(10**10, 32)),
    "one number as a matrix": lambda: named(torch.zeros(1).expand(43, 32)),
    "no tensor": lambda: changed("encoder.embedding.weight", "text"),
    "a list": lambda: [1, 2],
    "nothing": lambda: None,
    "an empty table": dict,
    "numbers as names": lambda: {1: torch.zeros(2)},
    "wrapped": lambda: {"model": kit.scgpt_tensors()},
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    kit.write_scgpt(folder / "scgpt")
    kit.write_geneformer(folder / "geneformer")
    kit.write_cell_sentence(folder / "cell-sentence")
    for name in ("scgpt", "geneformer", "cell-sentence"):
        assert load_model(f"{name}:{folder / name}").n_layers > 1
    return folder


@pytest.fixture
def copy(good, tmp_path):
    def make(family: str):
        shutil.copytree(good / family, tmp_path / "model")
        return tmp_path / "model"

    return make


def rewrite(path, **changes) -> None:
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


@pytest.mark.parametrize("case", ARGS)
def test_scgpt_arguments(copy, tmp_path, case):
    folder = copy("scgpt")
    rewrite(folder / "args.json", **ARGS[case])
    refuses(lambda: load_model(f"scgpt:{folder}"), tmp_path)


@pytest.mark.parametrize("case", VOCABULARY)
def test_scgpt_vocabularies(copy, tmp_path, case):
    folder = copy("scgpt")
    (folder / "vocab.json").write_text(json.dumps(VOCABULARY[case]))
    refuses(lambda: load_model(f"scgpt:{folder}"), tmp_path)


@pytest.mark.parametrize("case", WEIGHTS)
def test_scgpt_weights(copy, tmp_path, case):
    folder = copy("scgpt")
    torch.save(WEIGHTS[case](), folder / "best_model.pt")
    refuses(lambda: load_model(f"scgpt:{folder}"), tmp_path, "best_model.pt")


FILES = [
    *[("scgpt", name) for name in ("args.json", "vocab.json")],
    *[("geneformer", name) for name in ("config.json", "token_dictionary.json")],
    *[("cell-sentence", name) for name in ("config.json", "tokenizer.json")],
]


@pytest.mark.parametrize("case", JUNK)
@pytest.mark.parametrize(("family", "name"), FILES)
def test_files_that_are_no_json(copy, tmp_path, family, name, case):
    folder = copy(family)
    (folder / name).write_bytes(JUNK[case])
    refuses(lambda: load_model(f"{family}:{folder}"), tmp_path)


def flip(path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)


def weights_of(folder):
    return next(p for p in folder.iterdir() if p.name in ("best_model.pt", "model.safetensors"))


DAMAGE = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "its last byte is lost": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "zeros": lambda path: path.write_bytes(b"\0" * path.stat().st_size),
    "a byte of its head is flipped": lambda path: flip(path, 3),
    "HTML": lambda path: path.write_bytes(JUNK["HTML"]),
    "an LFS pointer": lambda path: path.write_bytes(JUNK["an LFS pointer"]),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a link to nothing": lambda path: (path.unlink(), path.symlink_to("nothing")),
    "a link to itself": lambda path: (path.unlink(), path.symlink_to(path.name)),
    "a link to zeros": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
}


@pytest.mark.parametrize("case", DAMAGE)
@pytest.mark.parametrize("family", ["scgpt", "geneformer", "cell-sentence"])
def test_damaged_weights(copy, tmp_path, family, case):
    folder = copy(family)
    DAMAGE[case](weights_of(folder))
    refuses(lambda: load_model(f"{family}:{folder}"), tmp_path)


@pytest.mark.parametrize("case", ["a folder", "a pipe", "a link to zeros", "missing"])
@pytest.mark.parametrize(("family", "name"), FILES)
def test_what_is_no_regular_file(copy, tmp_path, family, name, case):
    folder = copy(family)
    DAMAGE[case](folder / name)
    refuses(lambda: load_model(f"{family}:{folder}"), tmp_path)


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8])
def test_one_flipped_byte_of_zipped_weights_is_noticed(copy, tmp_path, share):
    folder = copy("scgpt")
    path = folder / "best_model.pt"
    flip(path, int(path.stat().st_size * share))
    refuses(lambda: load_model(f"scgpt:{folder}"), tmp_path, "best_model.pt")


@pytest.mark.parametrize("family", ["scgpt", "geneformer", "cell-sentence"])
@pytest.mark.parametrize("old", [True, False])
def test_a_payload_is_not_run(copy, tmp_path, family, old):
    folder = copy(family)
    weights_of(folder).unlink()
    path = folder / {"scgpt": "best_model.pt"}.get(family, "pytorch_model.bin")
    if old:
        path.write_bytes(bomb(tmp_path))
    else:
        from hostile_kit import Payload

        torch.save({"a": Payload(tmp_path / "RUN")}, path)
    refuses(lambda: load_model(f"{family}:{folder}"), tmp_path)


CONFIG = {
    "300,000 layers": {"num_hidden_layers": 300_000},
    "other layers than stored": {"num_hidden_layers": 4},
    "no layer": {"num_hidden_layers": 0},
    "layers true": {"num_hidden_layers": True},
    "layers as text": {"num_hidden_layers": "3"},
    "layers missing": {"num_hidden_layers": None},
    "heads that do not divide": {"num_attention_heads": 5},
    "no head": {"num_attention_heads": 0},
    "a billion heads": {"num_attention_heads": HUGE},
    "a billion wide": {"hidden_size": HUGE},
    "another width": {"hidden_size": 64},
    "hidden a billion": {"intermediate_size": HUGE},
    "another hidden width": {"intermediate_size": 49},
    "a billion words": {"vocab_size": HUGE},
    "other words than stored": {"vocab_size": 45},
    "words a float": {"vocab_size": 41.0},
    "a billion positions": {"max_position_embeddings": HUGE},
    "an unknown activation": {"hidden_act": "os.system"},
    "an activation of a list": {"hidden_act": ["relu"]},
    "another architecture": {"model_type": "llama"},
    "an architecture of a list": {"model_type": ["bert"]},
    "epsilon NaN": {"layer_norm_eps": NAN},
    "epsilon as text": {"layer_norm_eps": "small"},
}
BERT_ONLY = {
    "other positions than stored": {"max_position_embeddings": 65},
    "relative positions": {"position_embedding_type": "relative_key"},
    "a decoder": {"is_decoder": True},
    "code of its own": {"auto_map": {"AutoModel": "evil.Model"}},
    "quantised": {"quantization_config": {"load_in_8bit": True}},
    "pruned": {"pruned_heads": {"0": [0]}},
    "names turned": {"attribute_map": {"hidden_size": "vocab_size"}},
    "padding outside": {"pad_token_id": 10**6},
    "padding negative": {"pad_token_id": -1},
    "dropout of two": {"hidden_dropout_prob": 2},
    "types negative": {"type_vocab_size": -1},
}
NEOX_ONLY = {
    "rotary of two": {"rotary_pct": 2},
    "rotary as text": {"rotary_pct": "all"},
    "rope as a list": {"rope_parameters": [1]},
    "rope of a kind": {"rope_parameters": {"rope_type": "dynamic", "factor": 2}},
    "rope endless": {"rope_parameters": {"rope_type": "default", "rope_theta": NAN}},
}


@pytest.mark.parametrize("case", [*CONFIG, *BERT_ONLY])
def test_geneformer_configurations(copy, tmp_path, case):
    folder = copy("geneformer")
    rewrite(folder / "config.json", **(CONFIG | BERT_ONLY)[case])
    refuses(lambda: load_model(f"geneformer:{folder}"), tmp_path)


@pytest.mark.parametrize("case", [*CONFIG, *NEOX_ONLY])
def test_cell_sentence_configurations(copy, tmp_path, case):
    folder = copy("cell-sentence")
    rewrite(folder / "config.json", **(CONFIG | NEOX_ONLY)[case])
    refuses(lambda: load_model(f"cell-sentence:{folder}"), tmp_path)


HARMLESS = {
    "ten billion labels": {"num_labels": 10**10},
    "another attention": {"_attn_implementation": "evil"},
    "checkpointing": {"gradient_checkpointing": True},
    "an odd type": {"dtype": "float8"},
    "unknown keys": {"anything": {"a": [1]}},
}


@pytest.mark.parametrize("case", HARMLESS)
@pytest.mark.parametrize("family", ["geneformer", "cell-sentence"])
def test_keys_that_are_not_handed_on(copy, family, case):
    folder = copy(family)
    rewrite(folder / "config.json", **HARMLESS[case])
    assert load_model(f"{family}:{folder}").n_layers > 1


TOKENS = kit.dictionaries().tokens
DICTIONARIES = {
    "tokens as text": ("token_dictionary.json", TOKENS | {"<pad>": "0"}),
    "tokens true": ("token_dictionary.json", TOKENS | {"<pad>": True}),
    "tokens repeated": ("token_dictionary.json", TOKENS | {"<pad>": 1}),
    "tokens negative": ("token_dictionary.json", TOKENS | {"<pad>": -1}),
    "tokens endless": ("token_dictionary.json", TOKENS | {"<pad>": 10**30}),
    "no padding": ("token_dictionary.json", {f"x{v}": v for v in TOKENS.values()}),
    "no tokens": ("token_dictionary.json", {}),
    "tokens of lists": ("token_dictionary.json", TOKENS | {"<pad>": [0]}),
    "medians as text": ("gene_median.json", dict.fromkeys(kit.ENSEMBL, "1.5")),
    "medians zero": ("gene_median.json", dict.fromkeys(kit.ENSEMBL, 0)),
    "medians negative": ("gene_median.json", dict.fromkeys(kit.ENSEMBL, -1.0)),
    "medians NaN": ("gene_median.json", dict.fromkeys(kit.ENSEMBL, NAN)),
    "medians infinite": ("gene_median.json", dict.fromkeys(kit.ENSEMBL, float("inf"))),
    "medians true": ("gene_median.json", dict.fromkeys(kit.ENSEMBL, True)),
    "medians of lists": ("gene_median.json", {gene: [1] for gene in kit.ENSEMBL}),
    "names of numbers": ("gene_name_id_dict.json", {"GENE0": 3}),
    "a mapping of lists": ("ensembl_mapping_dict.json", {"ENSG0": ["x"]}),
}


@pytest.mark.parametrize("case", DICTIONARIES)
def test_geneformer_dictionaries(copy, tmp_path, case):
    folder = copy("geneformer")
    name, content = DICTIONARIES[case]
    (folder / name).write_text(json.dumps(content))
    refuses(lambda: load_model(f"geneformer:{folder}"), tmp_path)


PICKLES = {
    "a payload": bomb,
    "an array": lambda folder: pickle.dumps(np.zeros(3)),
    "a list": lambda folder: pickle.dumps([1]),
    "a function": lambda folder: pickle.dumps(os.system),
    "cut": lambda folder: pickle.dumps(TOKENS)[:40],
    "no pickle": lambda folder: b"token dictionary",
    "empty": lambda folder: b"",
    "numbers as keys": lambda folder: pickle.dumps({1: 2}),
    "bytes as keys": lambda folder: pickle.dumps({b"a": 2}),
    "sets as values": lambda folder: pickle.dumps({"a": {1}}),
}


@pytest.mark.parametrize("case", PICKLES)
@pytest.mark.parametrize("name", ["token_dictionary", "gene_median"])
def test_geneformer_pickles(copy, tmp_path, name, case):
    folder = copy("geneformer")
    (folder / f"{name}.json").unlink()
    (folder / f"{name}.pkl").write_bytes(PICKLES[case](tmp_path))
    refuses(lambda: load_model(f"geneformer:{folder}"), tmp_path)


@pytest.mark.parametrize("spec", ["", ":", "scgpt:", "x:/tmp", "scgpt:/no", "scgpt:\0", "../x"])
def test_names_of_models(tmp_path, spec):
    refuses(lambda: load_model(spec), tmp_path)


def test_safetensors_of_other_numbers(copy, tmp_path):
    folder = copy("geneformer")
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = "bert.embeddings.word_embeddings.weight"
    for other in (tensors[name].int(), tensors[name].T.contiguous(), tensors[name] * NAN):
        save_file(tensors | {name: other}, path, metadata={"format": "pt"})
        refuses(lambda: load_model(f"geneformer:{folder}"), tmp_path, "word_embeddings")
