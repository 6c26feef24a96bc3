"""Cells of mouse as scanpy writes them, with a mouse network, and where human ones are wanted."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

from helpers import score_edges
from helpers.datasets import load, load_reference
from helpers.errors import HelpersError

FEW = {"permutations": 99, "rewired": 99, "n_cells": 200}


@pytest.fixture(scope="module")
def mouse(tmp_path_factory):
    """A file of 300 cells, edges between 40 of its genes, and a network of these."""
    held = load("baron-mouse")[:300]
    cells = ad.AnnData(held.layers["counts"].copy(), obs=held.obs[["donor"]].copy())
    cells.var_names = held.var_names
    sc.pp.filter_genes(cells, min_cells=60)
    path = tmp_path_factory.mktemp("mouse") / "mouse.h5ad"
    cells.write_h5ad(path)
    genes = [gene for gene in cells.var_names if gene[:1].isupper() and gene[1:].islower()][:40]
    rng = np.random.default_rng(0)
    pairs = [(a, b) for a in genes[:8] for b in genes if a != b]
    edges = pd.DataFrame(pairs, columns=["TF", "target"]).assign(weight=rng.random(len(pairs)))
    return str(path), edges, edges.sample(60, random_state=0)[["TF", "target"]]


def test_mouse_cells_with_a_mouse_network(mouse):
    path, edges, network = mouse
    card = score_edges(edges, path, {"mine": network}, organism="mouse", **FEW)
    (one,) = card.references
    assert one.counts["n_positive"] == len(network) and one.counts["pairs_without_cells"] == 0
    assert card.edges["notes"] == []


def test_mouse_cells_stand_for_human_orthologs_where_human_ones_are_wanted(mouse):
    path, edges, network = mouse
    upper = edges.assign(TF=edges["TF"].str.upper(), target=edges["target"].str.upper())
    card = score_edges(upper, path, {"mine": network.map(str.upper)}, **FEW)
    assert "the cells are of mouse" in card.edges["notes"][0]
    assert card.references[0].counts["n_positive"] > 20


def test_human_cells_are_no_mouse(mouse, tmp_path):
    _, edges, network = mouse
    held = load("baron-human")[:50]
    human = ad.AnnData(held.layers["counts"].copy())
    human.var_names = held.var_names
    human.write_h5ad(tmp_path / "human.h5ad")
    given = {"organism": "mouse"} | FEW
    with pytest.raises(HelpersError, match="the genes are human, not mouse"):
        score_edges(edges, tmp_path / "human.h5ad", {"mine": network}, **given)


@pytest.mark.mirror
@pytest.mark.parametrize("name", ["trrust", "dorothea"])
def test_registered_mouse_networks(mouse, mirror_dir, monkeypatch, name):
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(mirror_dir))
    path, _, _ = mouse
    network = load_reference(name, "mouse")
    tfs, targets = sorted(set(network["source"]))[:200], sorted(set(network["target"]))[:400]
    rng = np.random.default_rng(0)
    pairs = [(a, b, rng.random()) for a in tfs for b in targets if a != b]
    edges = pd.DataFrame(pairs, columns=["TF", "target", "weight"])
    card = score_edges(edges, path, [name], organism="mouse", **FEW)
    assert card.references[0].counts["tfs_scored"] == len(tfs)
