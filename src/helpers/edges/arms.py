"""Every arm of a model as edge scores: what can be read of it besides its attention.

All arms have the same genes on both axes, and a direction means the same in all: row = the gene
that reads, column = the gene that is read. Attention, value-weighted attention and rollout are
forward from a query to a key; a gradient goes from the gene that is predicted to the gene that is
shown; embeddings and residual states know no direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import xarray as xr
from anndata import AnnData

from helpers.edges.attention import DIRECTIONS, edge_scores, orient, pool
from helpers.edges.cosines import cosine_edges, residual_edges
from helpers.errors import ParameterError
from helpers.extraction import extract, rollout
from helpers.extraction.inputs import input_gradients, only_genes, token_embeddings
from helpers.models.adapter import ModelAdapter, Tokens

ARMS = ("attention", "value-weighted", "rollout", "embedding", "residual", "gradient")
UNDIRECTED = ("embedding", "residual")
_KINDS = {"attention": "softmax", "value-weighted": "value_weighted"}


def check_arms(arms: Sequence[str]) -> tuple[str, ...]:
    """Return the arms as a tuple; raise `ParameterError` for none, repeated or unknown ones."""
    if not arms or set(arms) - set(ARMS) or len(set(arms)) < len(arms):
        raise ParameterError(f"arms are {list(arms)}; choose among {', '.join(ARMS)}")
    return tuple(arms)


def read_arms(
    adapter: ModelAdapter,
    cells: AnnData,
    tokens: Tokens,
    genes: Sequence[str],
    arms: Sequence[str] = ARMS,
    *,
    min_count: int = 20,
    n_hidden: int = 6,
    seed: int = 0,
) -> dict[str, xr.DataArray]:
    """Return arm -> scores ([layer,] source, target), row = the gene that reads.

    Attention, value-weighted attention (heads averaged) and residual states come from one pass over
    whole cells. Rollout and gradients need whole maps and backward passes: they are read from the
    same cells, of which only `genes` are shown.

    Parameters
    ----------
    adapter, cells, tokens
        Model, cells and their tokens.
    genes
        Both axes.
    arms
        Any of `ARMS`.
    min_count
        Fewest cells that hold both genes, for attention, value-weighted attention and rollout; a
        gradient needs one cell that hides the one and shows the other.
    n_hidden
        Genes hidden per cell for gradients.
    seed
        Of the choice of hidden genes.

    Returns
    -------
    dict
        Gradients as the size of their mean over cells: an edge can raise or lower its target.
    """
    arms, found = check_arms(arms), {}
    kinds = {arm: kind for arm, kind in _KINDS.items() if arm in arms}
    about = {"sources": genes, "genes": genes, "squares": False, "show_progress": False}
    if kinds or "residual" in arms:
        wanted = tuple(kinds.values()) or ("softmax",)
        places = ("residual",) if "residual" in arms else None
        sums = extract(adapter, cells, scores=wanted, activations=places, tokens=tokens, **about)
        for arm, kind in kinds.items():
            scores = edge_scores(sums.sel(score=kind), min_count=min_count)
            found[arm] = pool(scores, over=("head",)).drop_vars("score")
        if "residual" in arms:
            found["residual"] = residual_edges(sums)
    if "embedding" in arms:
        found["embedding"] = cosine_edges(token_embeddings(adapter, tokens, genes), genes)
    shown = only_genes(tokens, genes)
    if "rollout" in arms:
        sums = rollout(adapter, cells, tokens=shown, **about)
        found["rollout"] = edge_scores(sums, min_count=min_count)
    if "gradient" in arms:
        sums = input_gradients(adapter, shown, genes, n_hidden=n_hidden, seed=seed)
        found["gradient"] = abs(edge_scores(sums, min_count=1))
    return {arm: found[arm] for arm in arms}


def every_score(arms: Mapping[str, xr.DataArray], wanted: Sequence[str]) -> xr.DataArray:
    """Return all scores of all arms, one after the other: (score, source, target).

    Parameters
    ----------
    arms
        From `read_arms`.
    wanted
        Directions, of `helpers.edges.attention.DIRECTIONS`; an arm without one appears once.

    Returns
    -------
    xarray.DataArray
        With coordinates ``arm`` and ``score``, such as "residual, layer 2" or "rollout, transpose".
    """
    labels, kinds, parts = [], [], []
    for arm, scores in arms.items():
        plain = scores.drop_vars("count", errors="ignore").transpose(..., "source", "target")
        for layer in plain["layer"].values if "layer" in plain.dims else [""]:
            one = plain if layer == "" else plain.sel(layer=layer, drop=True)
            for way in [""] if arm in UNDIRECTED else wanted:
                parts.append(orient(one, DIRECTIONS[way]) if way else one)
                words = arm, f"layer {layer}" if layer != "" else "", way
                labels.append(", ".join(word for word in words if word))
                kinds.append(arm)
    found = xr.concat(parts, xr.Variable("score", labels))
    return found.rename("score").assign_coords(arm=("score", kinds))


def one_score(arms: Mapping[str, xr.DataArray], way: str = "transpose") -> dict[str, xr.DataArray]:
    """Return arm -> one score that no result has chosen: the mean over layers, in one direction."""
    pooled = {arm: pool(scores, over=("layer",)) for arm, scores in arms.items()}
    return {arm: orient(one, DIRECTIONS[way]) for arm, one in pooled.items()}
