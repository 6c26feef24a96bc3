"""Counts of cells: totals, dropout, moments, donors."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from helpers.datasets.simulate import (
    WorldSpec,
    coexpression,
    draw,
    world,
)


def dense(adata):
    return adata.layers["counts"].toarray()


def weights(made, table=None, genes=None):
    """Return TFs x genes from an edge table."""
    table = made.network if table is None else table
    names = list(made.genes if genes is None else genes)
    matrix = np.zeros((len(made.tfs), len(names)))
    rows = [names.index(s) for s in table["source"]]
    columns = [names.index(t) for t in table["target"]]
    matrix[rows, columns] = table["weight"]
    return matrix


def test_library_factors_set_the_totals():
    made = world("null-expression", 0, library_sd=0.5, n_genes=400, dropout=0.0)
    log_library = np.log(made.adata.obs["library"])
    assert abs(log_library.std() - 0.5) < 0.05
    assert spearmanr(log_library, dense(made.adata).sum(axis=1))[0] > 0.8


def test_dropout_has_the_average_asked_for_and_spares_high_counts():
    with_loss, without = (
        world("null-expression", 0, dropout=d, log_mean=1.0, theta=1e6) for d in (0.3, 0.0)
    )
    rate = np.exp(with_loss.adata.var["log_mean"].to_numpy())
    lost = 1 - dense(with_loss.adata).mean(axis=0) / dense(without.adata).mean(axis=0)
    assert spearmanr(rate, lost)[0] < -0.7
    # A lost entry of a gene with a Poisson count of mean m shows unless the count was 0 anyway.
    zero = (dense(with_loss.adata) == 0).mean() - (dense(without.adata) == 0).mean()
    assert 0.05 < zero < 0.3


def test_negative_binomial_moments():
    made = world(
        "null-expression",
        0,
        n_cells=20_000,
        n_genes=20,
        n_tfs=2,
        log_mean_sd=0.0,
        log_mean=1.0,
        library_sd=0.0,
        tf_noise=0.0,
        gene_noise=0.0,
        dropout=0.0,
    )
    counts = dense(made.adata)
    mean = np.exp(1.0)
    assert np.allclose(counts.mean(axis=0), mean, rtol=0.05)
    assert np.allclose(counts.var(axis=0), mean + mean**2 / 2, rtol=0.1)


def test_heavy_tails_widen_the_expression():
    spec = WorldSpec(n_genes=50, n_tfs=5, n_cells=2000, gene_noise=0.5, log_mean=4.0, theta=1e6)
    flat = spec.changed(log_mean_sd=0.0, library_sd=0.0, dropout=0.0, density=0.0, program_sd=0.0)
    kurtosis = []
    for tail in (0.0, 3.0):
        value = np.log1p(dense(draw(flat.changed(tail_df=tail), 0).adata)[:, 5:])
        z = (value - value.mean(axis=0)) / value.std(axis=0)
        kurtosis.append(np.median((z**4).mean(axis=0)))
    assert kurtosis[0] < 4 < kurtosis[1]


def test_donor_shift_moves_donor_means_and_no_donor_effect_does_not():
    def between(name):
        made = world(name, 0, log_mean=1.0, n_states=1)
        log = np.log1p(dense(made.adata))
        means = pd.DataFrame(log).groupby(made.adata.obs["donor"].to_numpy()).mean()
        within = log.std(axis=0) / np.sqrt(len(log) / made.spec.n_donors)
        seen = within > 0
        return float(np.median(means.to_numpy().std(axis=0)[seen] / within[seen]))

    assert between("donor-shift") > 4
    assert between("no-donor-effect") < 1.5


def test_composition_differs_between_donors_only_when_asked():
    def spread(name):
        obs = world(name, 0).adata.obs
        share = pd.crosstab(obs["donor"], obs["cell_type"], normalize="index")
        return float(share.std(axis=0).max())

    assert spread("no-donor-effect") < 0.01
    assert spread("composition-only") > 0.1


def test_modules_correlate_within_and_not_between():
    made = world("coexp-only", 0, log_mean=2.0)
    matrix = coexpression(dense(made.adata))
    module = made.adata.var["module"].to_numpy()
    same = module[:, None] == module[None, :]
    off = ~np.eye(len(module), dtype=bool)
    assert matrix[same & off].mean() > 0.2
    assert abs(matrix[~same].mean()) < 0.02


def test_tfs_correlate_in_blocks_and_genes_with_tfs_that_do_not_regulate_them():
    made = world("correlated-tfs", 0, n_cells=4000, theta=1e6, log_mean=6.0)
    level = np.log1p(dense(made.adata) / made.adata.obs["library"].to_numpy()[:, None])
    matrix = np.corrcoef(level.T)
    block = np.arange(20) // 5
    same = (block[:, None] == block[None, :]) & ~np.eye(20, dtype=bool)
    among = matrix[:20, :20]
    assert abs(among[same].mean() - 0.8) < 0.03
    assert abs(among[block[:, None] != block[None, :]].mean()) < 0.03
    edge = weights(made) != 0
    assert (edge.sum(axis=0)[20:] == 2).all() and not edge[:, :20].any()
    # the neighbours in its block of a gene's only TF there: no edge, and a clear correlation
    neighbour = ~edge & (same.astype(int) @ edge > 0)
    far = ~edge & ~neighbour
    size = np.abs(matrix[:20, 20:])
    assert size[neighbour[:, 20:]].mean() > 3 * size[far[:, 20:]].mean()
    # a linear model of the TFs finds the edges that correlation confuses
    coefficient = np.linalg.lstsq(
        level[:, :20] - level[:, :20].mean(axis=0),
        level[:, 20:] - level[:, 20:].mean(axis=0),
        rcond=None,
    )[0]
    top = np.argsort(-np.abs(coefficient), axis=0, kind="stable")[:2]
    assert np.take_along_axis(edge[:, 20:], top, axis=0).mean() > 0.97
    top = np.argsort(-size, axis=0, kind="stable")[:2]
    assert np.take_along_axis(edge[:, 20:], top, axis=0).mean() < 0.8
