"""The named worlds: what each changes in the defaults, and what tests must find in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from helpers.datasets.simulate.spec import WorldSpec
from helpers.errors import DataError

REJECT, KEEP = "reject", "not reject"


@dataclass(frozen=True)
class NamedWorld:
    """One named world.

    Attributes
    ----------
    about
        One sentence: what is planted, and what is not.
    changes
        Parameters of :class:`WorldSpec` that differ from the defaults.
    expect
        Test id -> ``"reject"`` or ``"not reject"``.
    """

    about: str
    changes: dict = field(default_factory=dict)
    expect: dict = field(default_factory=dict)


# Counts whose genes are independent: no network, no states, no donors.
_FLAT = {
    "regulation": 0.0,
    "state_sd": 0.0,
    "program_sd": 0.0,
    "donor_sd": 0.0,
    "batch_sd": 0.0,
}
# Attention averaged over cells, made entry by entry.
_DIRECT = {"attention_law": "direct"}
_SOFTMAX = {"attention_law": "softmax", "attention_cells": 500}

WORLDS: dict[str, NamedWorld] = {
    "coexp-only": NamedWorld(
        "Attention follows co-expression, which comes from gene modules and not from the network.",
        {
            **_FLAT,
            **_DIRECT,
            "n_tfs": 60,
            "modules": 12,
            "module_strength": 0.6,
            "alpha": 1.0,
            "attention_noise": 4.0,
            "reference_share": 1.0,
        },
        {
            "10.1": REJECT,
            "10.2": REJECT,
            "10.3": KEEP,
            "10.4": KEEP,
            "10.5": REJECT,
            "12.1": KEEP,
        },
    ),
    "pair-signal": NamedWorld(
        "Attention follows the network and nothing else; expression is regulated by the network.",
        {
            **_DIRECT,
            "n_genes": 200,
            "n_tfs": 60,
            "density": 0.08,
            "positive_share": 0.9,
            "log_mean": 0.3,
            "beta": 3.0,
            "attention_noise": 2.0,
        },
        {
            **dict.fromkeys(("10.1", "10.3", "10.4"), REJECT),
            "10.5": KEEP,
            **{f"12.{i}": REJECT for i in (1, 5, 6, 8)},
        },
    ),
    "prominence-only": NamedWorld(
        "Attention is a product of two gene-level values; the reference prefers expressed genes.",
        {**_FLAT, **_DIRECT, "gamma": 1.0, "attention_noise": 1.0, "reference_bias": 1.5},
        # 12.2-4: products rank such a reference, averaged attention does not; 12.10: sums do
        {
            "10.2": KEEP,
            **{f"12.{i}": KEEP for i in (1, 5, 6, 8)},
            **{f"12.{i}": REJECT for i in (2, 3, 4, 10)},
        },
    ),
    "no-signal": NamedWorld(
        "Independent genes, and attention without any structure.",
        {**_FLAT, **_SOFTMAX, "strata": True},
        # 10.2 with the score of uniform attention among the gene-level terms: cells of few tokens
        # have larger weights, which follow co-expression without any structure
        {
            **{f"10.{i}": KEEP for i in (1, 2, 3, 4)},
            **{f"12.{i}": KEEP for i in (1, 5, 6)},
            "11.13": KEEP,
            "11.14": KEEP,
        },
    ),
    "one-TF": NamedWorld(
        "As pair-signal, but attention sees the edges of a single TF only.",
        {**_DIRECT, "beta": 6.0, "signal_tfs": 1, "outdegree_sd": 0.8, "reference_share": 1.0},
        # 12.11 is descriptive: "reject" stands for the flag that one TF carries the result.
        {"12.11": REJECT},
    ),
    "state-grn": NamedWorld(
        "Most edges act in one cell state only; attention follows the edges of the cell's state.",
        {
            **_SOFTMAX,
            "private_share": 0.85,
            "beta": 1.0,
            "strata": True,
            "program_sd": 0.0,
            "state_sd": 0.0,
        },
        # 11.14: no layer is better than another in any of these worlds.
        # 11.13: averages over hundreds of cells rank the edges already, so strata add noise only.
        # 20.7 rejects where AUROC does not move with the number of cells; here it rises with it.
        {"11.13": KEEP, "11.14": KEEP, "20.6": REJECT, "20.7": KEEP},
    ),
    "state-edges": NamedWorld(
        "Every edge acts in one cell state only, and attention sees it weakly: pooling dilutes it.",
        {
            **_DIRECT,
            "private_share": 1.0,
            "beta": 2.0,
            "log_mean": 0.5,
            "reference_share": 1.0,
            "strata": True,
            "program_sd": 0.0,
            "state_sd": 0.0,
        },
        {"11.13": REJECT, "11.14": KEEP},
    ),
    "state-free": NamedWorld(
        "Cell states differ in level, but every edge acts in every state.",
        {**_SOFTMAX, "beta": 0.3, "strata": True},
        {"11.13": KEEP, "11.14": KEEP, "20.6": KEEP},
    ),
    "iid-cells": NamedWorld(
        "One state; each cell's attention is the network plus independent noise.",
        {**_SOFTMAX, "n_states": 1, "program_sd": 0.0, "state_sd": 0.0, "beta": 0.1},
        {"20.2": KEEP},
    ),
    "noise-grows": NamedWorld(
        "The noise of the attention grows with the number of cells, by construction.",
        {"attention_law": "tanh", "beta": 1.0, "n_states": 1},
        {"20.2": REJECT, "30.1": REJECT},
    ),
    "grn-expression": NamedWorld(
        "Expression is the steady state of a log-linear network, deeply sequenced.",
        {
            "kinetics": "log-linear",
            "n_genes": 100,
            "n_tfs": 20,
            "n_cells": 500,
            "n_states": 1,
            "regulation": 0.5,
            "log_mean": 3.0,
            "log_mean_sd": 0.5,
            "theta": 20.0,
            "donor_sd": 0.0,
            "batch_sd": 0.0,
            "dropout": 0.0,
            "reference_share": 1.0,
        },
        {f"21.{i}": REJECT for i in range(1, 6)},
    ),
    "null-expression": NamedWorld(
        "Independent genes; the network and the reference leave no trace.",
        {**_FLAT, "n_genes": 100, "n_tfs": 20, "n_cells": 500, "reference_share": 1.0},
        {f"21.{i}": KEEP for i in range(1, 6)},
    ),
    "edge-only": NamedWorld(
        "A knock-down screen in which the children of the TF respond; expression is balanced.",
        {"log_mean": 1.0, "log_mean_sd": 0.3, "n_perturbed": 20, "remaining": 0.1},
        {f"40.{i}": REJECT for i in range(8, 20)},
    ),
    "perturbation-effects": NamedWorld(
        "A knock-down screen in which the share of responding genes varies between TFs.",
        {"n_perturbed": 20, "outdegree_sd": 1.0, "density": 0.15, "log_mean": 0.0},
        {"29.1": REJECT},
    ),
    "conserved": NamedWorld(
        "A second species with the same network and cell states, and its own cells.",
        {"second_species": True, "conserved": 1.0, "log_mean": 0.0},
        {"26.1": REJECT, "26.7": KEEP},
    ),
    "half-conserved": NamedWorld(
        "A second species in which half of the TFs have other targets.",
        {
            "second_species": True,
            "conserved": 0.5,
            "rewire": "tfs",
            "n_tfs": 60,
            "log_mean": 0.0,
        },
        {"26.1": REJECT, "26.7": REJECT},
    ),
    "composition-only": NamedWorld(
        "No network acts; two species share cell-state programmes, and donors differ in states.",
        {
            "second_species": True,
            "regulation": 0.0,
            "state_sd": 0.0,
            "program_sd": 1.0,
            "donor_sd": 0.0,
            "batch_sd": 0.0,
            "composition": 0.5,
            "log_mean": 0.0,
        },
        {"26.1": KEEP},
    ),
    "no-donor-effect": NamedWorld(
        "Donors and batches are labels only.",
        {"donor_sd": 0.0, "batch_sd": 0.0},
        {"28.1": KEEP, "28.7": KEEP, "28.9": KEEP},
    ),
    "donor-shift": NamedWorld(
        "Each donor shifts the mean of each gene; the network is the same in all donors.",
        {"donor_sd": 0.7, "batch_sd": 0.0},
        {"28.1": REJECT},
    ),
    "donor-rewiring": NamedWorld(
        "Each edge acts in half of the donors; means do not differ between donors.",
        {"edge_donor_share": 0.5, "donor_sd": 0.0, "batch_sd": 0.0, "log_mean": 0.5},
        # 28.7 is left open: donors hold similar numbers of cells, so balancing changes correlations
        # by about as much as the draw of cells does, and rejects in some draws only
        {"28.9": REJECT},
    ),
    "same-contexts": NamedWorld(
        "One generator for every context; draw it with several seeds and n_cells.",
        {**_SOFTMAX, "beta": 0.3, "alpha": 0.2},
        {"42.11": KEEP},
    ),
    "best-layer-noise": NamedWorld(
        "Eighteen layers of attention without structure, each with noise of its own.",
        {**_FLAT, **_DIRECT, "n_layers": 18, "n_heads": 1, "reference_per_tf": 1},
        {"42.11": KEEP},
    ),
    "smooth-noise": NamedWorld(
        "Eighteen layers without structure whose noise carries over from layer to layer.",
        {
            **_FLAT,
            **_DIRECT,
            "n_layers": 18,
            "n_heads": 1,
            "attention_noise": 0.1,
            "pair_noise": 1.0,
            "layer_ar": 0.9,
        },
        {f"43.{i}": KEEP for i in range(1, 9)},
    ),
    "degree-only": NamedWorld(
        "Attention and the reference both prefer expressed genes; pairs carry nothing.",
        {
            **_FLAT,
            **_DIRECT,
            "gamma": 1.0,
            "attention_noise": 0.5,
            "reference_bias": 1.0,
            "reference_share": 0.25,
            "salience_expression": 0.9,
        },
        {"12.1": REJECT, "12.5": KEEP},
    ),
    "correlated-tfs": NamedWorld(
        "Each gene follows two TFs, and TFs vary together in four blocks: "
        "a gene correlates with TFs that do not regulate it.",
        {
            "kinetics": "log-linear",
            "n_genes": 120,
            "n_tfs": 20,
            "n_cells": 12_000,
            "n_states": 1,
            "regulators": 2,
            "positive_share": 0.5,
            "master_share": 1.0,
            "feedback": 0.0,
            "weight_low": 0.6,
            "weight_high": 1.2,
            "tf_blocks": 4,
            "tf_correlation": 0.8,
            "tf_noise": 1.0,
            "gene_noise": 0.4,
            "state_sd": 0.0,
            "program_sd": 0.0,
            "donor_sd": 0.0,
            "batch_sd": 0.0,
            "log_mean": 4.5,
            "log_mean_sd": 0.3,
            "theta": 200.0,
            "dropout": 0.0,
            "reference_share": 1.0,
        },
        # the size of correlation ranks the edges with AUROC 0.87, regression on the TFs with 1
        {f"21.{i}": REJECT for i in range(1, 6)},
    ),
    "training": NamedWorld(
        "Strongly structured, well sequenced counts on which the small models are trained.",
        {
            "n_genes": 360,
            "n_tfs": 36,
            "n_cells": 3000,
            "density": 0.04,
            "weight_low": 2.0,
            "weight_high": 4.0,
            "basal": 0.1,
            "hill_n": 3.0,
            "tf_noise": 0.9,
            "gene_noise": 0.1,
            "state_sd": 1.2,
            "program_sd": 0.6,
            "log_mean": 1.0,
            "log_mean_sd": 1.0,
            "theta": 10.0,
            "dropout": 0.05,
            "reference_share": 1.0,
        },
        # none: what the attention of a model learns from these counts is open
        {},
    ),
}
ALIASES = {"null": "no-signal", "sim": "training"}


def named_world(name: str) -> NamedWorld:
    """Return a named world.

    Raises
    ------
    DataError
        If there is no world of that name; the message lists those there are.
    """
    name = ALIASES.get(name, name)
    if name not in WORLDS:
        raise DataError(
            f"No simulated world is called {name!r}. Worlds: {', '.join(sorted(WORLDS))}."
        )
    return WORLDS[name]


def world_spec(name: str, **overrides: object) -> WorldSpec:
    """Return the parameters of a named world, with some changed."""
    known = named_world(name)
    return WorldSpec(name=ALIASES.get(name, name)).changed(**known.changes).changed(**overrides)
