"""The parts of the extractor on plain tensors and small models, each against something simpler."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from extraction_models import GENES, TFS, build, cells
from scipy.stats import rankdata

from helpers.errors import DataError, ModelError, ParameterError
from helpers.estimates import NotEstimable
from helpers.extraction import extract, order_share, reader, sample_activations, sampled_mean
from helpers.extraction.devices import Setting, choose, is_out_of_memory, placed
from helpers.extraction.rows import additive, key_columns, softmax_rows
from helpers.extraction.scores import average_rank, qk_rank, value_norms
from helpers.extraction.sums import empty_sums, prepare_loop, prepare_scatter
from helpers.extraction.words import merge_words
from helpers.models.adapter import Tokens
from helpers.models.attention import full_attention

QUIET = {"show_progress": False}


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    return build("scgpt", tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def ranked(tmp_path_factory):
    return build("geneformer-v1", tmp_path_factory.mktemp("ranked"))


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("kind", ["none", "bool", "additive", "causal"])
def test_rows_and_columns_are_parts_of_the_whole_map(kind):
    query, key = drawn(3, 2, 7, 4), drawn(3, 2, 7, 4, seed=1)
    keep = torch.ones(3, 1, 1, 7, dtype=torch.bool)
    keep[1, ..., 5:] = False
    mask = {
        "none": None,
        "bool": keep,
        "causal": torch.ones(7, 7, dtype=torch.bool).tril()[None, None],
    }
    mask["additive"] = torch.zeros(3, 1, 1, 7).masked_fill(~keep, -torch.inf)
    mask = mask[kind]
    bias = additive(mask, torch.float64)
    whole = full_attention(query, key, mask, 0.5)
    rows, columns = torch.tensor([[0, 3], [6, 1], [2, 2]]), torch.tensor([[1], [4], [6]])
    found = softmax_rows(query, key, bias, 0.5, rows)
    part = key_columns(query, key, bias, 0.5, rows, columns)
    for cell in range(3):
        expected = whole[cell][:, rows[cell]]
        torch.testing.assert_close(found[cell], expected)
        torch.testing.assert_close(part[cell], expected[:, :, columns[cell]])


def test_average_rank_equals_scipy():
    values = torch.tensor([[3.0, 1, 3, 2, 3, 1], [0, 0, 0, 0, 0, 0]])
    expected = rankdata(values.numpy(), axis=1) - 1
    np.testing.assert_array_equal(average_rank(values), expected)


def test_rank_score_is_the_tutorials_where_nothing_ties():
    """Against argsort of argsort by row; by column, ties are broken by position there."""
    query, key = drawn(5, 3), drawn(5, 3, seed=1)
    raw = query @ key.T
    by_row = raw.argsort(dim=1).argsort(dim=1) / 5
    expected = np.stack([rankdata(column) - 1 for column in by_row.T.numpy()], axis=1) / 5
    np.testing.assert_allclose(qk_rank(query, key), expected)


def test_value_norms_are_lengths_of_projected_values():
    value, weight = drawn(2, 3, 5, 4), drawn(12, 12, seed=1)
    found = value_norms(value, weight)
    for head in range(3):
        expected = (value[:, head] @ weight[:, 4 * head : 4 * head + 4].T).norm(dim=-1)
        torch.testing.assert_close(found[:, head], expected)


@pytest.mark.parametrize("add", [prepare_loop, prepare_scatter])
@pytest.mark.parametrize("squares", [True, False])
def test_values_reach_the_slots_of_their_genes(add, squares):
    rng = np.random.default_rng(0)
    sums = empty_sums(
        scores=1, layers=1, strata=2, heads=3, sources=4, targets=6, squares=squares, device="cpu"
    )
    expected = np.zeros((2, 3, 5, 7))
    expected_squares = expected.copy()
    for _ in range(2):
        values = torch.from_numpy(rng.random((4, 3, 3, 5)))
        stratum = torch.from_numpy(rng.integers(0, 2, 4))
        source = torch.from_numpy(rng.integers(0, 5, (4, 3)))
        target = torch.from_numpy(rng.integers(0, 7, (4, 5)))
        onto = sums.squares[0, 0] if squares else None
        add(values, stratum, source, target, sums.total[0, 0], onto)()
        for cell, head, row, column in np.ndindex(4, 3, 3, 5):
            place = int(stratum[cell]), head, int(source[cell, row]), int(target[cell, column])
            expected[place] += float(values[cell, head, row, column])
            expected_squares[place] += float(values[cell, head, row, column]) ** 2
    kept = np.s_[:, :, :4]  # whether dumped rows are added is of no interest
    np.testing.assert_allclose(sums.total[0, 0][kept], expected[kept])
    if squares:
        np.testing.assert_allclose(sums.squares[0, 0][kept], expected_squares[kept])


def test_sums_beyond_the_machine_are_refused():
    with pytest.raises(ParameterError, match="name fewer sources"):
        empty_sums(
            scores=4, layers=18, strata=99, heads=18, sources=20000, targets=20000,
            squares=True, device="cpu",
        )  # fmt: skip


def test_words_of_a_gene_are_merged():
    """Gene 0 has two tokens as a query and gene 1 two as a key."""
    values = torch.tensor([[[[0.1, 0.2, 0.3, 0.4], [0.3, 0.2, 0.5, 0.0], [1.0, 0, 0, 0]]]])
    source, target = torch.tensor([[0, 0, 5]]), torch.tensor([[1, 2, 1, 9]])
    options = {"source_dump": 5, "target_dump": 9}
    merged, rows, columns = merge_words(values, source, target, over_keys="sum", **options)
    assert rows.tolist() == [[0]] and columns.tolist() == [[1, 2, 9]]
    torch.testing.assert_close(merged, torch.tensor([[[[0.6, 0.2, 0.2]]]]))
    torch.testing.assert_close(merged.sum(-1), torch.ones(1, 1, 1))
    mean, _, _ = merge_words(values, source, target, over_keys="mean", **options)
    torch.testing.assert_close(mean, torch.tensor([[[[0.3, 0.2, 0.2]]]]))


class TwoWords:
    """A model whose tokeniser writes each gene as two words: the same token, twice."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def tokenise(self, adata, *, max_length=None, seed=0):
        tokens = self.inner.tokenise(adata, max_length=30, seed=seed)
        twice = {n: [np.repeat(a, 2) for a in getattr(tokens, n)] for n in ("ids", "genes")}
        values = None if tokens.values is None else [np.repeat(v, 2) for v in tokens.values]
        return replace(tokens, values=values, **twice)


