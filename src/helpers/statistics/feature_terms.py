"""Terms of features: enrichment, coherence of edges against chance, pairs that two models share."""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.curveball import curveball
from helpers.statistics.multiplicity import adjust
from helpers.statistics.permutation import null_outcome
from helpers.statistics.results import Outcome


def enrichment(top: np.ndarray, terms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return p and q (features, terms) of Fisher's one-sided test, all tests in one family.

    Parameters
    ----------
    top
        (features, genes) booleans: genes of a feature, of those that could have been any feature's.
    terms
        (terms, genes) booleans.

    Raises
    ------
    ParameterError
        If the two are not about the same genes.
    """
    top, terms = np.asarray(top, bool), np.asarray(terms, bool)
    if top.shape[1] != terms.shape[1]:
        raise ParameterError(f"{top.shape[1]} genes of features, {terms.shape[1]} of terms")
    both = top.astype(np.float64) @ terms.T.astype(np.float64)
    sizes = top.sum(axis=1)[:, None], terms.sum(axis=1)[None]
    p, some = np.ones(both.shape), both > 0
    sizes = (np.broadcast_to(size, both.shape)[some] for size in sizes)
    p[some] = np.clip(stats.hypergeom.sf(both[some] - 1, top.shape[1], *sizes), 0, 1)
    return p, adjust(p.ravel()).reshape(p.shape)


def coherence_test(
    source_terms: np.ndarray,
    target_terms: np.ndarray,
    edges: np.ndarray,
    block: np.ndarray,
    rng: np.random.Generator,
    n_draws: int = 999,
) -> Outcome | NotEstimable:
    """Test whether edges join features of a common term more often than permuted targets do.

    Parameters
    ----------
    source_terms, target_terms
        (features, terms) booleans.
    edges
        (edges, 2) row of the source and of the target; both have a term.
    block
        (targets,) layer of each target. Annotated targets that have an edge change places within
        their layer, so that in-degrees and out-degrees stay; their terms move along.

    Returns
    -------
    Outcome or NotEstimable
        One-sided, unit: feature. ``detail``: chance for targets drawn uniformly (``uniform``), and
        by their number of edges (``frequency``).
    """
    edges = np.asarray(edges, int).reshape(-1, 2)
    used = np.unique(edges[:, 1])
    if len(edges) < 10 or used.size < 4:
        return NotEstimable(f"{len(edges)} edges with terms at both ends, to {used.size} targets")
    common = (source_terms.astype(float) @ target_terms.T.astype(float)) > 0
    observed = float(common[edges[:, 0], edges[:, 1]].mean())
    draws, place = np.empty(n_draws), np.arange(len(target_terms))
    for b in range(n_draws):
        for one in np.unique(block[used]):
            mine = used[block[used] == one]
            place[mine] = rng.permutation(mine)
        draws[b] = common[edges[:, 0], place[edges[:, 1]]].mean()
    annotated = target_terms.any(axis=1)
    count = np.bincount(edges[:, 1], minlength=len(annotated))
    of_edge = common[edges[:, 0]]
    chance = {
        "uniform": float(of_edge[:, annotated].mean()),
        "frequency": float((of_edge * count).sum(axis=1).mean() / count.sum()),
        "n_edges": len(edges),
    }
    about = {"test": "permutation", "null": "targets permuted within their layer"}
    size = {"unit": "feature", "n_units": int(used.size)}
    return null_outcome(observed, draws, sides="one", **about, **size, detail=chance)


def shared_pairs_test(
    one: np.ndarray, other: np.ndarray, rng: np.random.Generator, n_draws: int = 999
) -> Outcome | NotEstimable:
    """Test whether two networks of domains share more pairs than networks of the same degrees.

    Parameters
    ----------
    one, other
        (source domains, target domains) booleans, the same domains; both are rewired.

    Returns
    -------
    Outcome or NotEstimable
        One-sided, unit: annotation (a domain is one). ``detail["free"]``: pairs expected if
        domains are relabelled freely, as paper C does; ``fold`` and ``fold_free``: shared pairs
        over both expectations.
    """
    one, other = np.asarray(one, bool), np.asarray(other, bool)
    if one.shape != other.shape:
        raise ParameterError(f"networks of {one.shape} and {other.shape} domains")
    drawn = [curveball(x, rng, n_draws) for x in (one, other)]
    if fixed := [x for x in drawn if isinstance(x, NotEstimable)]:
        return fixed[0]
    pairs = [x.rows.astype(np.int64) * x.shape[1] + x.columns for x in drawn]
    shared = np.array([np.isin(*both).sum() for both in zip(*pairs, strict=True)], float)
    observed, free = float((one & other).sum()), float(one.sum() * other.sum() / one.size)
    if shared.mean() < 1:
        return NotEstimable(f"{shared.mean():.2f} shared pairs are expected; at least 1 needed")
    fold = {"free": free, "fold_free": observed / free, "fold": observed / float(shared.mean())}
    about = {"test": "curveball, both networks", "null": "networks of the same degrees"}
    size = {"unit": "annotation", "n_units": int((one | other).any(axis=1).sum())}
    return null_outcome(observed, shared, sides="one", **about, **size, detail=fold)
