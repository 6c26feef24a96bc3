"""Shards that were altered, and arguments of an extraction that mean nothing."""

from __future__ import annotations

import json
import os
import shutil

import models_kit as kit
import numpy as np
import pytest
from hostile_kit import JUNK, bomb, refuses

from helpers.extraction import extract, extract_sharded, merge_shards, write_shards
from helpers.extraction.shard_files import shard_path
from helpers.scorecard.model_reading import number_of

GENES = kit.GENES[:10]
HOW = {"sources": GENES[:4], "genes": GENES, "squares": False, "show_progress": False}


@pytest.fixture(scope="module")
def model():
    return kit.scgpt_adapter(), kit.cells(12)[:11].copy()


@pytest.fixture(scope="module")
def whole(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    extract_sharded(*model, folder, shard_cells=4, **HOW)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "shards")
    return tmp_path / "shards"


def altered(path, name: str, change) -> None:
    """Change one array of a shard, and write the rest as it was."""
    with np.load(path) as held:
        arrays = {key: held[key] for key in held.files}
    arrays[name] = change(arrays[name])
    np.savez(path, **arrays)


def header(change):
    def edit(text):
        content = json.loads(str(text))
        change(content)
        return np.array(json.dumps(content))

    return "header", edit


SUMS = {
    "one sum altered": ("data/sum", lambda v: v + np.eye(v.shape[-2], v.shape[-1])),
    "sums NaN": ("data/sum", lambda v: v * np.nan),
    "sums infinite": ("data/sum", lambda v: v + np.inf),
    "sums of text": ("data/sum", lambda v: v.astype(str)),
    "sums of another shape": ("data/sum", lambda v: v[..., :-1]),
    "sums of single precision": ("data/sum", lambda v: v.astype(np.float32)),
    "negative counts": ("data/count", lambda v: -v),
    "counts one larger": ("data/count", lambda v: v + 1),
    "cells altered": ("data/n_cells", lambda v: v + 1),
    "sources permuted": ("coord/source", lambda v: v[::-1]),
    "targets permuted": ("coord/target", lambda v: v[::-1]),
    "sources renamed": ("coord/source", lambda v: np.array(["X"] * len(v))),
    "a source twice": ("coord/source", lambda v: np.repeat(v[:1], len(v))),
    "another number": header(lambda h: h.update(number=1)),
    "a negative number": header(lambda h: h.update(number=-1)),
    "a number of text": header(lambda h: h.update(number="zero")),
    "fewer shards": header(lambda h: h.update(shards=1)),
    "endless shards": header(lambda h: h.update(shards=10**12)),
    "other weights": header(lambda h: h["provenance"].update(weights="0")),
    "no provenance": header(lambda h: h.pop("provenance")),
    "provenance a list": header(lambda h: h.update(provenance=[])),
    "no number": header(lambda h: h.pop("number")),
    "no dims": header(lambda h: h.pop("dims")),
    "other dims": header(lambda h: h["dims"].update(sum=["source"])),
    "dims of nothing there": header(lambda h: h["dims"].update(more=["source"])),
    "no checksum": header(lambda h: h.pop("checksum")),
    "another checksum": header(lambda h: h.update(checksum="0" * 64)),
    "attributes altered": header(lambda h: h["attrs"].update(seed=9)),
    "header no JSON": ("header", lambda v: np.array("{")),
    "header a number": ("header", lambda v: np.array(3)),
    "header nested": ("header", lambda v: np.array("[" * 100_000)),
}


@pytest.mark.parametrize("case", SUMS)
def test_altered_shards_are_not_merged(folder, case):
    name, change = SUMS[case]
    altered(shard_path(folder, 0), name, change)
    refuses(lambda: merge_shards(folder), folder, "shard")


