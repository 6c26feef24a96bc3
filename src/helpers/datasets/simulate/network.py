"""The regulatory network of a simulated world, and the reference drawn from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.datasets.simulate.spec import WorldSpec
from helpers.errors import DataError

EVERY_STATE = "all"


@dataclass(frozen=True)
class Network:
    """A signed regulatory network; the first ``n_tfs`` genes are the TFs.

    Attributes
    ----------
    weight
        TFs x genes; row = source (TF), column = target; 0 = no edge.
    state
        TFs x genes, integer: the only state in which the edge acts, or -1 for every state.
    donors
        TFs x genes x donors, boolean: the donors in which the edge acts.
    masters
        TFs, boolean: regulated by no TF.
    """

    weight: np.ndarray
    state: np.ndarray
    donors: np.ndarray
    masters: np.ndarray

    def acting(self, state: int, donor: int) -> np.ndarray:
        """Return the weights of the edges that act in one state of one donor."""
        here = ((self.state == -1) | (self.state == state)) & self.donors[:, :, donor]
        return np.where(here, self.weight, 0.0)

    def in_state(self, state: int) -> np.ndarray:
        """Return the weights of the edges that act in a state, in any donor."""
        return np.where((self.state == -1) | (self.state == state), self.weight, 0.0)


def spectral_radius(weight: np.ndarray) -> float:
    """Return the spectral radius of the TF block of a TFs x genes weight matrix."""
    n_tfs = weight.shape[0]
    return float(np.abs(np.linalg.eigvals(weight[:, :n_tfs])).max())


def make_network(spec: WorldSpec, rng: np.random.Generator) -> Network:
    """Draw a hierarchical signed network.

    TFs stand in the order of the hierarchy: the first are master regulators, and an edge between
    TFs runs down the order except for a share ``feedback`` of them. Edges are drawn without
    replacement until the density is met; the radius of the TF block is then held below
    ``spec.radius`` by one common factor on that block. With ``spec.regulators`` each gene that is
    not a TF has that number of TFs, drawn at random, and there are no edges between TFs.
    """
    n_tfs, n_genes = spec.n_tfs, spec.n_genes
    masters = np.arange(n_tfs) < max(1, round(spec.master_share * n_tfs))
    allowed = _allowed(spec, masters, rng)
    preference = np.exp(spec.outdegree_sd * rng.standard_normal(n_tfs))[:, None]
    weight = np.zeros((n_tfs, n_genes))
    if spec.regulators:
        chosen = _fixed_indegree(spec, preference, rng)
    else:
        share = preference * allowed
        n_edges = min(round(spec.density * n_tfs * (n_genes - 1)), int(allowed.sum()))
        chosen = np.zeros(0, dtype=int)
        if n_edges:
            chosen = rng.choice(
                share.size, n_edges, replace=False, p=share.ravel() / share.sum(), shuffle=False
            )
    if len(chosen):
        weight.flat[chosen] = _weights(spec, len(chosen), rng)
    weight = _hold_radius(weight, spec.radius)
    private = rng.random(weight.shape) < spec.private_share
    state = np.where(private, rng.integers(spec.n_states, size=weight.shape), -1)
    state[weight == 0] = -1
    donors = _donor_mask(spec, rng)
    return Network(weight, state, donors, masters)


def rewired(network: Network, spec: WorldSpec, rng: np.random.Generator) -> Network:
    """Return the second species' network: a share ``spec.conserved`` is kept.

    With ``rewire="edges"`` each edge is kept with that probability, with ``rewire="tfs"`` all
    edges of a TF are kept or none. A lost edge is replaced by an edge of the same TF and weight
    to a gene that is neither a TF nor its target in either network.
    """
    weight = network.weight.copy()
    if spec.rewire == "tfs":
        lost_tfs = rng.permutation(spec.n_tfs) >= round(spec.conserved * spec.n_tfs)
        lost = np.broadcast_to(lost_tfs[:, None], weight.shape)
    else:
        lost = rng.random(weight.shape) >= spec.conserved
    lost = lost & (weight != 0)
    for tf in np.flatnonzero(lost.any(axis=1)):
        old = np.flatnonzero(lost[tf])
        free = np.flatnonzero(network.weight[tf] == 0)
        free = free[free >= spec.n_tfs]
        n_new = min(old.size, free.size)
        new = rng.choice(free, n_new, replace=False)
        weight[tf, old] = 0.0
        weight[tf, new] = network.weight[tf, old[:n_new]]
    state = np.where(weight != 0, network.state, -1)
    return Network(weight, state, network.donors, network.masters)


def network_table(
    network: Network, genes: np.ndarray, tfs: np.ndarray, states: np.ndarray
) -> pd.DataFrame:
    """Return the edges as a table ``source, target, weight, state``; state is ``all`` or a name."""
    rows, columns = np.nonzero(network.weight)
    code = network.state[rows, columns]
    return pd.DataFrame(
        {
            "source": tfs[rows],
            "target": genes[columns],
            "weight": network.weight[rows, columns],
            "state": np.where(code == -1, EVERY_STATE, states[code]),
        }
    )


def draw_reference(
    network: pd.DataFrame, prominence: pd.Series, spec: WorldSpec, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw the reference: a sample of the network, with prominent genes preferred if b > 0.

    Parameters
    ----------
    network
        Edge table of :func:`network_table`.
    prominence
        Standardised log mean expression by gene symbol.
    spec
        ``reference_share``, ``reference_bias`` and ``reference_per_tf`` are used.
    rng
        Source of randomness.

    Returns
    -------
    pandas.DataFrame
        ``source, target, sign, confidence, evidence, database``; the inclusion probability of an
        edge is proportional to ``exp(b * (prominence of TF + prominence of target))``.
    """
    keep = np.zeros(0, dtype=int)
    if len(network):
        pair = prominence[network["source"]].to_numpy() + prominence[network["target"]].to_numpy()
        # The largest keys log(p) + Gumbel noise are a sample without replacement.
        key = pd.Series(spec.reference_bias * pair + rng.gumbel(size=len(network)))
        if spec.reference_per_tf:
            rank = key.groupby(network["source"].to_numpy()).rank(ascending=False)
            keep = np.flatnonzero(rank <= spec.reference_per_tf)
        else:
            n_keep = max(1, round(spec.reference_share * len(network)))
            keep = np.sort(np.argsort(-key.to_numpy(), kind="stable")[:n_keep])
    chosen = network.iloc[keep]
    reference = pd.DataFrame(
        {
            "source": chosen["source"].to_numpy(),
            "target": chosen["target"].to_numpy(),
            "sign": np.sign(chosen["weight"].to_numpy()).astype(int),
            "confidence": "A",
            "evidence": "simulation",
            "database": "simulated",
        }
    )
    reference.attrs["report"] = {"edges_in_world": len(network), "edges_kept": len(reference)}
    return reference


