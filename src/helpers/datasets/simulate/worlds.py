"""The one generator of simulated worlds."""

from __future__ import annotations

from dataclasses import dataclass

import anndata as ad
import numpy as np
import pandas as pd
import xarray as xr
from scipy import sparse

from helpers.datasets.simulate.attention import attention_sums
from helpers.datasets.simulate.catalogue import named_world, world_spec
from helpers.datasets.simulate.cells import (
    CONTROL,
    CellLabels,
    GeneTable,
    draw_counts,
    draw_genes,
    draw_labels,
    log_levels,
    true_effects,
)
from helpers.datasets.simulate.network import (
    Network,
    draw_reference,
    make_network,
    network_table,
    rewired,
)
from helpers.datasets.simulate.spec import WorldSpec
from helpers.errors import DataError

# One stream of random numbers for each part: a parameter of one part (attention, say) leaves the
# draws of the others (counts, network) as they are.
STREAMS = ("network", "genes", "cells", "screen", "attention", "reference", "second")


@dataclass(frozen=True)
class World:
    """A simulated world and its truth.

    Attributes
    ----------
    spec
        The parameters it was drawn with.
    adata
        Counts (``X`` and ``layers["counts"]``, sparse) of control cells followed by perturbed
        cells; ``obs`` has ``cell_type`` (the state), ``donor``, ``batch``, ``perturbation``
        (``"control"`` or the TF) and ``library`` (the true library factor); ``var`` has
        ``symbol``, ``is_tf``, ``log_mean``, ``salience`` and ``module``.
    network
        The true edges ``source, target, weight, state`` (``"all"`` or the state they act in).
    reference
        What an analyst is given: a sample of the edges, in the project's reference columns.
    genes, tfs
        Symbols; the TFs are the first genes.
    attention
        Attention sums and counts, or ``None``.
    effects
        True effects of the screen ``perturbation, target, log_fold_change`` (natural log,
        noise-free steady state, mean over states), or ``None``.
    orthologs, second, second_network
        One-to-one orthologs (columns ``human`` and ``mouse``, the first and the second species),
        counts and true edges of the second species, or ``None``.
    expect
        Test id -> ``"reject"`` or ``"not reject"``.
    """

    spec: WorldSpec
    adata: ad.AnnData
    network: pd.DataFrame
    reference: pd.DataFrame
    genes: np.ndarray
    tfs: np.ndarray
    attention: xr.Dataset | None
    effects: pd.DataFrame | None
    orthologs: pd.DataFrame | None
    second: ad.AnnData | None
    second_network: pd.DataFrame | None
    expect: dict[str, str]


def world(name: str, seed: int, *, cells_seed: int | None = None, **overrides: object) -> World:
    """Draw a named world.

    Parameters
    ----------
    name
        A name of ``helpers.datasets.simulate.WORLDS``.
    seed
        Non-negative integer; the same name, seed and overrides give the same world.
    cells_seed
        Non-negative integer: other cells of the same genes and the same network, for a model that
        was trained on the cells of `seed`.
    overrides
        Parameters of :class:`helpers.datasets.simulate.spec.WorldSpec` to change.

    Raises
    ------
    DataError
        If the name or a parameter is unknown, or a value is out of range.
    """
    return draw(world_spec(name, **overrides), seed, named_world(name).expect, cells_seed)


def training_world(seed: int = 0) -> World:
    """Draw the world of the model data set ``sim``: ``world("training", seed)``, no overrides.

    360 genes (36 TFs), 3,000 cells in 6 states and 8 donors, about 6 counts per gene and cell,
    strong regulation; its parameters are those of the catalogue entry ``training``.
    """
    return world("training", seed)


def control_world(n_cells: int = 600, cells_seed: int = 2) -> World:
    """Draw cells on which to read the positive controls ``control-scgpt``, ``control-geneformer``.

    They are new cells of the network that these models learned: ``world("correlated-tfs", 0)``.
    Seed 1 gives the cells that were looked at during training, and `cells_seed` 2 those of which
    the models' cards speak.
    """
    return world("correlated-tfs", 0, cells_seed=cells_seed, n_cells=n_cells)


