"""Networks with hubs, and the same with their genes exchanged."""

from dataclasses import replace

import numpy as np
import pandas as pd

from helpers.evaluation import evaluation_set
from helpers.statistics.relabel import relabelling

GENES = [f"g{k}" for k in range(60)]


def network(hubs: float = 0.0, seed: int = 0):
    """Pairs of 20 TFs and 60 genes; with `hubs`, some TFs and targets have most edges."""
    rng = np.random.default_rng(seed)
    weight = np.outer(rng.pareto(1.5, 20) + 1, rng.pareto(1.5, 60) + 1) ** hubs
    weight[np.arange(20), np.arange(20)] = 0
    drawn = rng.choice(1200, 150, replace=False, p=weight.ravel() / weight.sum())
    tf, target = np.divmod(drawn, 60)
    table = pd.DataFrame({"source": np.take(GENES, tf), "target": np.take(GENES, target)})
    return evaluation_set(table, GENES)


def relabelled(pairs, rng):
    how = relabelling(pairs.label, pairs.source, pairs.target, tfs=pairs.regulators)
    label = np.zeros(pairs.n_pairs, dtype=bool)
    label[next(how.draws(rng, 1))] = True
    return replace(pairs, label=label)
