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
    every = heads(bench.model)
    ordered = [carrier, *[c for c in every if c != carrier]]
    orders = [ordered, *page["matched_orders"](ordered, 39, rng)]
    drops = page["dose_drops"](bench, orders, [3, 8])
    assert drops.shape == (40, 2) and drops[0, 0] == pytest.approx(found.estimate)
    # the first three are of layers 1, 0 and 0: three of four orders leave the carrier to the end
    held = np.array([carrier in one[:3] for one in orders])
    np.testing.assert_array_equal(drops[:, 0] > 0.2, held)
    ranked = page["set_test"](drops[:, 0], ordered[:3], every)
    assert ranked.p == pytest.approx(held.sum() / 40) and 0.05 < ranked.p < 0.5
    tests = page["dose_tests"](bench, ordered, drops, [3, 8], rng)
    assert tests["41.18"].p <= 0.01 and tests["41.18"].unit == "TF x target"
    assert tests["41.19"].p == 1.0 and tests["41.18"].estimate == pytest.approx(found.estimate)
    assert tests["41.20"].p < 0.5 and tests["41.8"].sides == "two"


def test_a_drop_that_comes_back_is_no_rising_curve(page):
    carrier, rng = Component("head", 1, 2), np.random.default_rng(0)
    bench = planted(page, [carrier], noise=0.5)
    order = heads(bench.model)
    after = {0: bench.before, 2: bench.after([carrier]), 4: bench.before}
    bench.after = lambda removed, values=None: after[len(removed)]
    found = page["isotonic_tests"](bench, order, [2, 4], rng)
    assert found["fall"].p <= 0.01
    drop = page["change"](bench, order[:2]).estimate
    assert found["rise"].estimate == pytest.approx(drop / 2)  # two points are pooled


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


def test_orders_keep_the_layer_of_every_place(page):
    every = heads(SimpleNamespace(n_layers=3, n_heads=4))
    chosen = every[:2] + every[5:6]
    ordered = chosen + [c for c in every if c not in chosen]
    orders = page["matched_orders"](ordered, 500, np.random.default_rng(0))
    for one in orders:
        assert [c.layer for c in one] == [c.layer for c in ordered] and set(one) == set(every)
    assert page["other_sets"](chosen, every) == 6 * 4 - 1
    assert len({frozenset(one[:3]) for one in orders}) == 6 * 4
    few = page["set_test"](np.zeros(51), every[:1], every)
    assert "3 other sets" in few.reason
    assert "0 random orders" in page["set_test"](np.zeros(1), chosen, every).reason


def test_the_divergence_of_outputs_is_that_of_scipy(page, control):
    rng, entropy = np.random.default_rng(0), pytest.importorskip("scipy.stats").entropy
    p, q = rng.dirichlet(np.ones(7), size=(2, 3, 4))
    logs = [torch.from_numpy(np.log(x)) + 3 for x in (p, q)]  # logits have no zero of their own
    assert page["divergence"](*logs) == pytest.approx(entropy(p, q, axis=-1).mean())
    model, tokens, judged, edges = control
    bench = page["bench_of"]("c", model, tokens, judged, edges, 12, np.random.default_rng(0))
    clean = bench.clean
    spread = page["squared_error"](bench, clean)
    assert 0 < spread < clean.base.var() + clean.base.mean() ** 2 + 51**2
    none, all_heads = page["divergences"](bench, [[], heads(model)])
    assert none == pytest.approx(0, abs=1e-9) and all_heads > 0.01


def test_geneformer_says_a_distribution_over_its_tokens(page):
    model, cells = load_model("geneformer-baron"), draw_cells("baron", 6, 0)
    given = cells[:, cells.var[page["READ"]]].copy()
    genes = page["choose_genes"]([model.tokenise(given)], 60, set())
    tokens = model.tokenise(given[:, genes].copy())
    ko = page["KnockOuts"](model, tokens, genes[:8], genes[8:], 5, np.random.default_rng(0))
    clean = page["clean_runs"](ko)
    assert clean.base.ndim == 3 and clean.base.shape[:2] == (ko.cells, 5)
    words = ko.replay.readout.words[: ko.cells, :, None]
    own = clean.base.gather(2, words)[..., 0]
    torch.testing.assert_close(own, ko.replay.base[: ko.cells])


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
    clean = bench.clean
    assert len(clean.batch.ids) == bench.ko.cells
    torch.testing.assert_close(clean.base, bench.ko.replay.base[: bench.ko.cells])
    hidden, said, nats = page["fidelity"](bench, heads(model))
    assert hidden > 0.02 and said > 1e-3
    assert nats == page["divergences"](bench, [heads(model)])[0]
    whole = page["recorded"](model, clean.batch, [*bench.states])
    assert all(torch.equal(state, bench.states[c]) for c, state in whole.items())
    assert page["recovery"](bench, heads(model)) == 1.0
    assert page["recovery"](bench, []) == 0.0
    entropy = page["entropies"](model, clean.batch)
    assert set(entropy) == set(heads(model)) and min(entropy.values()) > 0
    assert max(entropy.values()) <= np.log(clean.batch.ids.shape[1])
    effects = np.array([np.nan, 1.0, 2.0, 3.0, 4.0])
    known, top = page["largest"](effects)
    assert known.sum() == 4 and list(np.flatnonzero(top)) == [4]
