"""Inputs, tables, records and sentences of the co-expression page."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.analyses import coexpression_inputs as inputs
from helpers.analyses import coexpression_null as null
from helpers.analyses import coexpression_records as records
from helpers.analyses import coexpression_tables as tables
from helpers.analyses import coexpression_verdict as verdicts
from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.models.training import Shape, new_model
from helpers.plotting import coexpression as plots
from helpers.registry import frame

SHAPE = Shape(n_layers=2, n_heads=2, width=16, d_hid=16)


@pytest.fixture(scope="module")
def cells():
    return inputs.read_cells("sim", 100, seed=0)


@pytest.fixture(scope="module")
def trained(cells):
    adata = cells.adata[:, cells.model_genes]
    adapters = {name: new_model(name, adata, SHAPE, 1) for name in ("scgpt", "geneformer")}
    genes = inputs.choose_genes(cells, list(adapters.values()), 60)
    return {
        label: inputs.read_attention(label, adapter, cells, genes, 0)
        for label, adapter in adapters.items()
    }


@pytest.fixture(scope="module")
def findings(trained):
    return tables.analyse_models(trained, n_perm=99, n_boot=99, min_count=10, seed=0)


def test_cell_sets_are_nested_and_reproducible(cells):
    assert cells.block_ends == (20, 50, 100)
    assert sorted(set(cells.strata)) == ["0A", "0B", "1A", "1B", "2A", "2B"]
    assert [int(label[0]) for label in cells.strata] == [0] * 20 + [1] * 30 + [2] * 50
    again = inputs.read_cells("sim", 100, seed=0)
    assert list(again.adata.obs_names) == list(cells.adata.obs_names)
    other = inputs.read_cells("sim", 100, seed=1)
    assert list(other.adata.obs_names) != list(cells.adata.obs_names)


def test_what_cannot_be_read_is_refused():
    with pytest.raises(ParameterError, match="holds 3000 cells"):
        inputs.read_cells("sim", 4000, seed=0)
    with pytest.raises(ParameterError, match="data is 'liver'"):
        inputs.read_cells("liver", 100, seed=0)


@pytest.mark.parametrize(
    ("model", "data", "expected"),
    [
        ("both", "sim", {"scgpt": "scgpt-sim", "geneformer": "geneformer-sim"}),
        ("scgpt", "baron", {"scgpt": "scgpt-baron"}),
        ("scgpt:/my/model", "baron", {"own-scgpt": "scgpt:/my/model"}),
        ("scgpt:/my/model", "sim", {"scgpt": "scgpt-sim", "geneformer": "geneformer-sim"}),
    ],
)
def test_models_are_named_by_data_set(model, data, expected):
    assert inputs.resolve_models(model, data) == expected


def test_genes_are_half_regulators_at_most(cells, trained):
    genes = trained["scgpt"].genes
    tfs = set(cells.references["network"]["source"])
    assert len(genes) == 60 and sum(gene in tfs for gene in genes) <= 30
    assert genes == trained["geneformer"].genes


def test_blocks_and_contexts_add_up(trained):
    read = trained["scgpt"]
    whole, first = read.scores(min_count=1), read.scores(20, min_count=1)
    part = [read.scores(context=name, min_count=1)["count"].values for name in "AB"]
    np.testing.assert_array_equal(whole["count"].values, part[0] + part[1])
    assert (first["count"].values <= 20).all()
    total = read.sums["sum"].sum("stratum").mean(["layer", "head"])
    expected = total / read.sums["count"].sum("stratum")
    np.testing.assert_allclose(whole, expected)


def test_only_ranked_tokens_have_an_order(trained):
    assert trained["scgpt"].order() is None
    order = trained["geneformer"].order()
    both = order.values + order.values.T
    off = ~np.eye(len(both), dtype=bool) & np.isfinite(both)
    np.testing.assert_allclose(both[off], 1.0)


def test_uniform_attention_is_near_what_an_untrained_model_gives(trained):
    read = trained["scgpt"]
    score, uniform = read.scores(min_count=20), read.uniform()
    used = np.isfinite(score.values)
    assert np.median(score.values[used] / uniform.values[used]) == pytest.approx(1, abs=0.1)


def test_every_row_is_recorded_once(findings, trained):
    by_cells = tables.auroc_by_cells(trained, 99, 10, 0)
    rows = list(records.records(findings, tables.spread_of_models(by_cells), seed=0))
    table = frame(rows)
    numbers = table["test_id"].str.split("/").str[0]
    assert set(numbers) == set(records.DECLARED)
    corrected = table[table["variant"] == "corrected"]
    assert corrected["test_id"].is_unique and len(corrected) == 11
    published = table[table["variant"] == "published"]
    assert published["unit"].eq("pair").all() and len(published) == 2
    assert (table.loc[numbers == "10.3", "estimate"].abs() < 0.5).all()
    assert table.loc[numbers == "10.5", "sides"].eq("-").all()


def test_the_same_seed_gives_the_same_findings(findings, trained):
    again = tables.analyse_models({"scgpt": trained["scgpt"]}, 99, 99, 10, 0)
    key = "scgpt/sim/network"
    assert again[key].tests["10.1"].p == findings[key].tests["10.1"].p
    assert again[key].auroc == findings[key].auroc


def test_tests_without_a_reference_are_made_once(cells, trained):
    two = replace(cells, references=cells.references | {"again": cells.references["network"]})
    read = replace(trained["scgpt"], cells=two)
    found = tables.analyse_models({"scgpt": read}, 99, 99, 10, 0)
    first, second = found["scgpt/sim/network"], found["scgpt/sim/again"]
    assert first.tests["10.1"] is second.tests["10.1"] and first.shared is second.shared
    rows = frame(list(records.records(found, pd.DataFrame(), seed=0)))
    assert rows["test_id"].str.startswith("10.1/").sum() == 2  # corrected and published


def test_a_test_that_is_not_estimable_is_recorded_with_its_reason(findings):
    one = findings["scgpt/sim/network"]
    broken = replace(one, tests=one.tests | {"10.4": NotEstimable("2 TFs with a positive")})
    rows = list(records.records({"scgpt/sim/network": broken}, pd.DataFrame(), seed=0))
    row = next(row for row in rows if row.test_id.startswith("10.4"))
    assert not row.estimable and row.reason == "2 TFs with a positive" and row.p is None
    assert "not estimable: 2 TFs" in verdicts.comparison_sentence(broken)


def test_models_are_compared_on_the_same_pairs(trained):
    table = tables.auroc_by_cells(trained, 99, 10, 0)
    sizes = table.groupby(["reference", "cells"])[["pairs", "positives"]].nunique()
    assert (sizes == 1).all().all()
    spread = tables.spread_of_models(table)
    largest = table[table["cells"] == 100]["auroc"]
    assert spread["spread"].iloc[0] == pytest.approx(largest.max() - largest.min())


def test_stability_of_a_model_with_itself_beats_permuted_genes(trained):
    found = tables.context_stability(trained, trained, np.random.default_rng(0), 5, 20)
    assert (found["cosine"] == found["random weights"]).all()
    assert (found["cosine"] <= 1 + 1e-12).all()
    assert "No trained model exceeds" in verdicts.stability_sentence(found)


def with_p(found, number, p, **detail):
    test = replace(found.tests[number], p=p, detail=found.tests[number].detail | detail)
    return replace(found, tests=found.tests | {number: test})


def test_sentences_change_when_the_values_do(findings):
    one = findings["scgpt/sim/network"]
    yes, no = with_p(one, "10.1", 0.001), with_p(one, "10.1", 0.5)
    assert "attention follows" in verdicts.association_sentence(yes)
    assert "does not detectably follow" in verdicts.association_sentence(no)
    left = with_p(one, "10.2", 0.001, partial=0.2)
    assert "an association is left" in verdicts.association_sentence(left)
    negative = with_p(one, "10.2", 0.9, partial=-0.2)
    assert "negative" in verdicts.association_sentence(negative)
    value = one.tests["10.3"].estimate
    better = with_p(one, "10.3", 0.001, null_mean=value - 0.1)
    worse = with_p(one, "10.3", 0.001, null_mean=value + 0.1)
    assert "is better" in verdicts.regulation_sentence(better)
    assert "is worse" in verdicts.regulation_sentence(worse)
    assert "absence of a signal is not established" in verdicts.regulation_sentence(
        with_p(one, "10.5", 0.5)
    )
    assert "lies within" in verdicts.regulation_sentence(with_p(one, "10.5", 0.001))
    assert "in 1 of 1 models" in verdicts.summary({"scgpt/sim/network": yes})
    assert "in 0 of 1 models" in verdicts.summary({"scgpt/sim/network": no})
    open_question = with_p(with_p(one, "10.3", 0.5), "10.5", 0.5)
    text = verdicts.change_sentence({"scgpt/sim/network": open_question})
    assert text.startswith("1 of 1 analyses show neither") and "such TFs" in text
    decided = with_p(one, "10.3", 0.001)
    assert "Every analysis is decided" in verdicts.change_sentence({"scgpt/sim/network": decided})


def test_tables_hold_a_row_for_every_analysis(findings):
    assert len(tables.association_table(findings)) == 2
    assert len(tables.regulation_table(findings)) == 2
    shares = tables.shares_table(findings)
    sums = shares["gene-level terms"] + shares["unique to co-expression"]
    np.testing.assert_allclose(shares["both"], sums)
    keys = tables.values(findings)
    assert "sim/scgpt/auroc_network" in keys and "sim/geneformer/rho" in keys
    printed = tables.published_table()
    assert printed["cells"].tolist() == [200, 500, 1000]
    assert tables.shown(pd.DataFrame({"a": [0.12345, np.nan]}))["a"].tolist() == [
        "0.123",
        "not estimable",
    ]


def test_figures_come_with_words_that_hold_their_numbers(findings, trained):
    found = findings["scgpt/sim/network"].tests["10.1"]
    x, y = tables.pairs_of(trained, 10)
    _, alt = plots.association(x, y, found.estimate, found.draws, "scgpt")
    assert f"{found.estimate:.2f}" in alt and str(len(x)) in alt
    _, alt = plots.variance_parts(tables.shares_table(findings))
    assert "gene-level terms" in alt
    _, alt = plots.auroc_by_cells(tables.auroc_by_cells(trained, 99, 10, 0))
    assert "geneformer on sim" in alt
    _, alt = plots.stability(
        tables.context_stability(trained, trained, np.random.default_rng(0), 5, 5)
    )
    assert "random weights" in alt
    _, alt = plots.rejections({"a": 0.5}, 10, (0.0, 0.2))
    assert "a 0.50" in alt


def test_worlds_for_teaching():
    rates = null.prominence_rates(8, show_progress=False)
    assert set(rates) == {
        "pairs as units",
        "gene labels permuted (10.1)",
        "beyond gene-level terms (10.2)",
    }
    low, high = null.expected_range(200)
    assert low < 0.05 < high < 0.12
