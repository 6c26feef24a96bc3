"""Attention arrays with known shares of co-expression, regulation and prominence."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.stats import rankdata
from tqdm import tqdm

from helpers.datasets.simulate.spec import WorldSpec
from helpers.errors import DataError

SALIENCE_SCALE = 0.5
RELATIVE_SD = 0.2


def coexpression(counts: np.ndarray) -> np.ndarray:
    """Return the genes x genes Spearman correlation of log1p counts per 10,000.

    Genes without variance correlate 0 with everything; the diagonal is 1.
    """
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    # Ranks within a gene need the scaled counts only; log1p keeps their order.
    rank = rankdata(counts / total, axis=0).astype(np.float32)
    rank -= rank.mean(axis=0)
    length = np.sqrt((rank**2).sum(axis=0))
    rank /= np.where(length > 0, length, 1.0)
    matrix = (rank.T @ rank).astype(float)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def attention_sums(
    spec: WorldSpec,
    counts: np.ndarray,
    regulation: np.ndarray,
    salience: np.ndarray,
    state: np.ndarray,
    names: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> xr.Dataset:
    """Return sums and counts of attention in the layout of the extraction.

    Parameters
    ----------
    spec
        The attention parameters of the world.
    counts
        Cells x genes; a gene is a token of a cell where its count is above 0.
    regulation
        States x TFs x genes: weights of the edges that act in a state; row = TF.
    salience
        Genes: prominence, standardised.
    state
        Cells: state number.
    names
        Gene symbols and state names.
    rng
        Source of randomness.

    Returns
    -------
    xarray.Dataset
        ``sum`` and, for the softmax law, ``sum_sq`` (layer, head, source, target), float64;
        ``count`` (source, target), int64: cells that hold both genes. With ``spec.strata`` all
        have a leading ``stratum``. Row = source = query, column = target = key.

    Notes
    -----
    ``softmax``: in each cell the logit of query i and key j is
    ``alpha * R_ij + beta * |W_ij| + gamma * salience_j + N(0, attention_noise)``, softmax over
    the tokens of the cell; R has SD 1 over pairs, the mean of ``|W|`` over edges is 1, and cells
    are added one by one.
    ``direct``: the mean attention is linear in
    ``alpha * R_ij + beta * |W_ij| + gamma * g_i g_j + noise`` with ``g = exp(salience / 2)`` and
    ``g_i g_j`` scaled to SD 1; its relative SD is 0.2; no softmax.
    ``tanh``: the mean attention is ``tanh(beta * |W_ij| + e + b)``, ``e ~ N(0, s)``,
    ``b ~ 0.5 s Exp(mean 0.5)``, ``s = 0.05 + 0.002 n`` for n cells: its noise grows with n.
    """
    genes, states = names
    if spec.attention_cells:
        keep = np.sort(rng.permutation(len(counts))[: spec.attention_cells])
        counts, state = counts[keep], state[keep]
    present = counts > 0
    # Edges that act in one state reach the attention of that state's cells only.
    varies = spec.strata or bool((regulation != regulation[:1]).any())
    stratum = state if varies else np.zeros(len(state), dtype=int)
    together = np.stack(
        [_codetection(present[stratum == s]) for s in range(stratum_count(spec, varies))]
    )
    if not together.any():
        raise DataError(f"World {spec.name!r}: no cell holds two genes; raise log_mean.")
    signal = _signals(spec, coexpression(counts), regulation, salience, len(together), rng)
    if spec.attention_law == "softmax":
        totals = _softmax_sums(spec, present, stratum, signal, rng)
    else:
        means = _tanh_means if spec.attention_law == "tanh" else _direct_means
        per_cell = means(spec, signal, present, rng)
        totals = {"sum": per_cell * together[:, None, None]}
    totals["count"] = together
    if not spec.strata:
        totals = {key: value.sum(axis=0, keepdims=True) for key, value in totals.items()}
    return _dataset(spec, totals, genes, states)


def stratum_count(spec: WorldSpec, varies: bool) -> int:
    """Return the number of groups of cells with attention arrays of their own."""
    return spec.n_states if varies else 1


def _codetection(present: np.ndarray) -> np.ndarray:
    table = present.astype(np.float32)
    return np.rint(table.T @ table).astype(np.int64)


def _signals(
    spec: WorldSpec,
    correlation: np.ndarray,
    regulation: np.ndarray,
    salience: np.ndarray,
    n_strata: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return strata x layers x genes x genes: the part of the score that all cells share."""
    n_genes, n_tfs = spec.n_genes, spec.n_tfs
    common = np.zeros((n_genes, n_genes))
    if spec.alpha:
        common += spec.alpha * _unit_sd(correlation)
    if spec.gamma and spec.attention_law == "softmax":
        common += spec.gamma * salience[None, :]
    elif spec.gamma:
        gene = np.exp(SALIENCE_SCALE * salience)
        common += spec.gamma * _unit_sd(np.outer(gene, gene))
    signal = np.tile(common, (n_strata, spec.n_layers, 1, 1))
    if spec.beta:
        size = np.abs(regulation[:n_strata])
        if spec.signal_tfs:
            order = np.argsort(-(size.max(axis=0) > 0).sum(axis=1), kind="stable")
            size[:, order[spec.signal_tfs :]] = 0.0
        if size.any():
            size = size / size[size > 0].mean()
        signal[:, :, :n_tfs] += spec.beta * size[:, None]
    if spec.pair_noise:
        signal += spec.pair_noise * _layer_noise(spec, rng)
    return signal


