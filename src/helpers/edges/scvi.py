"""Gene-gene edges of a trained scVI model: a baseline without attention.

scVI is a variational autoencoder of counts (Lopez and others, Nature Methods 2018). It has no
matrix between genes; two are read from it here. Genes whose decoded expression answers alike to
every move in the latent space have a high **decoder** score, and genes that are expressed by the
same region of the latent space a high **latent** score. Both are symmetric: they have no direction.

scvi-tools is an optional extra. Its saved models are pickles that run code when they are loaded,
so nothing here loads one: pass a model that you trained, or that you loaded because you trust it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
import xarray as xr
from scipy.spatial.distance import cdist

from helpers.errors import DataError, ModelError, ParameterError

if TYPE_CHECKING:
    import anndata as ad

EXTRA = "pip install --constraint constraints.txt --editable '.[scvi]'"


def response_edges(responses: np.ndarray) -> np.ndarray:
    r"""Score gene pairs by how alike they respond to moves in a latent space.

    .. math:: r_{ij} = \frac{\sum_{ck} J_{kci} J_{kcj}}
              {\sqrt{\sum_{ck} J_{kci}^2 \sum_{ck} J_{kcj}^2}}

    Parameters
    ----------
    responses
        :math:`J`, (direction, cell, gene): derivative of the log of a gene's decoded share along
        a latent direction, at a cell. Genes that never respond score 0.

    Returns
    -------
    numpy.ndarray
        (gene, gene), symmetric, in [-1, 1]; the same for any rotation of the latent space.
    """
    flat = np.asarray(responses, dtype=np.float64).reshape(-1, responses.shape[-1])
    length = np.linalg.norm(flat, axis=0)
    unit = flat / np.where(length > 0, length, 1)
    return np.clip(unit.T @ unit, -1, 1)


def latent_edges(latent: np.ndarray, shares: np.ndarray) -> np.ndarray:
    r"""Score gene pairs by how near they are in a latent space.

    A gene stands at the mean position of the cells, weighted by its share of each cell's decoded
    expression; positions are in standard deviations of the cells. The score is minus the
    Euclidean distance, so that larger is nearer.

    Parameters
    ----------
    latent
        (cell, direction) positions of cells.
    shares
        (cell, gene) decoded shares, not negative.

    Returns
    -------
    numpy.ndarray
        (gene, gene), symmetric, at most 0.

    Raises
    ------
    DataError
        If a gene has no expression in any cell.
    """
    weights = np.asarray(shares, dtype=np.float64)
    total = weights.sum(axis=0)
    if not (total > 0).all():
        raise DataError(f"{int((total <= 0).sum())} genes have no decoded expression: leave them")
    spread = latent.std(axis=0)
    cells = (latent - latent.mean(axis=0)) / np.where(spread > 0, spread, 1)
    positions = (weights.T @ cells) / total[:, None]
    return -cdist(positions, positions)


def _decode(model, latent: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
    """Return the log of each gene's decoded share, (cell, gene), at latent positions."""
    module = model.module
    library = latent.new_zeros(len(latent), 1)  # shares do not depend on it
    return module.decoder(module.dispersion, latent, library, batch)[0].log()


