"""An audit in parts: folders of three families, a kill in the middle, the same numbers after it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM
from typer.testing import CliRunner

import helpers
from helpers.cli import app
from helpers.datasets import load
from helpers.errors import HelpersError
from helpers.models.geneformer import save_geneformer
from helpers.models.load import load_model
from helpers.models.scgpt import save_scgpt
from helpers.models.training import random_model
from helpers.reading import draw_cells, read_attention
from helpers.scorecard.model_reading import make_ready, read

pytestmark = pytest.mark.slow
FEW = {"n_cells": 24, "n_genes": 80, "min_count": 2, "permutations": 199, "rewired": 99}


def cell_sentence(folder) -> None:
    """A random GPT-NeoX whose tokenizer spells names letter by letter, nearly."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters = pre_tokenizers.ByteLevel.alphabet()
    genes = load("baron-human").var_names[:3000]
    how = {"vocab_size": 1500, "special_tokens": ["<|endoftext|>"], "initial_alphabet": letters}
    tokenizer.train_from_iterator([" ".join(genes)], trainers.BpeTrainer(**how))
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    shape |= {"vocab_size": tokenizer.get_vocab_size(), "intermediate_size": 48}
    torch.manual_seed(0)
    config = GPTNeoXConfig(**shape, max_position_embeddings=512)
    GPTNeoXForCausalLM(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Checkpoints in the published layouts, and cells as scanpy writes them."""
    folder = tmp_path_factory.mktemp("own")
    for family, save in (("scgpt", save_scgpt), ("geneformer", save_geneformer)):
        save(random_model(family, load_model(f"{family}-baron"), 5), folder / family)
    cell_sentence(folder / "cell-sentence")
    cells = load("baron-human")[:60].copy()
    cells.X = cells.layers.pop("counts")
    cells.var = cells.var[[]]
    cells.write_h5ad(folder / "cells.h5ad")
    return folder


@pytest.mark.parametrize("family", ["scgpt", "geneformer", "cell-sentence"])
def test_a_folder_of_every_family_is_audited_in_parts_with_the_same_numbers(folder, family):
    spec, cells, parts = (
        f"{family}:{folder / family}",
        folder / "cells.h5ad",
        folder / f"{family}.p",
    )
    said: list[str] = []
    card = helpers.audit(
        spec, str(cells), ["trrust"], **FEW, direction=["forward", "transpose"],
        shards=3, parts=parts, tell=said.append,
    )  # fmt: skip
    assert "minutes on this machine" in said[1]
    names = {f"{a}/shard-0000{k}.npz" for a in ("model", "random") for k in range(3)}
    assert {str(path.relative_to(parts)) for path in parts.rglob("*.npz")} == names
    whole = helpers.audit(
        spec, str(cells), ["trrust"], **FEW, direction=["forward", "transpose"]
    )  # fmt: skip
    a, b = (one.table.select_dtypes("number").fillna(-1) for one in (card, whole))
    assert abs(a - b).to_numpy().max() < 1e-6


def test_what_is_read_is_what_pages_read(folder):
    adata = draw_cells(str(folder / "cells.h5ad"), 24, 0)
    model = f"geneformer:{folder / 'geneformer'}"
    ready = make_ready(model, adata, 80, ["trrust"], 0)
    for random, one in ((False, ready), (True, ready.with_random_weights())):
        (page,) = read_attention(model, adata, 80, ["trrust"], seed=0, random=random)
        assert (read(one).scores(2) - page.scores(2)).sum() == 0
        assert read(one).sums["sum"].equals(page.sums["sum"])


def test_killed_in_the_middle_it_goes_on_to_the_same_card(folder, tmp_path):
    words = ["audit", f"scgpt:{folder / 'scgpt'}", "--cells", str(folder / "cells.h5ad")]
    words += ["-r", "trrust", "--n-cells", "24", "--n-genes", "80", "--min-count", "2"]
    words += ["--permutations", "199", "--rewired", "99", "--direction", "forward"]
    whole, cut = tmp_path / "whole.json", tmp_path / "cut.json"
    done = CliRunner().invoke(app, [*words, "--shards", "8", "-o", str(whole)])
    assert done.exit_code == 0, done.output
    call = [sys.executable, "-m", "helpers.cli", *words, "--shards", "8", "-o", str(cut)]
    running = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kept = tmp_path / "cut.parts" / "model" / "shard-00001.npz"
    end = time.monotonic() + 120
    while not kept.exists() and running.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert kept.exists() and not cut.exists()
    begun = kept.stat().st_mtime_ns
    other = [*words, "--shards", "8", "-o", str(cut), "--seed", "1"]
    refused = CliRunner().invoke(app, other)
    assert refused.exit_code == 1 and "another extraction" in refused.output
    assert kept.stat().st_mtime_ns == begun
    done = CliRunner().invoke(app, call[3:])
    assert done.exit_code == 0, done.output
    one, two = (json.loads(path.read_text("utf-8")) for path in (whole, cut))
    for card in (one, two):
        card["audit"].pop("seconds")
    assert one == two
    assert {path.name for path in tmp_path.iterdir()} == {"whole.json", "cut.json"}


@pytest.mark.parametrize("shards", [0, -1, 25, 10**9])
def test_parts_that_there_cannot_be(folder, tmp_path, shards):
    given = {"shards": shards, "parts": tmp_path / "parts"}
    with pytest.raises(HelpersError, match="shards"):
        helpers.audit(
            f"scgpt:{folder / 'scgpt'}", str(folder / "cells.h5ad"), ["trrust"], **FEW, **given
        )
    with pytest.raises(HelpersError, match="folder"):
        helpers.audit("scgpt-baron", "baron", ["trrust"], **FEW, shards=2)