def _unit_sd(matrix: np.ndarray) -> np.ndarray:
    """Centre and scale a square matrix by its off-diagonal entries."""
    off = matrix[~np.eye(len(matrix), dtype=bool)]
    spread = off.std()
    return (matrix - off.mean()) / (spread if spread > 0 else 1.0)


def _layer_noise(spec: WorldSpec, rng: np.random.Generator) -> np.ndarray:
    """Return layers x genes x genes: stationary AR(1) over layers with SD 1."""
    noise = rng.standard_normal((spec.n_layers, spec.n_genes, spec.n_genes))
    fresh = np.sqrt(1.0 - spec.layer_ar**2)
    for layer in range(1, spec.n_layers):
        noise[layer] = spec.layer_ar * noise[layer - 1] + fresh * noise[layer]
    return noise


def _softmax_sums(
    spec: WorldSpec,
    present: np.ndarray,
    stratum: np.ndarray,
    signal: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    shape = (len(signal), spec.n_layers, spec.n_heads, spec.n_genes, spec.n_genes)
    total, square = np.zeros(shape), np.zeros(shape)
    noise_sd = np.float32(spec.attention_noise)
    signal = signal.astype(np.float32)
    for cell in tqdm(range(len(present)), desc="attention", leave=False, disable=None):
        token = np.flatnonzero(present[cell])
        if not token.size:
            continue
        logit = rng.standard_normal(
            (spec.n_layers, spec.n_heads, token.size, token.size), dtype=np.float32
        )
        logit *= noise_sd
        at = stratum[cell]
        rows, columns = token[:, None], token[None, :]
        logit += signal[at][:, rows, columns][:, None]
        logit -= logit.max(axis=-1, keepdims=True)
        weight = np.exp(logit, out=logit)
        weight /= weight.sum(axis=-1, keepdims=True)
        total[at][:, :, rows, columns] += weight
        square[at][:, :, rows, columns] += weight**2
    return {"sum": total, "sum_sq": square}


def _direct_means(
    spec: WorldSpec, signal: np.ndarray, present: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    shape = (len(signal), spec.n_layers, spec.n_heads, spec.n_genes, spec.n_genes)
    score = spec.attention_noise * rng.standard_normal(shape) + signal[:, :, None]
    spread = score.std()
    tokens = max(1.0, present.sum(axis=1).mean())
    relative = 1.0 + RELATIVE_SD * (score - score.mean()) / (spread if spread > 0 else 1.0)
    # Attention is positive; at 5 SD below the mean the clip is practically never reached.
    return np.maximum(relative, 1e-6) / tokens


def _tanh_means(
    spec: WorldSpec, signal: np.ndarray, present: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    shape = (len(signal), spec.n_layers, spec.n_heads, spec.n_genes, spec.n_genes)
    sigma = 0.05 + 0.002 * len(present)
    noise = sigma * rng.standard_normal(shape) + 0.5 * sigma * rng.exponential(0.5, shape)
    return np.tanh(signal[:, :, None] + noise)


def _dataset(
    spec: WorldSpec, totals: dict[str, np.ndarray], genes: np.ndarray, states: np.ndarray
) -> xr.Dataset:
    pair = ("source", "target")
    variables = {}
    for key, value in totals.items():
        dims = pair if key == "count" else ("layer", "head", *pair)
        if spec.strata:
            variables[key] = (("stratum", *dims), value)
        else:
            variables[key] = (dims, value[0])
    coords = {
        "layer": np.arange(spec.n_layers),
        "head": np.arange(spec.n_heads),
        "source": genes,
        "target": genes,
    }
    if spec.strata:
        coords["stratum"] = states
    return xr.Dataset(variables, coords=coords, attrs={"law": spec.attention_law})