@pytest.mark.parametrize("scores", ["softmax", "qk"])
def test_identical_words_change_nothing_after_merging(adapter, scores):
    """Without positions, doubling every token halves each weight; merging restores it."""
    adata = cells(5)
    once = extract(adapter, adata, sources=TFS, scores=scores, max_length=30, **QUIET)
    twice = extract(TwoWords(adapter), adata, sources=TFS, scores=scores, **QUIET)
    for name in ("sum", "sum_sq", "outside", "count", "cells"):
        if (scores, name) != ("qk", "outside"):
            np.testing.assert_allclose(twice[name], once[name], atol=1e-4, rtol=1e-4)


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


def test_strata_add_up_and_scores_keep_their_dimensions(adapter):
    adata = cells(9)
    whole = extract(adapter, adata, sources=TFS, **QUIET)
    assert whole["sum"].dims == ("layer", "head", "source", "target")
    assert whole["sum"].dtype == np.float64 and whole["count"].dtype == np.int64
    split = extract(adapter, adata, sources=TFS, strata="donor", scores=("qk", "softmax"), **QUIET)
    assert split["sum"].dims == ("stratum", "score", "layer", "head", "source", "target")
    assert list(split["stratum"].values) == ["d0", "d1", "d2"]
    np.testing.assert_allclose(
        split["sum"].sel(score="softmax").sum("stratum"), whole["sum"], atol=1e-5
    )
    np.testing.assert_array_equal(split["count"].sum("stratum"), whole["count"])
    only = extract(adapter, adata[adata.obs["donor"] == "d1"].copy(), sources=TFS, **QUIET)
    kept = split["sum"].sel(score="softmax", stratum="d1", target=only["target"])
    np.testing.assert_allclose(kept, only["sum"], atol=1e-5)


def test_counts_are_cells_holding_both_genes(adapter):
    adata = cells(9)
    held = adata.X.toarray() > 0
    found = extract(adapter, adata, sources=TFS, genes=GENES, **QUIET)
    columns = [GENES.index(tf) for tf in TFS]
    np.testing.assert_array_equal(found["count"], held[:, columns].T.astype(int) @ held.astype(int))
    np.testing.assert_array_equal(found["cells"], held[:, columns].sum(axis=0))
    assert int(found["count"].sel(target="G00").max()) == 0  # never expressed, never counted
    assert float(found["sum"].sel(target="G00").max()) == 0


def test_a_gene_outside_the_list_never_reaches_the_last_gene(adapter):
    """Index -1 would add special tokens and other genes to the last target."""
    adata = cells(9)
    every = extract(adapter, adata, sources=TFS, genes=GENES[1:], **QUIET)
    few = extract(adapter, adata, sources=TFS, genes=GENES[1:21], **QUIET)
    np.testing.assert_allclose(few["sum"], every["sum"].sel(target=GENES[1:21]), atol=1e-5)
    rest = every["sum"].sel(target=GENES[21:]).sum("target") + every["outside"]
    np.testing.assert_allclose(few["outside"], rest, atol=1e-5)


