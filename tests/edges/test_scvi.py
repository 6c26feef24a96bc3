"""scVI edges: the arrays against loops, the decoder against its derivative, and a trained model."""

from __future__ import annotations

import sys
import types
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group

from helpers.edges.scvi import fit_scvi, latent_edges, read_model, response_edges, scvi_edges
from helpers.errors import DataError, ModelError, ParameterError

GENES = [f"G{number}" for number in range(7)]


def test_responses_are_compared_by_their_cosine():
    responses = np.random.default_rng(0).normal(size=(3, 5, 4))
    responses[:, :, 2] = 0
    found = response_edges(responses)
    for i in range(4):
        for j in range(4):
            a, b = responses[:, :, i].ravel(), responses[:, :, j].ravel()
            length = np.sqrt(a @ a) * np.sqrt(b @ b)
            assert found[i, j] == pytest.approx(a @ b / length if length else 0)


@given(seed=st.integers(0, 2**31 - 1))
def test_a_rotated_latent_space_gives_the_same_scores(seed):
    rng = np.random.default_rng(seed)
    responses = rng.normal(size=(3, 5, 4))
    turn = ortho_group.rvs(3, random_state=rng)
    turned = np.einsum("kl,lcg->kcg", turn, responses)
    np.testing.assert_allclose(response_edges(turned), response_edges(responses), atol=1e-10)


def test_nearness_is_between_weighted_means_of_cells():
    rng = np.random.default_rng(0)
    latent, shares = rng.normal(3, 2, (20, 2)), rng.random((20, 3))
    found = latent_edges(latent, shares)
    cells = (latent - latent.mean(0)) / latent.std(0)
    at = [
        sum(w * c for w, c in zip(weights, cells, strict=True)) / weights.sum()
        for weights in shares.T
    ]
    for i in range(3):
        for j in range(3):
            assert found[i, j] == pytest.approx(-np.sqrt(((at[i] - at[j]) ** 2).sum()))
    moved = latent_edges(latent * [5, 0.1] + 7, shares * 3)
    np.testing.assert_allclose(moved, found, atol=1e-12)
    shares[:, 1] = 0
    with pytest.raises(DataError, match="1 genes have no decoded"):
        latent_edges(latent, shares)


class Decoder(torch.nn.Module):
    """Shares softmax(W z + batch shift): its derivative is known."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.inner = torch.nn.Linear(2, 7).double()

    def forward(self, dispersion, latent, library, batch):
        return (self.inner(latent) + batch).softmax(-1), None, None, None


@pytest.fixture
def stand_in():
    rng = np.random.default_rng(0)
    module = torch.nn.Module()
    module.decoder, module.dispersion = Decoder(), "gene"
    latent = rng.normal(size=(30, 2))
    return types.SimpleNamespace(
        module=module,
        adata=ad.AnnData(np.zeros((30, 7)), var=pd.DataFrame(index=GENES)),
        adata_manager=types.SimpleNamespace(get_from_registry=lambda _: np.ones((30, 1))),
        get_latent_representation=lambda: latent,
    )


def test_the_decoders_derivative_is_exact(stand_in):
    latent, shares, responses = read_model(stand_in, 500, 0)
    assert latent.shape == (30, 2) and responses.shape == (2, 30, 7)
    weights = stand_in.module.decoder.inner.weight.detach().numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    for cell in range(30):  # d log softmax_g / dz = w_g - sum_h p_h w_h
        expected = weights - shares[cell] @ weights
        np.testing.assert_allclose(responses[:, cell].T, expected, atol=1e-12)


def test_edges_carry_genes_and_follow_the_seed(stand_in):
    found = scvi_edges(stand_in, sources=["G3", "G1"], genes=GENES[:4], cells=12, seed=1)
    assert found.dims == ("source", "target") and found.name == "scvi-decoder"
    assert list(found["source"].values) == ["G3", "G1"] and found.attrs["n_cells"] == 12
    whole = scvi_edges(stand_in, cells=12, seed=1)
    assert float(found.sel(source="G3", target="G2")) == float(whole.sel(source="G3", target="G2"))
    other = scvi_edges(stand_in, cells=12, seed=2)
    assert not np.allclose(other, whole)
    near = scvi_edges(stand_in, "latent")
    np.testing.assert_allclose(near, near.values.T)
    with pytest.raises(DataError, match="1 genes are not in the model"):
        scvi_edges(stand_in, sources=["XYZ"])
    with pytest.raises(ParameterError, match="decoder or latent"):
        scvi_edges(stand_in, "both")
    stand_in.module.decoder = torch.nn.Linear(2, 7)
    with pytest.raises(ModelError, match=r"without covariates"):
        scvi_edges(stand_in)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "scvi", None)
    with pytest.raises(ModelError, match=r"optional extra: pip install .*\.\[scvi\]"):
        fit_scvi(ad.AnnData(np.ones((3, 2))))


def test_a_trained_model_finds_planted_modules_and_none_where_none_is():
    pytest.importorskip("scvi", reason="scvi-tools, the optional extra scvi, is not installed")
    warnings.simplefilter("ignore")  # of scvi-tools and lightning, about loaders and checkpoints
    rng = np.random.default_rng(0)
    member = np.repeat([0, 1], 10)
    activity = rng.normal(size=(600, 2))
    gaps = {}
    for name, strength in (("planted", 1.0), ("none", 0.0)):
        rate = np.exp(1.5 + strength * activity[:, member])
        adata = ad.AnnData(rng.poisson(rate).astype(np.float32))
        adata.var_names = [f"G{number}" for number in range(20)]
        model = fit_scvi(adata, latent=4, hidden=32, epochs=40)
        for kind in ("decoder", "latent"):
            found = scvi_edges(model, kind).values
            same = (member[:, None] == member) & ~np.eye(20, dtype=bool)
            spread = found[~np.eye(20, dtype=bool)].std()
            gap = found[same].mean() - found[member[:, None] != member].mean()
            gaps[name, kind] = gap / spread
    assert gaps["planted", "decoder"] > 1.5 and gaps["planted", "latent"] > 1.5, gaps
    assert abs(gaps["none", "decoder"]) < 0.5 and abs(gaps["none", "latent"]) < 0.5, gaps
