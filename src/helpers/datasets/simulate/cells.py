"""The cells of a simulated world: labels, hidden log levels, and counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from helpers.datasets.simulate.kinetics import steady_state
from helpers.datasets.simulate.network import Network
from helpers.datasets.simulate.spec import WorldSpec

CONTROL = -1


@dataclass(frozen=True)
class GeneTable:
    """What all cells of a species have in common.

    Attributes
    ----------
    log_mean
        Genes: log expected count at library factor 1.
    salience
        Genes: standardised prominence used by the attention laws.
    master_level
        States x TFs: log production of the master regulators (0 for other TFs).
    program
        States x genes: shift of the log mean that does not pass through TFs.
    donor_shift, batch_shift
        Donors x genes, batches x genes.
    module
        Genes: number of the gene's co-expression module, or -1.
    """

    log_mean: np.ndarray
    salience: np.ndarray
    master_level: np.ndarray
    program: np.ndarray
    donor_shift: np.ndarray
    batch_shift: np.ndarray
    module: np.ndarray


@dataclass(frozen=True)
class CellLabels:
    """State, donor, batch and knocked-down TF (-1 = control) of each cell, as integers."""

    state: np.ndarray
    donor: np.ndarray
    batch: np.ndarray
    perturbation: np.ndarray


def draw_genes(spec: WorldSpec, masters: np.ndarray, rng: np.random.Generator) -> GeneTable:
    """Draw the gene-level quantities of a species."""
    n_genes = spec.n_genes
    standard = rng.standard_normal(n_genes)
    other = rng.standard_normal(n_genes)
    share = spec.salience_expression
    module = np.full(n_genes, -1)
    if spec.modules:
        module = rng.permutation(np.arange(n_genes) % spec.modules)
    return GeneTable(
        log_mean=spec.log_mean + spec.log_mean_sd * standard,
        salience=share * standard + np.sqrt(1 - share**2) * other,
        master_level=spec.state_sd * rng.standard_normal((spec.n_states, spec.n_tfs)) * masters,
        program=spec.program_sd * rng.standard_normal((spec.n_states, n_genes)),
        donor_shift=spec.donor_sd * rng.standard_normal((spec.n_donors, n_genes)),
        batch_shift=spec.batch_sd * rng.standard_normal((spec.n_batches, n_genes)),
        module=module,
    )


def draw_labels(spec: WorldSpec, targets: np.ndarray, rng: np.random.Generator) -> CellLabels:
    """Draw the labels: ``n_cells`` controls, then ``perturbed_cells`` for each TF in `targets`.

    Donors and states are balanced to within one cell unless ``composition`` is set.
    """
    knocked = np.concatenate(
        [np.full(spec.n_cells, CONTROL), np.repeat(targets, spec.perturbed_cells)]
    ).astype(int)
    order = np.concatenate(
        [np.arange(spec.n_cells)] + [np.arange(spec.perturbed_cells)] * len(targets)
    )
    donor = (order // spec.n_states) % spec.n_donors
    state = order % spec.n_states
    if spec.composition:
        mix = rng.dirichlet(np.full(spec.n_states, spec.composition), spec.n_donors)
        edge = mix.cumsum(axis=1)[donor]
        state = (rng.random(len(order))[:, None] > edge[:, :-1]).sum(axis=1)
    return CellLabels(state, donor, donor % spec.n_batches, knocked)


def log_levels(
    spec: WorldSpec,
    network: Network,
    genes: GeneTable,
    labels: CellLabels,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return cells x genes log expected counts at library factor 1."""
    n_cells, n_tfs = len(labels.state), spec.n_tfs
    noise = _noise(spec, (n_cells, spec.n_genes), rng)
    if spec.tf_blocks:
        noise[:, :n_tfs] = _in_blocks(spec, noise[:, :n_tfs], rng)
    noise[:, :n_tfs] *= spec.tf_noise
    noise[:, n_tfs:] *= spec.gene_noise
    noise[:, :n_tfs] += genes.master_level[labels.state]
    remaining = None
    if (labels.perturbation != CONTROL).any():
        remaining = np.ones((n_cells, n_tfs))
        hit = np.flatnonzero(labels.perturbation != CONTROL)
        remaining[hit, labels.perturbation[hit]] = spec.remaining
    level = np.empty_like(noise)
    # Cells are solved together unless their edges differ.
    by_state = labels.state if spec.private_share else np.zeros(n_cells, dtype=int)
    by_donor = labels.donor if spec.edge_donor_share < 1 else np.zeros(n_cells, dtype=int)
    contexts = by_state * spec.n_donors + by_donor
    for context in np.unique(contexts):
        rows = np.flatnonzero(contexts == context)
        weight = network.acting(*divmod(int(context), spec.n_donors))
        some = None if remaining is None else remaining[rows]
        level[rows] = steady_state(spec, weight, network.masters, noise[rows], some)
    if spec.modules:
        activity = spec.module_strength * rng.standard_normal((n_cells, spec.modules))
        level += activity[:, genes.module]
    level += genes.log_mean
    level += genes.program[labels.state]
    level += genes.donor_shift[labels.donor]
    level += genes.batch_shift[labels.batch]
    return level