def draw(
    spec: WorldSpec,
    seed: int,
    expect: dict[str, str] | None = None,
    cells_seed: int | None = None,
) -> World:
    """Draw a world from its parameters; see :func:`world`."""
    rng = _streams(spec, seed)
    if cells_seed is not None:
        rng["cells"] = _streams(spec, cells_seed)["cells"]

    network = make_network(spec, rng["network"])
    table = draw_genes(spec, network.masters, rng["genes"])
    targets = _screened(spec, network, rng["screen"])
    labels = draw_labels(spec, targets, rng["cells"])
    counts, library = draw_counts(
        spec, log_levels(spec, network, table, labels, rng["cells"]), rng["cells"]
    )

    genes, tfs = _symbols(spec, "TF", "G")
    states = np.array([f"state{i + 1}" for i in range(spec.n_states)])
    edges = network_table(network, genes, tfs, states)
    prominence = pd.Series(_standard(table.log_mean), index=genes)
    attention = None
    if spec.attention_law != "none":
        controls = labels.perturbation == CONTROL
        attention = attention_sums(
            spec,
            counts[controls],
            np.stack([network.in_state(s) for s in range(spec.n_states)]),
            table.salience,
            labels.state[controls],
            (genes, states),
            rng["attention"],
        )
    effects = None
    if len(targets):
        change = pd.DataFrame(
            true_effects(spec, network, table, targets), index=tfs[targets], columns=genes
        )
        effects = change.rename_axis(index="perturbation", columns="target").stack()
        effects = effects.rename("log_fold_change").reset_index()
    orthologs, second, second_network = _second_species(
        spec, seed, network, table, states, rng["second"]
    )
    return World(
        spec=spec,
        adata=_anndata(
            spec, _version(seed, cells_seed), counts, library, labels, table, genes, states
        ),
        network=edges,
        reference=draw_reference(edges, prominence, spec, rng["reference"]),
        genes=genes,
        tfs=tfs,
        attention=attention,
        effects=effects,
        orthologs=orthologs,
        second=second,
        second_network=second_network,
        expect=dict(expect or {}),
    )


def _streams(spec: WorldSpec, seed: int) -> dict[str, np.random.Generator]:
    """Return the generator of each part of a world."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise DataError(f"World {spec.name!r}: seed is {seed!r}; expected an integer >= 0.")
    children = np.random.SeedSequence(int(seed)).spawn(len(STREAMS))
    return {part: np.random.default_rng(s) for part, s in zip(STREAMS, children, strict=True)}


def _version(seed: int, cells_seed: int | None = None) -> str:
    return f"seed {int(seed)}" + ("" if cells_seed is None else f", cells of seed {cells_seed}")


def _screened(spec: WorldSpec, network: Network, rng: np.random.Generator) -> np.ndarray:
    """Return the TFs of the screen: a random choice, in the order of the hierarchy."""
    return np.sort(rng.permutation(len(network.weight))[: spec.n_perturbed])


def _second_species(
    spec: WorldSpec,
    seed: int,
    network: Network,
    table: GeneTable,
    states: np.ndarray,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame | None, ad.AnnData | None, pd.DataFrame | None]:
    if not spec.second_species:
        return None, None, None
    other = rewired(network, spec, rng)
    labels = draw_labels(spec, np.zeros(0, dtype=int), rng)
    levels = log_levels(spec, other, table, labels, rng)
    counts, library = draw_counts(spec, levels, rng)
    first, _ = _symbols(spec, "TF", "G")
    genes, tfs = _symbols(spec, "Tf", "g")
    paired = np.sort(
        rng.permutation(spec.n_genes)[: max(1, round(spec.ortholog_share * spec.n_genes))]
    )
    orthologs = pd.DataFrame({"human": first[paired], "mouse": genes[paired]})
    adata = _anndata(spec, _version(seed), counts, library, labels, table, genes, states)
    return orthologs, adata, network_table(other, genes, tfs, states)


def _symbols(spec: WorldSpec, tf: str, gene: str) -> tuple[np.ndarray, np.ndarray]:
    wide = max(3, len(str(spec.n_genes)))
    tfs = [f"{tf}{i + 1:0{wide}d}" for i in range(spec.n_tfs)]
    others = [f"{gene}{i + 1:0{wide}d}" for i in range(spec.n_genes - spec.n_tfs)]
    return np.array(tfs + others, dtype=object), np.array(tfs, dtype=object)


def _standard(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1.0)


def _anndata(
    spec: WorldSpec,
    version: str,
    counts: np.ndarray,
    library: np.ndarray,
    labels: CellLabels,
    table: GeneTable,
    genes: np.ndarray,
    states: np.ndarray,
) -> ad.AnnData:
    named = np.append(genes[: spec.n_tfs], "control")
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(states[labels.state], categories=states),
            "donor": pd.Categorical([f"donor{i + 1}" for i in labels.donor]),
            "batch": pd.Categorical([f"batch{i + 1}" for i in labels.batch]),
            # Index -1 (control) picks the last name.
            "perturbation": pd.Categorical(named[labels.perturbation]),
            "library": library,
        },
        index=[f"cell{i + 1}" for i in range(len(counts))],
    )
    var = pd.DataFrame(
        {
            "symbol": genes,
            "is_tf": np.arange(spec.n_genes) < spec.n_tfs,
            "log_mean": table.log_mean,
            "salience": table.salience,
            "module": table.module,
        },
        index=pd.Index(genes.astype(str)),
    )
    matrix = sparse.csr_matrix(counts)
    source = {
        "name": f"simulated world {spec.name}",
        "version": version,
        "licence": "MIT",
        "note": "drawn by helpers.datasets.simulate",
    }
    return ad.AnnData(
        X=matrix, obs=obs, var=var, layers={"counts": matrix.copy()}, uns={"source": source}
    )