FILES = {
    **{name: (lambda p, b=content: p.write_bytes(b)) for name, content in JUNK.items()},
    "cut": lambda p: p.write_bytes(p.read_bytes()[:-30]),
    "missing": lambda p: p.unlink(),
    "a folder": lambda p: (p.unlink(), p.mkdir()),
    "a pipe": lambda p: (p.unlink(), os.mkfifo(p)),
    "a link to zeros": lambda p: (p.unlink(), p.symlink_to("/dev/zero")),
    "a pickle": lambda p: p.write_bytes(bomb(p.parent)),
    "an array": lambda p: np.save(p.open("wb"), np.zeros(3)),
    "objects": lambda p: np.savez(p, header=np.array([{"a": 1}], dtype=object)),
    "a copy of the next": lambda p: shutil.copy(shard_path(p.parent, 1), p),
}


@pytest.mark.parametrize("case", FILES)
def test_damaged_shards(folder, case):
    FILES[case](shard_path(folder, 0))
    refuses(lambda: merge_shards(folder), folder, "shard")


@pytest.mark.parametrize(
    "case", ["cut", "zeros after a power cut", "a folder", "a copy of the next"]
)
def test_a_damaged_shard_is_not_gone_on_with(model, folder, case):
    FILES[case](shard_path(folder, 0))
    refuses(lambda: write_shards(*model, folder, shard_cells=4, **HOW), folder, "shard")


def test_a_deleted_shard_is_made_again_to_the_last_bit(model, folder):
    before = merge_shards(folder)
    shard_path(folder, 1).unlink()
    after = extract_sharded(*model, folder, shard_cells=4, **HOW)
    assert after.identical(before)


ARGUMENTS = {
    "length of none": {"max_length": 0},
    "length negative": {"max_length": -3},
    "length true": {"max_length": True},
    "length a float": {"max_length": 10.0},
    "length of text": {"max_length": "ten"},
    "a batch true": {"batch_size": True},
    "a batch of none": {"batch_size": 0},
    "a batch negative": {"batch_size": -1},
    "a batch a float": {"batch_size": 2.0},
    "a batch of text": {"batch_size": "many"},
    "a seed of text": {"seed": "x"},
    "a seed of nothing": {"seed": None},
    "a seed negative": {"seed": -1},
    "a seed true": {"seed": True},
    "a seed a float": {"seed": 1.5},
    "a device unknown": {"device": "abacus"},
    "numbers unknown": {"dtype": "float8"},
    "scores unknown": {"scores": "magic"},
    "scores of none": {"scores": ()},
    "scores twice": {"scores": ("softmax", "softmax")},
    "places unknown": {"activations": ["soul"]},
    "sources unknown": {"sources": ["X"]},
    "sources empty": {"sources": []},
    "sources twice": {"sources": GENES[:1] * 2},
    "sources a word": {"sources": "some"},
    "no sources": {"sources": 0},
    "more sources than genes": {"sources": 10**9},
    "genes unknown": {"genes": ["X"]},
    "genes empty": {"genes": []},
    "genes twice": {"genes": GENES[:1] * 2},
    "strata unknown": {"strata": "nothing"},
    "strata too short": {"strata": ["a"]},
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments_of_an_extraction(model, tmp_path, case):
    refuses(lambda: extract(*model, **(HOW | ARGUMENTS[case])), tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"shard_cells": 0},
        {"shard_cells": -1},
        {"shard_cells": True},
        {"shard_cells": 2.5},
        {"shard_cells": "all"},
        {"only": [99]},
        {"only": [-1]},
        {"only": [0.5]},
        {"only": ["0"]},
        {"only": [True]},
    ],
)
def test_arguments_of_shards(model, tmp_path, changes):
    given = {"shard_cells": 4} | HOW | changes
    refuses(lambda: write_shards(*model, tmp_path, **given), tmp_path)


@pytest.mark.parametrize("shards", [0, -1, 10**9, 2.0, "3", None])
def test_numbers_of_parts(model, tmp_path, shards):
    tokens = model[0].tokenise(model[1])
    refuses(lambda: number_of(tokens, shards), tmp_path, "shards")
