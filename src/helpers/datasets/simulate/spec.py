"""The parameters of a simulated world, with their defaults and their ranges."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from helpers.errors import DataError

CHOICES = {
    "kinetics": ("hill", "log-linear"),
    "attention_law": ("softmax", "direct", "tanh", "none"),
    "rewire": ("edges", "tfs"),
}


@dataclass(frozen=True)
class WorldSpec:
    """All parameters of one simulated world.

    Every named world is this class with some values changed; see
    ``helpers.datasets.simulate.WORLDS``.

    Attributes
    ----------
    n_genes, n_tfs, n_cells
        Genes (TFs included), TFs, unperturbed cells.
    n_states, n_donors, n_batches
        Cell states, donors, batches; donors are nested in batches.
    density
        Share of TF x gene pairs (no self pairs) that are regulatory edges.
    positive_share
        Share of edges that activate.
    weight_low, weight_high
        Absolute weights are uniform between the two.
    regulators
        Exact number of TFs of each gene that is not a TF, and no edges between TFs; 0 = edges are
        drawn by `density`.
    master_share
        Share of TFs that no TF regulates (master regulators).
    feedback
        Share of the TF -> TF edges that may run against the hierarchy.
    radius
        Upper limit of the spectral radius of the TF block; weights are rescaled to respect it.
    outdegree_sd
        SD of the log-normal spread of edges over TFs; 0 = equal expected out-degree.
    private_share
        Share of edges that act in one cell state only.
    edge_donor_share
        Share of donors in which an edge acts; 1 = all donors.
    regulation
        Factor on the weights in the expression kinetics; 0 = the network leaves no trace.
    kinetics
        ``"hill"`` (production is a sum of Hill functions) or ``"log-linear"``.
    hill_n, basal
        Hill coefficient; unregulated production of genes that are not master regulators.
    tf_noise, gene_noise
        SD of the per-cell log production of TFs and of other genes.
    tail_df
        Degrees of freedom of Student's t for these two; 0 = Gaussian.
    tf_blocks, tf_correlation
        Number of blocks of TFs whose production varies together (0 = none), and the correlation
        of the log production of two TFs of a block.
    modules, module_strength
        Number of co-expression modules that have nothing to do with the network (0 = none), and
        the SD of a module's log activity over cells.
    state_sd, program_sd
        SD over states of the log production of master regulators; SD over states of a shift of
        each gene's log mean that does not pass through TFs.
    donor_sd, batch_sd
        SD of per-gene shifts of the log mean by donor and by batch.
    composition
        Dirichlet concentration of a donor's state composition; 0 = the same in every donor.
    log_mean, log_mean_sd
        Mean and SD over genes of the log expected count.
    theta
        Negative binomial size (variance = mean + mean^2 / theta).
    library_sd
        SD of the log library size.
    dropout
        Average share of entries set to zero, with a rate that falls with the expected count.
    n_perturbed, perturbed_cells, remaining
        TFs knocked down in the screen, cells for each, and the share of production that remains
        (0 = knock-out).
    second_species, conserved, rewire, ortholog_share
        Whether to make a second species; share of the network it keeps; whether single edges or
        whole TFs change; share of genes with a one-to-one ortholog.
    reference_share, reference_bias, reference_per_tf
        Share of the edges in the reference; exponent b of the inclusion probability
        ``exp(b * prominence)``; exact number of edges for each TF (0 = no such rule).
    attention_law
        ``"softmax"`` (per cell), ``"direct"`` (one array of means), ``"tanh"`` or ``"none"``.
    alpha, beta, gamma
        Weights of co-expression, regulation and prominence in the attention.
    n_layers, n_heads
        Shape of the attention arrays.
    attention_cells
        Cells that attention is averaged over (0 = all unperturbed cells).
    attention_noise
        SD of the noise: per cell (softmax) or per array entry (direct).
    pair_noise, layer_ar
        SD of a noise that is the same in every cell, and its AR(1) coefficient over layers.
    signal_tfs
        Number of TFs whose edges ``beta`` shows (0 = all); they are the ones with most edges.
    salience_expression
        Correlation of the prominence used in the attention with the log mean expression.
    strata
        Whether the attention arrays carry a leading dimension ``stratum`` (cell state).
    """

    name: str = "custom"
    n_genes: int = 300
    n_tfs: int = 30
    n_cells: int = 2000
    n_states: int = 6
    n_donors: int = 8
    n_batches: int = 2
    density: float = 0.05
    positive_share: float = 0.7
    weight_low: float = 0.5
    weight_high: float = 1.5
    regulators: int = 0
    master_share: float = 0.3
    feedback: float = 0.05
    radius: float = 0.9
    outdegree_sd: float = 0.0
    private_share: float = 0.0
    edge_donor_share: float = 1.0
    regulation: float = 1.0
    kinetics: str = "hill"
    hill_n: float = 2.0
    basal: float = 0.2
    tf_noise: float = 0.5
    gene_noise: float = 0.2
    tail_df: float = 0.0
    tf_blocks: int = 0
    tf_correlation: float = 0.0
    modules: int = 0
    module_strength: float = 0.0
    state_sd: float = 0.7
    program_sd: float = 0.3
    donor_sd: float = 0.1
    batch_sd: float = 0.1
    composition: float = 0.0
    log_mean: float = -1.5
    log_mean_sd: float = 1.5
    theta: float = 2.0
    library_sd: float = 0.3
    dropout: float = 0.1
    n_perturbed: int = 0
    perturbed_cells: int = 150
    remaining: float = 0.3
    second_species: bool = False
    conserved: float = 1.0
    rewire: str = "edges"
    ortholog_share: float = 0.9
    reference_share: float = 0.5
    reference_bias: float = 0.0
    reference_per_tf: int = 0
    attention_law: str = "none"
    alpha: float = 0.0
    beta: float = 0.0
    gamma: float = 0.0
    n_layers: int = 2
    n_heads: int = 2
    attention_cells: int = 0
    attention_noise: float = 1.0
    pair_noise: float = 0.0
    layer_ar: float = 0.0
    signal_tfs: int = 0
    salience_expression: float = 0.0
    strata: bool = False

    def __post_init__(self) -> None:
        _check_types(self)
        _check_ranges(self)

    def changed(self, **overrides: object) -> WorldSpec:
        """Return a copy with some parameters changed.

        Raises
        ------
        DataError
            If a parameter is unknown, or its value is of the wrong type or out of range.
        """
        known = [field.name for field in fields(self)]
        unknown = sorted(set(overrides) - set(known))
        if unknown:
            raise DataError(
                f"World {self.name!r} has no parameter {', '.join(unknown)}. "
                f"Parameters: {', '.join(known[1:])}."
            )
        return replace(self, **overrides)


def _check_types(spec: WorldSpec) -> None:
    for field in fields(spec):
        value = getattr(spec, field.name)
        good = {
            "int": isinstance(value, int) and not isinstance(value, bool),
            "float": isinstance(value, int | float) and not isinstance(value, bool),
            "bool": isinstance(value, bool),
            "str": isinstance(value, str),
        }[str(field.type)]
        if not good:
            raise DataError(
                f"World {spec.name!r}: {field.name} is {value!r}; expected {field.type}."
            )
        if field.name in CHOICES and value not in CHOICES[field.name]:
            raise DataError(
                f"World {spec.name!r}: {field.name} is {value!r}; "
                f"choose one of {', '.join(CHOICES[field.name])}."
            )


def _check_ranges(spec: WorldSpec) -> None:
    """Refuse values outside their range, and combinations that cannot be built."""
    unit = (0.0, 1.0)
    limits = {
        "n_genes": (2, 50_000),
        "n_tfs": (1, spec.n_genes - 1),
        "n_cells": (1, 1_000_000),
        "n_states": (1, spec.n_cells),
        "n_donors": (1, spec.n_cells),
        "n_batches": (1, spec.n_donors),
        "density": unit,
        "positive_share": unit,
        "weight_low": (0.0, spec.weight_high),
        "weight_high": (1e-6, 100.0),
        "regulators": (0, spec.n_tfs),
        "master_share": unit,
        "feedback": unit,
        "radius": (1e-6, 0.999),
        "outdegree_sd": (0.0, 3.0),
        "private_share": unit,
        "edge_donor_share": unit,
        "regulation": (0.0, 100.0),
        "hill_n": (0.1, 10.0),
        "basal": (1e-6, 100.0),
        "tf_noise": (0.0, 3.0),
        "gene_noise": (0.0, 3.0),
        "tail_df": (0.0, 1000.0),
        "tf_blocks": (0, spec.n_tfs),
        "tf_correlation": unit,
        "modules": (0, spec.n_genes),
        "module_strength": (0.0, 5.0),
        "state_sd": (0.0, 5.0),
        "program_sd": (0.0, 5.0),
        "donor_sd": (0.0, 5.0),
        "batch_sd": (0.0, 5.0),
        "composition": (0.0, 1e6),
        "log_mean": (-10.0, 10.0),
        "log_mean_sd": (0.0, 5.0),
        "theta": (1e-3, 1e9),
        "library_sd": (0.0, 3.0),
        "dropout": (0.0, 0.95),
        "n_perturbed": (0, spec.n_tfs),
        "perturbed_cells": (1, 1_000_000),
        "remaining": unit,
        "conserved": unit,
        "ortholog_share": (1e-6, 1.0),
        "reference_share": (1e-6, 1.0),
        "reference_bias": (-10.0, 10.0),
        "reference_per_tf": (0, spec.n_genes - 1),
        "n_layers": (1, 100),
        "n_heads": (1, 100),
        "attention_cells": (0, spec.n_cells),
        "attention_noise": (0.0, 100.0),
        "pair_noise": (0.0, 100.0),
        "layer_ar": (0.0, 0.999),
        "signal_tfs": (0, spec.n_tfs),
        "salience_expression": (-1.0, 1.0),
    }
    for name, (low, high) in limits.items():
        value = getattr(spec, name)
        if not low <= value <= high:
            raise DataError(
                f"World {spec.name!r}: {name} is {value}; it must lie in [{low:g}, {high:g}]."
            )
