"""Lack of memory, number types and settings: what is read does not depend on them."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from extraction_models import GENES, TFS, build, cells

from helpers.errors import ModelError, ParameterError
from helpers.extraction import extract, reader
from helpers.extraction.devices import Setting, bytes_per_cell, choose, is_out_of_memory, placed
from helpers.extraction.sums import empty_sums, prepare_loop
from helpers.models.adapter import Tokens
from helpers.models.attention import full_attention, tapping

QUIET = {"show_progress": False}


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    return build("scgpt", tmp_path_factory.mktemp("model"))


def test_sums_beyond_the_machine_are_refused():
    with pytest.raises(ParameterError, match="name fewer sources"):
        empty_sums(
            scores=4, layers=18, strata=99, heads=18, sources=20000, targets=20000,
            squares=True, device="cpu",
        )  # fmt: skip


class Failing:
    """A model that runs out of memory in one layer when given more than some cells."""

    def __init__(self, inner, most: int, layer: int):
        self.inner, self.most, self.layer, self.failures = inner, most, layer, 0

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def forward(self, batch):
        def fail(_module, inputs):
            if inputs[0].shape[0] > self.most:
                self.failures += 1
                raise torch.OutOfMemoryError("no memory")

        handle = self.inner.layers()[self.layer].mlp_in.register_forward_pre_hook(fail)
        try:
            return self.inner.forward(batch)
        finally:
            handle.remove()


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_out_of_memory_halves_the_batch_and_counts_nothing_twice(adapter, layer, caplog):
    adata, failing = cells(11), Failing(adapter, most=2, layer=layer)
    choice = {"sources": TFS, "activations": ("residual", "mlp", "z"), **QUIET}
    expected = extract(adapter, adata, batch_size=11, **choice)
    with caplog.at_level(logging.WARNING):
        found = extract(failing, adata, batch_size=11, **choice)
    assert failing.failures >= 2
    assert "batch halved to 5 cells" in caplog.text and "batch halved to 2 cells" in caplog.text
    for name in expected.data_vars:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4, err_msg=name)
    assert int(found["n_cells"]) == 11


def test_out_of_memory_with_one_cell_is_an_error(adapter):
    with pytest.raises(ModelError, match=r"single cell of .* tokens: pass a smaller max_length"):
        extract(Failing(adapter, most=0, layer=1), cells(3), sources=TFS, **QUIET)


def test_out_of_memory_inside_a_chunk_reads_fewer_rows_at_a_time(adapter, monkeypatch, caplog):
    real, calls = reader.softmax_rows, []

    def softmax_rows(query, key, bias, scaling, rows):
        calls.append(rows.shape[1])
        if rows.shape[1] > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to ...")
        return real(query, key, bias, scaling, rows)

    expected = extract(adapter, cells(6), sources=TFS, **QUIET)
    monkeypatch.setattr(reader, "softmax_rows", softmax_rows)
    with caplog.at_level(logging.WARNING):
        found = extract(adapter, cells(6), sources=TFS, **QUIET)
    assert max(calls) > 2 and "rows at a time" in caplog.text
    np.testing.assert_allclose(found["sum"], expected["sum"], atol=1e-6)


def test_out_of_memory_while_adding_the_second_score_adds_nothing_twice(adapter, monkeypatch):
    choice = {"sources": TFS, "scores": ("softmax", "qk"), **QUIET}
    expected, calls = extract(adapter, cells(6), **choice), []

    def prepare(values, *others):
        calls.append(values.shape[2])
        if len(calls) % 2 == 0 and values.shape[2] > 1:
            raise torch.OutOfMemoryError("no memory")
        return prepare_loop(values, *others)

    monkeypatch.setattr(reader, "prepare", prepare)
    found = extract(adapter, cells(6), **choice)
    assert min(calls) == 1 < max(calls)
    np.testing.assert_allclose(found["sum"], expected["sum"], atol=1e-4, rtol=1e-4)


def test_other_errors_pass_through(adapter, monkeypatch):
    assert not is_out_of_memory(RuntimeError("shapes differ"))

    def broken(*_):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(reader, "softmax_rows", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        extract(adapter, cells(3), sources=TFS, **QUIET)


def test_model_is_left_as_it_was(adapter):
    before = {name: tensor.clone() for name, tensor in adapter.module.state_dict().items()}
    adapter.module.train()
    extract(adapter, cells(3), sources=TFS, dtype="float64", **QUIET)
    assert adapter.module.training
    adapter.module.eval()
    extract(adapter, cells(3), sources=TFS, dtype="bfloat16", **QUIET)
    assert not adapter.module.training
    for name, tensor in adapter.module.state_dict().items():
        assert tensor.dtype == before[name].dtype
        assert torch.equal(tensor, before[name]), name


def test_bfloat16_keeps_rows_that_sum_to_one(adapter):
    found = extract(adapter, cells(6), sources=TFS, dtype="bfloat16", **QUIET)
    exact = extract(adapter, cells(6), sources=TFS, **QUIET)
    whole = found["sum"].sum("target") + found["outside"]
    np.testing.assert_allclose(whole, found["cells"].broadcast_like(whole), atol=1e-5)
    assert 0 < float(np.abs(found["sum"] - exact["sum"]).max()) < 0.3


def test_settings_are_chosen_and_logged(adapter, caplog):
    tokens = adapter.tokenise(cells(3))
    with caplog.at_level(logging.INFO):
        setting = choose(adapter, tokens, device="cpu")
    assert setting == Setting("cpu", "float32", 64)
    assert "on cpu, float32, 64 cells a batch" in caplog.text
    long = Tokens(
        [np.zeros(200_000, dtype=int)], None, [np.zeros(1)], np.array(["a"]), np.array([0])
    )
    assert choose(adapter, long, device="cpu").batch_size == 1
    with placed(adapter, Setting("cpu", "float64", 1)):
        assert choose(adapter, tokens, device="cpu").dtype == "float64"


def test_the_bar_shows_device_type_batch_cells_per_second_and_time_left(adapter, capsys):
    extract(adapter, cells(12), sources=TFS, batch_size=2, device="cpu")
    shown = capsys.readouterr().err
    assert "on cpu, float32, 2 cells a batch" in shown
    assert "/12 [" in shown and "cell/s]" in shown


def test_cells_without_a_token_are_said_and_left_out(adapter, caplog):
    adata = cells(12)
    adata.X[[2, 5]] = 0
    with caplog.at_level(logging.WARNING):
        found = extract(adapter, adata, sources=TFS, **QUIET)
    assert "2 of 12 cells hold no token and are left out" in caplog.text
    assert found.attrs["cells_left_out"] == 2 and int(found["n_cells"]) == 10


def test_a_bfloat16_pass_is_read_and_summed_in_single_and_double_precision(adapter):
    """What a GPU does by default: q and k come in bfloat16, all that follows does not."""
    adata, seen = cells(1, seed=4), []
    with tapping(lambda layer, query, key, *_: seen.append((query, key))):
        found = extract(adapter, adata, sources=TFS, dtype="bfloat16", scores="softmax", **QUIET)
    genes = adapter.tokenise(adata).genes[0]
    assert found["sum"].dtype == np.float64 and len(seen) == 3
    names = [GENES[gene] if gene >= 0 else "" for gene in genes]
    here = [gene for gene in TFS if gene in names]
    rows = [names.index(gene) for gene in here]
    columns = [names.index(gene) for gene in found["target"].values]
    for layer, (query, key) in enumerate(seen):
        assert query.dtype == key.dtype == torch.bfloat16
        whole = full_attention(query[0].double(), key[0].double(), None, query.shape[-1] ** -0.5)
        expected = whole.numpy()[:, rows][:, :, columns]
        np.testing.assert_allclose(found["sum"].sel(layer=layer, source=here), expected, atol=1e-6)


def test_a_gpu_is_chosen_with_bfloat16_and_a_batch_that_fits(adapter, monkeypatch):
    tokens = adapter.tokenise(cells(3))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    need = bytes_per_cell(adapter, max(map(len, tokens.ids)))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (20 * need, 99 * need))
    assert choose(adapter, tokens) == Setting("cuda", "bfloat16", 10)
    assert choose(adapter, tokens, device="cuda:1", dtype="float32").device == "cuda:1"
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (0, 0))
    assert choose(adapter, tokens).batch_size == 1
