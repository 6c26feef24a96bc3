"""Paper B's Tables 1 to 7 from the archived runs, with the paper's own estimators."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from helpers.analyses.archive_cells import CellCheck, check, fill
from helpers.analyses.mediation_archive import (
    PRINTED,
    THRESHOLDS,
    TOP,
    MediationArchive,
    component_tests,
    coverage,
    indexed,
    scores,
    sign_consistency,
    tissue_overlap,
    total_effects,
)
from helpers.archives.mediation import TISSUES
from helpers.registry.claims import load_claims, table_rows
from helpers.statistics.from_summaries import top_share
from helpers.statistics.shared_sets import independent_null, mean_same, membership

BLOCK_NOTE = (
    "What the paper calls heads are blocks of 64 residual coordinates, overwritten after the "
    "output projection, two of eight per layer."
)


HERE = "analyses.mediation_published"


PERMUTATIONS = 10_000
"""Draws behind the printed permutation p."""


def published_tables(archive: MediationArchive) -> list[CellCheck]:
    """Recompute Tables 1 to 7 with the paper's own estimators and compare every printed cell.

    The permutation p of Table 5 is counted exactly under the paper's null, so the printed one,
    which was drawn, may differ by its Monte-Carlo error (two standard errors are allowed).
    """
    table5 = _table5(archive)
    exact = published_p(archive)
    table5["perm_p"] = [
        exact[granularity] if k == 5 else np.nan for granularity in PRINTED for k in TOP
    ]
    errors = {
        f"b/table5[{label} 5].perm_p": _drawing_error(exact[granularity])
        for granularity, label in PRINTED.items()
    }
    columns = {
        "b/table1": (coverage(archive), ["kidney", "lung", "immune", "shared"], ""),
        "b/table2": (_table2(archive), ["n", "effect", "ci_lo", "ci_hi"], ""),
        "b/table3": (_table3(archive), ["pairs", "mean_effect", "top5_mass"], BLOCK_NOTE),
        "b/table4": (_table4(archive), ["jaccard"], BLOCK_NOTE),
        "b/table5": (table5, ["observed", "random", "enrichment", "perm_p"], BLOCK_NOTE),
        "b/table6": (
            _table6(archive),
            ["sign_consistency", "min_cells", "jaccard_heads", "jaccard_mlp"],
            "",
        ),
        "b/table7": (_table7(archive), ["significant", "of", "fraction"], BLOCK_NOTE),
    }
    return [
        fill(claim, table, names, function=f"{HERE}.published_tables", note=note, errors=errors)
        for claim, (table, names, note) in columns.items()
    ]


def published_p(archive: MediationArchive, k: int = 5) -> dict[str, float]:
    """Return the p of each granularity under the paper's null, counted exactly.

    Six Jaccard indices of independent random `k`-subsets of all components, those that are zero
    by construction included; one-sided.
    """
    found = {}
    for granularity in PRINTED:
        values = scores(archive, granularity, structural=True).values
        law = independent_null(k, values.shape[-1], 3 * len(values))
        found[granularity] = law.upper_tail(mean_same(membership(values, k)))
    return found


def _drawing_error(p: float) -> float:
    return 2 * float(np.sqrt(p * (1 - p) / PERMUTATIONS))


def published_numbers(archive: MediationArchive) -> list[CellCheck]:
    """Recompute the figures that paper B prints outside its tables."""
    exact = published_p(archive)
    mass = _table3(archive)["top5_mass"].unstack()
    panels = archive.panels
    random, replay = (panels[panels["panel"] == panel] for panel in ("random", "replay"))
    values = {
        "b/random-panel": {"": random.loc[random["n"] >= 1, "pair"].nunique()},
        "b/replay-panel": {"": replay["pair"].nunique()},
        "b/top5-mass-heads": {"#low": mass["Heads"].min(), "#high": mass["Heads"].max()},
        "b/top5-mass-mlp": {"#low": mass["MLP"].min(), "#high": mass["MLP"].max()},
        "b/max-jaccard": {"": _table4(archive)["jaccard"].max()},
        "b/p-heads": {"": exact["blocks"]},
        "b/p-mlp": {"": exact["mlp"]},
        "b/negative-control": {"#0": _cells(archive, "STAT4->S100A4", "lung")},
        "b/ci-method": {"#0": _implied_level(archive)},
        "b/thresholds": {f"#{i}": value for i, value in enumerate(THRESHOLDS)},
        "b/k-grid": {f"#{i}": value for i, value in enumerate(TOP)},
        "b/refined-tier": {"": len(archive.pairs)},
        "b/components-heads": {"": scores(archive, "blocks", structural=True).layers.size},
        "b/components-mlp": {"": scores(archive, "mlp", structural=True).layers.size},
    }
    return [
        check(
            claim,
            {claim + part: float(value) for part, value in parts.items()},
            function=f"{HERE}.published_numbers",
            note=BLOCK_NOTE if "heads" in claim else "",
            decimals={"b/ci-method#0": 0},
            errors={"b/p-heads": _drawing_error(exact["blocks"])},
        )
        for claim, parts in values.items()
    ]


def published_words(archive: MediationArchive) -> dict[str, str]:
    """Recompute what paper B prints in words: the pair with support in all tissues to the end."""
    panels = archive.panels[archive.panels["n"] >= max(THRESHOLDS)]
    kept = panels[panels["panel"] == "replay"].groupby("pair")["tissue"].nunique()
    return {"b/robust-pair": ", ".join(kept.index[kept == len(TISSUES)])}


def _cells(archive: MediationArchive, pair: str, tissue: str) -> int:
    rows = archive.effects.query("pair == @pair and tissue == @tissue")
    return int(rows["n"].max())


def _implied_level(archive: MediationArchive) -> float:
    """Return the confidence level (percent) of the printed intervals, read as normal ones."""
    table = _table2(archive)
    widths = [
        (row["ci_hi"] - row["ci_lo"]) / 2 / table.loc[(row["pair"], row["tissue"]), "se"]
        for row in table_rows(load_claims()["b/table2"])
    ]
    return float(100 * (1 - 2 * norm.sf(np.median(widths))))


def _table2(archive: MediationArchive) -> pd.DataFrame:
    table = total_effects(archive)
    table["tissue"] = table["tissue"].str.capitalize()
    table = table.rename(columns={"mean": "effect", "normal_low": "ci_lo", "normal_high": "ci_hi"})
    return table.set_index(["pair", "tissue"])


def _table3(archive: MediationArchive) -> pd.DataFrame:
    rows = []
    for (tissue, granularity), part in archive.components.groupby(["tissue", "granularity"]):
        mass = [top_share(run["mean"].to_numpy(), 5) for _, run in part.groupby("pair")]
        effects = archive.effects.query("tissue == @tissue and granularity == @granularity")
        rows.append((tissue.capitalize(), PRINTED[granularity], len(mass)))
        rows[-1] += (effects["mean"].abs().mean(), np.mean(mass))
    return indexed(rows, ["tissue", "granularity"], ["pairs", "mean_effect", "top5_mass"])


def _table4(archive: MediationArchive) -> pd.DataFrame:
    table = tissue_overlap(archive)
    table["tissues"] = table["tissues"].str.title()
    table["granularity"] = table["granularity"].map(PRINTED)
    return table.rename(columns={"mean": "jaccard"}).set_index(["granularity", "tissues"])


def _table5(archive: MediationArchive) -> pd.DataFrame:
    rows = []
    for granularity, label in PRINTED.items():
        values = scores(archive, granularity, structural=True).values
        for k in TOP:
            expected = k * k / values.shape[-1]
            observed, random = mean_same(membership(values, k)), expected / (2 * k - expected)
            rows.append((label, str(k), observed, random, observed / random))
    return indexed(rows, ["granularity", "k"], ["observed", "random", "enrichment"])


def _table6(archive: MediationArchive) -> pd.DataFrame:
    overlaps = tissue_overlap(archive).groupby("granularity")[archive.pairs].mean()
    signs, shown = sign_consistency(archive), ["blocks", "mlp"]
    rows = [
        (pair, *signs.loc[pair, ["abs_mean_sign", "min_cells"]], *overlaps.loc[shown, pair])
        for pair in archive.pairs
    ]
    names = ["sign_consistency", "min_cells", "jaccard_heads", "jaccard_mlp"]
    return indexed(rows, ["pair"], names)


def _table7(archive: MediationArchive) -> pd.DataFrame:
    tested = component_tests(archive).query("top10")
    rows = []
    for (tissue, granularity), part in tested.groupby(["tissue", "granularity"]):
        count = int(part["normal_excludes_zero"].sum())
        rows.append((tissue.capitalize(), PRINTED[granularity], count, len(part)))
        rows[-1] += (count / len(part),)
    return indexed(rows, ["tissue", "granularity"], ["significant", "of", "fraction"])