def draw_counts(
    spec: WorldSpec, level: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw counts from log expected counts; `level` is overwritten.

    Returns
    -------
    counts : numpy.ndarray
        Cells x genes, float32, negative binomial with size ``theta``; entries are then set to
        zero with probability ``expit(2 * (q - log expected count))``, where q gives the average
        ``dropout``.
    library : numpy.ndarray
        Cells: the library factor.
    """
    library = np.exp(spec.library_sd * rng.standard_normal(level.shape[0]))
    level += np.log(library)[:, None]
    rate = np.exp(np.minimum(level, 12.0)).astype(np.float32)
    rate *= rng.standard_gamma(spec.theta, size=rate.shape, dtype=np.float32)
    rate /= np.float32(spec.theta)
    counts = rng.poisson(rate).astype(np.float32)
    if spec.dropout:
        middle = _dropout_middle(level, spec.dropout)
        lost = rng.random(level.shape, dtype=np.float32) < expit(2.0 * (middle - level))
        counts[lost] = 0.0
    return counts, library


def true_effects(
    spec: WorldSpec, network: Network, genes: GeneTable, targets: np.ndarray
) -> np.ndarray:
    """Return perturbations x genes: log fold change of the noise-free level, mean over contexts.

    A context is a state, and a donor too where edges differ between donors.
    """
    donors = range(spec.n_donors) if spec.edge_donor_share < 1 else [0]
    total = np.zeros((len(targets), spec.n_genes))
    remaining = np.ones((1 + len(targets), spec.n_tfs))
    remaining[np.arange(1, 1 + len(targets)), targets] = spec.remaining
    for state in range(spec.n_states):
        drive = np.zeros((1 + len(targets), spec.n_genes))
        drive[:, : spec.n_tfs] = genes.master_level[state]
        for donor in donors:
            weight = network.acting(state, donor)
            level = steady_state(spec, weight, network.masters, drive, remaining)
            total += level[1:] - level[0]
    return total / (spec.n_states * len(donors))


def _noise(spec: WorldSpec, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    if not spec.tail_df:
        return rng.standard_normal(shape)
    # exp of a t variable has no mean, so the tails are cut at 8.
    return np.clip(rng.standard_t(spec.tail_df, shape), -8.0, 8.0)


def _in_blocks(spec: WorldSpec, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mix each TF's own noise with that of its block: neighbours in number, equal variances."""
    block = np.arange(spec.n_tfs) * spec.tf_blocks // spec.n_tfs
    shared = _noise(spec, (len(own), spec.tf_blocks), rng)[:, block]
    return np.sqrt(spec.tf_correlation) * shared + np.sqrt(1 - spec.tf_correlation) * own


def _dropout_middle(level: np.ndarray, average: float) -> float:
    """Return q such that ``expit(2 * (q - level))`` has the wanted average."""
    sample = level[:: max(1, level.shape[0] // 500)]
    ends = float(sample.min()) - 10.0, float(sample.max()) + 10.0
    return brentq(lambda q: expit(2.0 * (q - sample)).mean() - average, *ends, xtol=1e-13)
