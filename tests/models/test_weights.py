"""Hostile and damaged files: nothing in them runs, and the message names what is wrong."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import models_kit as kit
import numpy as np
import pytest
import torch

from helpers.errors import ModelError
from helpers.models.load import load_model
from helpers.models.weights import read_dictionary, read_tensors, shapes_only


class Hostile:
    """Unpickles by making a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_hostile_checkpoint_runs_nothing_and_is_refused_by_name(tmp_path):
    folder = kit.write_scgpt(tmp_path / "model")
    torch.save({"weight": Hostile(tmp_path / "ran")}, folder / "best_model.pt")
    with pytest.raises(ModelError, match=r"best_model\.pt: refused.*mkdir"):
        load_model(f"scgpt:{folder}")
    assert not (tmp_path / "ran").exists()


def test_a_plain_hostile_pickle_as_checkpoint_is_refused(tmp_path):
    folder = kit.write_geneformer(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Hostile(tmp_path / "ran")))
    with pytest.raises(ModelError, match=r"pytorch_model\.bin"):
        load_model(f"geneformer:{folder}")
    assert not (tmp_path / "ran").exists()


def test_a_hostile_dictionary_runs_nothing_and_is_refused_by_name(tmp_path):
    folder = kit.write_geneformer(tmp_path / "model")
    (folder / "token_dictionary.json").unlink()
    bad = {"<pad>": 0, "x": Hostile(tmp_path / "ran")}
    (folder / "token_dictionary.pkl").write_bytes(pickle.dumps(bad))
    with pytest.raises(ModelError, match=r"token_dictionary\.pkl.*mkdir"):
        load_model(f"geneformer:{folder}")
    assert not (tmp_path / "ran").exists()


def test_dictionaries_with_numpy_numbers_read_as_plain_numbers(tmp_path):
    path = tmp_path / "d.pkl"
    path.write_bytes(pickle.dumps({"a": np.int16(3), "b": np.float64(1.5), "c": "ENSG", "d": 7}))
    content = read_dictionary(path)
    assert content == {"a": 3, "b": 1.5, "c": "ENSG", "d": 7}
    assert [type(v) for v in content.values()] == [int, float, str, int]


@pytest.mark.parametrize("content", [[1, 2], {"a": [1]}, {1: 2}], ids=["list", "nested", "key"])
def test_dictionaries_of_another_form_are_refused(tmp_path, content):
    path = tmp_path / "d.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(ModelError, match=r"d\.pkl"):
        read_dictionary(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused_with_its_tensor(tmp_path, value):
    tensors = kit.scgpt_tensors()
    tensors["transformer_encoder.layers.2.linear1.weight"][3, 4] = value
    folder = kit.write_scgpt(tmp_path, tensors)
    with pytest.raises(ModelError, match=r"layers\.2\.linear1\.weight.*1 values"):
        load_model(f"scgpt:{folder}")


@pytest.mark.parametrize("share", [0.999, 0.6, 0.01])
def test_truncated_safetensors_are_refused_with_the_first_lost_tensor(tmp_path, share):
    folder = kit.write_geneformer(tmp_path / "model")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    said = "truncated" if share < 0.1 else r"truncated or corrupt: tensor '[\w.]+' lies outside"
    with pytest.raises(ModelError, match=said):
        load_model(f"geneformer:{folder}")


@pytest.mark.parametrize("share", [0.999, 0.5, 0.0])
def test_truncated_pytorch_files_are_refused(tmp_path, share):
    folder = kit.write_scgpt(tmp_path)
    path = folder / "best_model.pt"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ModelError, match=r"best_model\.pt: truncated"):
        load_model(f"scgpt:{folder}")


def test_a_file_that_is_no_table_of_tensors_is_refused(tmp_path):
    path = tmp_path / "x.pt"
    torch.save({"epoch": 3, "state": {"w": torch.ones(1)}}, path)
    with pytest.raises(ModelError, match="state dict"):
        read_tensors(path)


@pytest.mark.parametrize("text", ["not json", "[1]", '{"a": "x"}', '{"<pad>": 0, "<cls>": 0}'])
def test_broken_vocabularies_are_refused(tmp_path, text):
    folder = kit.write_scgpt(tmp_path)
    (folder / "vocab.json").write_text(text)
    with pytest.raises(ModelError, match=r"vocab\.json"):
        load_model(f"scgpt:{folder}")


def test_modules_of_shapes_only_hold_no_memory_and_draw_nothing():
    state = torch.get_rng_state()
    with shapes_only():
        table, map_ = torch.nn.Embedding(5, 3, padding_idx=0), torch.nn.Linear(3, 2)
    assert table.weight.is_meta and map_.weight.is_meta
    assert (table.weight.shape, map_.weight.shape) == ((5, 3), (2, 3))
    assert torch.equal(state, torch.get_rng_state())
