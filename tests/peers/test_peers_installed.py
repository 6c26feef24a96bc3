"""Our measures and nulls beside scikit-learn, scipy, statsmodels and networkx."""

import networkx as nx
import numpy as np
import peers_kit as kit
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score
from statsmodels.stats.multitest import multipletests

from helpers.evaluation import candidate_pairs, drop_missing
from helpers.reading import draw_cells, read_attention
from helpers.statistics.auroc import auroc
from helpers.statistics.curveball import curveball
from helpers.statistics.multiplicity import adjust
from helpers.statistics.ranking import average_precision
from helpers.statistics.signed_ranks import signed_rank_test

CASES = kit.cases()


def agree(s, y):
    """AUROC equals scikit-learn's and scipy's to 1e-9."""
    ours = auroc(s, y).value
    u = stats.mannwhitneyu(s[y], s[~y]).statistic
    assert ours == pytest.approx(roc_auc_score(y, s), abs=1e-9)
    assert ours == pytest.approx(u / (y.sum() * (~y).sum()), abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_auroc_and_average_precision(name):
    s, y = kit.pairs(*CASES[name])
    agree(s, y)
    same = average_precision(s, y) == pytest.approx(average_precision_score(y, s), abs=1e-9)
    assert same == (np.unique(s).size == s.size), "scikit-learn merges ties into one threshold"


@pytest.mark.parametrize("model", ["scgpt", "geneformer"])
def test_auroc_of_the_shipped_models(model):
    (one,) = read_attention(model, draw_cells("sim", 60, 0), 60, ["network"], seed=0)
    ((name, edges),) = one.references.items()
    found, (score,) = candidate_pairs(edges, one.scores(5), name=name)
    kept, s = drop_missing(found, score)
    y = np.asarray(kept.label, dtype=bool)
    assert y.sum() > 3
    for kind in (s, np.round(s, 3), stats.rankdata(s)):
        agree(kind, y)


@pytest.mark.parametrize("method", ["bh", "by", "holm", "bonferroni"])
def test_corrections_equal_statsmodels(method):
    named = {"bh": "fdr_bh", "by": "fdr_by"}.get(method, method)
    for seed in range(5):
        p = np.round(np.random.default_rng(seed).beta(0.5, 2, 30), 2)  # with ties
        theirs = multipletests(p, method=named)[1]
        assert np.allclose(adjust(p, method), theirs, atol=1e-12)


def test_signed_ranks_equal_scipy():
    d = np.random.default_rng(0).normal(0.3, 1, 12)
    assert signed_rank_test(d, "two", "study").p == pytest.approx(stats.wilcoxon(d).pvalue)


def test_rewired_networks_have_the_law_that_networkx_draws():
    """Networks of the same degrees, without self pairs: the AUROC of one score in both."""
    rng = np.random.default_rng(1)
    truth = rng.random((16, 16)) < 0.2
    np.fill_diagonal(truth, False)
    scores = rng.normal(size=truth.shape) + truth.sum(axis=0) + 2.0 * truth
    s, _ = kit.pairs(scores, truth)
    ours = curveball(truth, rng, 300, forbidden=np.eye(16, dtype=bool))
    mine = [auroc(s, kit.pairs(scores, ours.network(b))[1]).value for b in range(300)]
    theirs, graph = [], nx.from_numpy_array(truth, create_using=nx.DiGraph)
    for b in range(300):
        drawn = nx.directed_edge_swap(graph.copy(), nswap=150, max_tries=20_000, seed=b)
        network = nx.to_numpy_array(drawn, nodelist=range(16)) > 0
        assert (network.sum(axis=0) == truth.sum(axis=0)).all()
        assert (network.sum(axis=1) == truth.sum(axis=1)).all()
        theirs.append(auroc(s, kit.pairs(scores, network)[1]).value)
    se = np.hypot(np.std(mine), np.std(theirs)) / np.sqrt(300)
    assert np.mean(mine) == pytest.approx(np.mean(theirs), abs=4 * se)
    assert stats.ks_2samp(mine, theirs).pvalue > 0.001
