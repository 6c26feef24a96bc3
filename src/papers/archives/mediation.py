"""The mediation runs published with paper B: cells, means and sums of squares per component.

The runs overwrite 64 columns of the attention output *after* the output projection. What the
archive calls ``head:layer:index`` is therefore a block of residual coordinates, and the tables
here call it that.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.errors import DataError
from papers.archives.locate import Locate, read_json

TISSUES = ("kidney", "lung", "immune")
GRANULARITIES = ("blocks", "mlp")
"""``blocks``: residual-coordinate blocks (published as heads); ``mlp``: feed-forward parts."""

TIERS = {"refined": "implementation/results_refined", "initial": "implementation/results"}
PANELS = {"random": "discovery", "replay": "discovery_fixed40"}
_FOLDER = {"blocks": "heads", "mlp": "mlp"}
PERMUTATIONS = "implementation/results_refined/overlap_control_metrics.tsv"
FILES = (
    *(
        f"{root}/{tissue}/{folder}/checkpoint.json"
        for root in TIERS.values()
        for tissue in TISSUES
        for folder in _FOLDER.values()
    ),
    *(
        f"{TIERS['initial']}/{tissue}/{folder}/checkpoint.json"
        for tissue in TISSUES
        for folder in PANELS.values()
    ),
    PERMUTATIONS,
)
"""The files of the archive that are read here."""


def read_components(locate: Locate, tier: str) -> pd.DataFrame:
    """Return the restoration summary of every component of a tier.

    Parameters
    ----------
    locate
        Finds files of the archive.
    tier
        ``"refined"`` (two pairs, three tissues) or ``"initial"`` (the runs used by paper A).

    Returns
    -------
    pandas.DataFrame
        One row per tissue, granularity, pair and component: ``tissue, granularity, pair, source,
        target, component, layer, block, n, mean, m2, sd, se``. ``mean`` is the mean over cells of
        restoration divided by total effect (no unit), ``m2`` the sum of squared deviations,
        ``se = sd / sqrt(n)``; ``sd`` and ``se`` are missing at ``n = 1``. ``block`` is -1 for
        feed-forward parts.
    """
    rows = []
    for tissue, granularity, run in _runs(locate, tier):
        for key, components in run["component_stats"].items():
            for name, stats in components.items():
                kind, layer, *block = name.split(":")
                label = f"L{layer}:B{block[0]}" if block else f"L{layer}:MLP"
                place = (label, int(layer), int(block[0]) if block else -1)
                moments = (stats["count"], stats["mean"], stats["m2"])
                rows.append((tissue, granularity, *_pair(key), *place, *moments))
                if kind != ("mlp" if granularity == "mlp" else "head"):
                    raise DataError(f"Component {name!r} does not belong in a {granularity} run.")
    columns = ["tissue", "granularity", "pair", "source", "target", "component", "layer", "block"]
    return _with_spread(pd.DataFrame(rows, columns=[*columns, "n", "mean", "m2"]))


def read_effects(locate: Locate, tier: str) -> pd.DataFrame:
    """Return the total effect of every pair of a tier, in units of the model's output.

    Returns
    -------
    pandas.DataFrame
        ``tissue, granularity, pair, source, target, n, mean, m2, sd, se``; the two granularities
        hold the same effect, because both runs ablate the same cells.
    """
    rows = [
        (tissue, granularity, *_pair(key), *_moments(stats["ablation"]))
        for tissue, granularity, run in _runs(locate, tier)
        for key, stats in run["pair_stats"].items()
    ]
    columns = ["tissue", "granularity", "pair", "source", "target", "n", "mean", "m2"]
    return _with_spread(pd.DataFrame(rows, columns=columns))


def read_panels(locate: Locate) -> pd.DataFrame:
    """Return which pairs were tried and how many cells supported each, per panel and tissue.

    Returns
    -------
    pandas.DataFrame
        ``panel, tissue, pair, n`` with one row per tried pair; ``n`` = eligible cells, 0 where
        no cell held both genes.
    """
    rows = []
    for panel, folder in PANELS.items():
        for tissue in TISSUES:
            path = locate(f"{TIERS['initial']}/{tissue}/{folder}/checkpoint.json")
            run = read_json(path)
            found = {k: v["ablation"]["count"] for k, v in run["pair_stats"].items()}
            rows += [
                (panel, tissue, _pair(key)[0], int(found.get(key, 0)))
                for key in run["processed_pairs"]
            ]
    return pd.DataFrame(rows, columns=["panel", "tissue", "pair", "n"])


def _runs(locate: Locate, tier: str):
    if tier not in TIERS:
        raise DataError(f"No tier {tier!r} in the mediation archive; use one of {sorted(TIERS)}.")
    for tissue in TISSUES:
        for granularity in GRANULARITIES:
            relative = f"{TIERS[tier]}/{tissue}/{_FOLDER[granularity]}/checkpoint.json"
            yield tissue, granularity, read_json(locate(relative))


def _pair(key: str) -> tuple[str, str, str]:
    source, target = key.split("||")
    return f"{source}->{target}", source, target


def _moments(stats: dict) -> tuple[int, float, float]:
    return stats["count"], stats["mean"], stats["m2"]


def _with_spread(table: pd.DataFrame) -> pd.DataFrame:
    n = table["n"].to_numpy(float)
    freedom = np.where(n > 1, n - 1, np.nan)
    table["sd"] = np.sqrt(table["m2"] / freedom)
    table["se"] = table["sd"] / np.sqrt(n)
    return table


def read_permutation_p(locate: Locate) -> dict[str, float]:
    """Return the archived permutation p at k = 5 of each granularity (10,000 draws)."""
    table = pd.read_csv(locate(PERMUTATIONS), sep="\t").dropna(subset=["permutation_p_value"])
    names = {"heads": "blocks", "mlp": "mlp"}
    return dict(
        zip(
            table["granularity"].map(names), table["permutation_p_value"].astype(float), strict=True
        )
    )