def test_sources_by_mark_by_number_and_all(adapter):
    adata = cells(9)
    marked = extract(adapter, adata, **QUIET)
    assert list(marked["source"].values) == TFS
    drawn_once = extract(adapter, adata, sources=7, seed=3, **QUIET)
    again = extract(adapter, adata, sources=7, seed=3, **QUIET)
    other = extract(adapter, adata, sources=7, seed=4, **QUIET)
    assert list(drawn_once["source"].values) == list(again["source"].values)
    assert list(drawn_once["source"].values) != list(other["source"].values)
    assert drawn_once.attrs["sources_sampled_from"] == 39  # one of the 40 never occurs
    every = extract(adapter, adata, sources="all", **QUIET)
    np.testing.assert_allclose(every["sum"].sel(source=TFS), marked["sum"], atol=1e-5)


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        ({"sources": ["G03", "XYZ"]}, DataError, r"1 of 2 genes in sources .* \(first: XYZ\)"),
        ({"genes": ["G03", "G03"]}, ParameterError, "genes names a gene twice"),
        ({"sources": []}, ParameterError, "sources is empty"),
        ({"sources": "some"}, ParameterError, "use 'tfs', 'all', a number or a list"),
        ({"sources": 500}, ParameterError, "the cells hold 39 genes"),
        ({"scores": "sigmoid"}, ParameterError, "softmax, value_weighted, qk, qk_rank"),
        ({"scores": ("qk", "qk")}, ParameterError, "different kinds"),
        ({"strata": "age"}, ParameterError, "'age' is not in adata.obs; columns: donor"),
        ({"strata": ["a"]}, ParameterError, "1 labels for 9 cells"),
        ({"strata": ["a"] * 8 + [None]}, ParameterError, "1 cells have no stratum"),
        ({"device": "tpu"}, ParameterError, "device='tpu'"),
        ({"device": "meta"}, ParameterError, "device='meta'"),
        ({"dtype": "float8"}, ParameterError, "float32, float64, bfloat16"),
        ({"batch_size": 0}, ParameterError, "at least 1"),
        ({"activations": ("embedding",)}, ParameterError, "residual, mlp, z"),
    ],
)
def test_bad_arguments_say_what_to_do(adapter, choice, error, message):
    with pytest.raises(error, match=message):
        extract(adapter, cells(9), **choice, **QUIET)


def test_unmarked_tfs_are_asked_for(adapter):
    adata = cells(3)
    del adata.var["is_tf"]
    with pytest.raises(ParameterError, match="pass the list of transcription factors"):
        extract(adapter, adata, **QUIET)


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


def test_activation_sums_and_samples_are_the_hidden_states(adapter):
    adata = cells(5)
    tokens = adapter.tokenise(adata)
    found = extract(adapter, adata, sources=TFS, activations=("residual", "mlp", "z"), **QUIET)
    batch = adapter.collate(tokens, range(len(tokens)))
    with torch.no_grad():
        hidden = adapter.forward(batch).hidden.numpy()
    expected = np.zeros((len(found["target"]), adapter.width))
    for cell in range(len(tokens)):
        for place, gene in enumerate(batch.genes[cell].tolist()):
            if gene >= 0:
                expected[list(found["target"].values).index(GENES[gene])] += hidden[cell, place]
    np.testing.assert_allclose(found["sum_residual"][-1], expected, atol=1e-4)
    held = (adata.X.toarray() > 0).sum(axis=0)
    np.testing.assert_array_equal(found["tokens"], held[held > 0])
    assert found["sum_mlp"].shape == found["sum_z"].shape == found["sum_residual"].shape
    sample = sample_activations(adapter, tokens, n_tokens=25, batch_size=2, seed=1)
    assert sample.shape == (3, 25, 32)
    for token in range(25):
        cell, place = int(sample["cell"][token]), int(sample["position"][token])
        assert GENES[tokens.genes[cell][place]] == str(sample["gene"].values[token])
        np.testing.assert_allclose(sample[-1, token], hidden[cell, place], atol=1e-5)


def test_order_share_is_the_share_of_cells_in_which_the_target_comes_first(ranked):
    tokens = ranked.tokenise(cells(9))
    found = order_share(tokens, sources=TFS, genes=GENES)
    for a, source in enumerate(TFS):
        for b, target in enumerate(GENES):
            places = [
                (list(c).index(GENES.index(source)), list(c).index(GENES.index(target)))
                for c in tokens.genes
                if GENES.index(source) in c and GENES.index(target) in c
            ]
            assert int(found["count"][a, b]) == len(places)
            assert float(found["sum"][a, b]) == sum(j < i for i, j in places)
    both = found.sel(target=TFS)
    mirrored = both["sum"].values + both["sum"].values.T
    np.testing.assert_array_equal(
        mirrored[~np.eye(5, dtype=bool)], both["count"].values[~np.eye(5, dtype=bool)]
    )


def test_sampled_mean_covers_the_mean_of_all_rows():
    """In 400 draws of 12 out of 60 rows, the 95 % interval holds the truth in about 95 %."""
    rng = np.random.default_rng(0)
    population = rng.normal(2, 1, 60)
    inside = 0
    for _ in range(400):
        found = sampled_mean(rng.choice(population, 12, replace=False), 60)
        inside += found.low <= population.mean() <= found.high
    assert 0.91 <= inside / 400 <= 0.985
    everything = sampled_mean(population, 60)
    assert everything.low == everything.high == pytest.approx(population.mean())
    assert isinstance(sampled_mean(population[:2], 60), NotEstimable)
    assert isinstance(sampled_mean(np.array([1.0, np.nan, 2.0]), 60), NotEstimable)