def read_model(model, cells: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read latent positions, decoded shares and responses of some cells from a trained model.

    Parameters
    ----------
    model
        A trained ``scvi.model.SCVI`` without covariates other than the batch.
    cells
        Cells drawn at random without replacement; all if there are fewer.
    seed
        Seed of the draw.

    Returns
    -------
    tuple of numpy.ndarray
        (cell, direction), (cell, gene) and (direction, cell, gene).
    """
    latent = np.asarray(model.get_latent_representation())
    batch = np.asarray(model.adata_manager.get_from_registry("batch"))
    drawn = np.random.default_rng(seed).permutation(len(latent))[:cells]
    reference = next(model.module.parameters())
    at = torch.as_tensor(latent[drawn]).to(reference)
    labels = torch.as_tensor(batch[drawn]).to(reference.device)
    model.module.eval()

    def decode(position: torch.Tensor) -> torch.Tensor:
        return _decode(model, position, labels)

    try:
        with torch.no_grad():
            shares = decode(at).exp()
            found = []
            for direction in torch.eye(at.shape[1], dtype=at.dtype, device=at.device):
                moved = direction.expand_as(at).contiguous()
                found.append(torch.func.jvp(decode, (at,), (moved,))[1].cpu().numpy())
    except (AttributeError, TypeError, ValueError) as error:
        raise ModelError(
            f"the model's decoder cannot be read ({error}): a scvi.model.SCVI without covariates "
            "other than the batch is needed"
        ) from error
    return latent[drawn], shares.cpu().numpy(), np.stack(found)


def scvi_edges(
    model,
    kind: Literal["decoder", "latent"] = "decoder",
    *,
    sources: Sequence[str] | None = None,
    genes: Sequence[str] | None = None,
    cells: int = 500,
    seed: int = 0,
) -> xr.DataArray:
    """Score gene pairs by a trained scVI model.

    Parameters
    ----------
    model
        A trained ``scvi.model.SCVI`` without covariates other than the batch.
    kind
        ``"decoder"`` (`response_edges`) or ``"latent"`` (`latent_edges`).
    sources, genes
        Symbols on the two axes; the model's genes if absent.
    cells, seed
        Cells that are read, and the seed of their draw.

    Returns
    -------
    xarray.DataArray
        Dims (source, target), name ``"scvi-decoder"`` or ``"scvi-latent"``; symmetric.

    Raises
    ------
    ParameterError, DataError, ModelError
        If the kind or a gene is unknown, a gene is never decoded, or the model cannot be read.
    """
    if kind not in ("decoder", "latent"):
        raise ParameterError(f"kind is {kind!r}; choose decoder or latent")
    names = [str(name) for name in model.adata.var_names]
    latent, shares, responses = read_model(model, cells, seed)
    matrix = response_edges(responses) if kind == "decoder" else latent_edges(latent, shares)
    found = xr.DataArray(
        matrix,
        dims=("source", "target"),
        coords={"source": names, "target": names},
        name=f"scvi-{kind}",
        attrs={"n_cells": len(latent)},
    )
    for axis, wanted in (("source", sources), ("target", genes)):
        if wanted is None:
            continue
        if unknown := [gene for gene in wanted if gene not in set(names)]:
            raise DataError(f"{len(unknown)} genes are not in the model, {unknown[:5]}")
        found = found.sel({axis: list(wanted)})
    return found


def fit_scvi(
    adata: ad.AnnData,
    *,
    batch: str | None = None,
    latent: int = 10,
    hidden: int = 128,
    epochs: int | None = None,
    seed: int = 0,
):
    """Train an scVI model on counts.

    Parameters
    ----------
    adata
        Cells with integer counts; it is copied.
    batch
        Column of ``adata.obs`` with batches, or None.
    latent, hidden
        Latent dimensions, and width of the hidden layers.
    epochs
        Passes over the data; None leaves it to scvi-tools.
    seed
        Seed of initialisation and training.

    Returns
    -------
    scvi.model.SCVI
        The trained model.

    Raises
    ------
    ModelError
        If scvi-tools is not installed; the message says how to install the extra.
    """
    try:
        import scvi
    except ImportError as error:
        raise ModelError(
            f"scVI edges need scvi-tools, an optional extra: {EXTRA} ({error})"
        ) from error
    from helpers.edges.expression import counts_of

    adata = adata.copy()
    adata.layers["counts"] = counts_of(adata)
    scvi.settings.seed = seed
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    scvi.model.SCVI.setup_anndata(adata, layer="counts", batch_key=batch)
    model = scvi.model.SCVI(adata, n_latent=latent, n_hidden=hidden)
    model.train(max_epochs=epochs, accelerator="cpu", enable_progress_bar=False, logger=False)
    return model