def _fixed_indegree(
    spec: WorldSpec, preference: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return flat places of ``spec.regulators`` edges into each gene that is not a TF.

    The largest keys log(preference) + Gumbel noise of a gene are its TFs: a sample without
    replacement in which TFs of a larger preference come first more often.
    """
    others = spec.n_genes - spec.n_tfs
    key = np.log(preference) + rng.gumbel(size=(spec.n_tfs, others))
    tfs = np.argsort(-key, axis=0, kind="stable")[: spec.regulators]
    return np.sort((tfs * spec.n_genes + spec.n_tfs + np.arange(others)).ravel())


def _allowed(spec: WorldSpec, masters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n_tfs = spec.n_tfs
    allowed = np.ones((n_tfs, spec.n_genes), dtype=bool)
    block = np.triu(np.ones((n_tfs, n_tfs), dtype=bool), k=1)
    block |= np.tril(rng.random((n_tfs, n_tfs)) < spec.feedback, k=-1)
    block[:, masters] = False
    allowed[:, :n_tfs] = block
    return allowed


def _weights(spec: WorldSpec, n_edges: int, rng: np.random.Generator) -> np.ndarray:
    size = rng.uniform(spec.weight_low, spec.weight_high, n_edges)
    # The share of activating edges is met exactly, not only on average.
    sign = np.where(rng.permutation(n_edges) < round(spec.positive_share * n_edges), 1.0, -1.0)
    return size * sign


def _hold_radius(weight: np.ndarray, limit: float) -> np.ndarray:
    n_tfs = weight.shape[0]
    radius = spectral_radius(weight)
    if radius >= limit:
        weight = weight.copy()
        weight[:, :n_tfs] *= 0.99 * limit / radius
    if not np.isfinite(radius):
        raise DataError("The network has no finite spectral radius; lower density or weights.")
    return weight


def _donor_mask(spec: WorldSpec, rng: np.random.Generator) -> np.ndarray:
    shape = (spec.n_tfs, spec.n_genes, spec.n_donors)
    if spec.edge_donor_share == 1.0:
        return np.broadcast_to(np.True_, shape)
    order = rng.random(shape).argsort(axis=2, kind="stable")
    return order < max(1, round(spec.edge_donor_share * spec.n_donors))
