"""Page 41: its functions on planted effects, the control model, and inputs that allow no test."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from bookkit.page_functions import definitions
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.evaluation import evaluation_set
from helpers.interventions import Component, heads
from helpers.models.load import load_model
from helpers.reading import draw_cells, references_for
from helpers.statistics.results import Outcome

NAME = "41_head_ablation"


@pytest.fixture(scope="module")
def page():
    return definitions(NAME)


def planted(page, carriers, seed=0, noise=1.0):
    """A bench without a model: effects of edges stand out as long as a carrier is left."""
    rng = np.random.default_rng(seed)
    tfs, targets = [f"TF{i}" for i in range(12)], [f"G{i}" for i in range(40)]
    edges = pd.DataFrame({"source": rng.choice(tfs, 90), "target": rng.choice(targets, 90)})
    pairs = evaluation_set(edges.drop_duplicates(), [*tfs, *targets])
    scores = {True: rng.normal(size=pairs.n_pairs) * noise + 2 * pairs.label}
    scores[False] = rng.normal(size=pairs.n_pairs) * noise
    model = SimpleNamespace(n_layers=4, n_heads=4)

    class Planted(page["Bench"]):
        def after(self, removed, values=None):
            left = any(c not in set(removed) for c in carriers) or not carriers
            return scores[left]

    return Planted("planted", model, None, pairs, scores[True], {})


def test_a_circuit_of_one_head_is_first_among_its_kind(page):
    carrier = Component("head", 1, 2)
    bench = planted(page, [carrier])
    rng = np.random.default_rng(0)
    found = page["change"](bench, [carrier])
    assert found.estimate > 0.2 and found.p < 0.01
    chosen = [carrier, Component("head", 0, 0), Component("head", 2, 1)]
    ranked = page["set_test"](bench, chosen, 39, rng)
    assert ranked.draws.size == 39 and ranked.p < 0.4
    # a quarter of the matched sets hold the carrier too, so the rank is that of their share
    same = sum(carrier in s for s in page["matched_sets"](chosen, heads(bench.model), 39, rng))
    assert 2 <= same <= 18
    ordered = [carrier, *[c for c in heads(bench.model) if c != carrier]]
    dose = page["dose_test"](bench, ordered, [1, 4, 8], 39, rng)
    assert isinstance(dose, Outcome)


def test_redundant_heads_show_jointly_only(page):
    pair = [Component("head", 1, 0), Component("head", 1, 1)]
    bench = planted(page, pair)
    alone = page["auroc_of"](bench, bench.before) - page["auroc_of"](bench, bench.after(pair[:1]))
    both = page["change"](bench, pair)
    assert alone == 0.0 and both.estimate > 0.2


def test_an_inert_head_changes_nothing_and_has_no_standard_error(page):
    bench = planted(page, [])
    found = page["change"](bench, [Component("head", 0, 0)])
    assert isinstance(found, NotEstimable)
    assert page["no_relevant_drop"](found, 0.01) is found


def test_the_margin_is_established_for_a_tiny_change(page):
    bench = planted(page, [Component("head", 0, 0)])
    rng = np.random.default_rng(1)
    after = bench.before + 1e-3 * rng.normal(size=bench.before.size)
    found = page["compare_scores"](bench.pairs, bench.before, after)
    verdict = page["no_relevant_drop"](found, 0.01)
    assert verdict.p < 0.05 and verdict.null == "outside the margin around no change"


def test_sets_of_the_same_layers_are_distinct_and_not_the_chosen_one(page):
    every = heads(SimpleNamespace(n_layers=3, n_heads=4))
    chosen = every[:2] + every[5:6]
    found = page["matched_sets"](chosen, every, 1000, np.random.default_rng(0))
    assert len(found) == 6 * 4 - 1
    assert len({frozenset(s) for s in found}) == len(found) and chosen not in found
    assert all(sorted(c.layer for c in s) == [0, 0, 1] for s in found)
    bench = planted(page, [])
    few = page["set_test"](bench, [every[0]], 50, np.random.default_rng(0))
    assert "3 other sets" in few.reason
    assert "20 needed" in page["dose_test"](bench, every, [1, 2], 0, None).reason


def test_blocks_share_no_gene(page):
    genes = [f"TF{i}" for i in range(9)] + [f"G{i}" for i in range(20)]
    first, second = page["blocks"](genes, set(genes[:9]), np.random.default_rng(0))
    assert not set(np.concatenate(first)) & set(np.concatenate(second))
    assert [len(x) for x in (*first, *second)] == [3, 6, 6, 14]


@pytest.fixture(scope="module")
def control(page):
    model, cells = load_model("control-scgpt"), draw_cells("control", 12, 0)
    edges, rng = references_for("control", [])["network"], np.random.default_rng(0)
    _, judged = page["blocks"](list(cells.var_names), set(edges["source"]), rng)
    return model, model.tokenise(cells), judged, edges


def test_the_control_loses_its_edges_with_its_heads(page, control):
    model, tokens, judged, edges = control
    bench = page["bench_of"]("c", model, tokens, judged, edges, 12, np.random.default_rng(0))
    whole = page["auroc_of"](bench, bench.before)
    assert whole > 0.75
    every = page["auroc_of"](bench, bench.after(heads(model)))
    assert every == pytest.approx(0.5, abs=0.05)
    again = bench.after(heads(model)[:2])
    np.testing.assert_array_equal(again, bench.after(heads(model)[:2]))
    zero = bench.after(heads(model)[:2], dict.fromkeys(heads(model), 0.0))
    assert not np.allclose(again, zero, equal_nan=True)
    np.testing.assert_array_equal(again, bench.after(heads(model)[:2]))
    assert page["moved"](bench, []) == pytest.approx(0, abs=1e-6)
    assert page["moved"](bench, heads(model)) > 1e-3


def test_knock_outs_that_cannot_be_had_are_refused(page, control):
    model, tokens, judged, edges = control
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="hold 500 of"):
        page["bench_of"]("c", model, tokens, judged, edges, 500, rng)
    nothing = edges.iloc[:0].assign(source="TF1", target="G1")
    with pytest.raises(DataError):
        page["bench_of"]("c", model, tokens, judged, nothing, 12, rng)


def test_heads_above_a_readout_cannot_change_it(page, control):
    model, tokens, _, _ = control
    batch = model.collate(tokens, [0, 1])
    whole = page["attention_of"](model, batch, 0)
    assert torch.equal(whole, page["attention_of"](model, batch, 0, heads(model)))


def test_the_thirteen_conditions_are_thirteen_sets(page):
    every = heads(SimpleNamespace(n_layers=4, n_heads=4))
    table = pd.DataFrame({"transpose": np.arange(16.0), "composite": -np.arange(16.0)}, every)
    entropy = {c: float(i % 5) for i, c in enumerate(every)}
    found = page["thirteen"](table, entropy, np.random.default_rng(0))
    assert len(found) == 13
    assert found["top", 2] == every[:-3:-1] and found["bottom", 2] == every[:2]
    assert found["composite", 4] == every[:4]
    assert {c.layer for c in found["layer", 2]} == {2} and len(found["layer", 2]) == 4
    matched = found["same entropy", 2]
    assert not set(matched) & set(found["top", 2])
    assert [entropy[c] for c in matched] == [entropy[c] for c in found["top", 2]]
    assert [k for name, k in found if name == "random"] == [4, 6, 8]


def test_fidelity_and_recovery_know_nothing_and_everything(page, control):
    model, tokens, judged, edges = control
    bench = page["bench_of"]("c", model, tokens, judged, edges, 12, np.random.default_rng(0))
    clean = page["clean_runs"](bench.ko)
    assert len(clean.batch.ids) == bench.ko.cells
    torch.testing.assert_close(clean.base, bench.ko.replay.base[: bench.ko.cells])
    hidden, said = page["fidelity"](bench, clean, heads(model))
    assert hidden > 0.02 and said > 1e-3
    assert page["recovery"](bench, heads(model)) == 1.0
    assert page["recovery"](bench, []) == 0.0
    entropy = page["entropies"](model, clean.batch)
    assert set(entropy) == set(heads(model)) and min(entropy.values()) > 0
    assert max(entropy.values()) <= np.log(clean.batch.ids.shape[1])
    effects = np.array([np.nan, 1.0, 2.0, 3.0, 4.0])
    known, top = page["largest"](effects)
    assert known.sum() == 4 and list(np.flatnonzero(top)) == [4]
