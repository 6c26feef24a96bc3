"""Paper B's Tables 1 to 7 from the archived runs, with the paper's own estimators."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.analyses.archive_cells import CellCheck, fill
from helpers.analyses.mediation_archive import (
    PRINTED,
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
from helpers.statistics.from_summaries import top_share
from helpers.statistics.shared_sets import mean_same, membership

BLOCK_NOTE = (
    "What the paper calls heads are blocks of 64 residual coordinates, overwritten after the "
    "output projection, two of eight per layer."
)


def published_tables(archive: MediationArchive) -> list[CellCheck]:
    """Recompute Tables 1 to 7 with the paper's own estimators and compare every printed cell."""
    return [
        fill("b/table1", coverage(archive), ["kidney", "lung", "immune", "shared"]),
        fill("b/table2", _table2(archive), ["n", "effect", "ci_lo", "ci_hi"]),
        fill("b/table3", _table3(archive), ["pairs", "mean_effect", "top5_mass"], BLOCK_NOTE),
        fill("b/table4", _table4(archive), ["jaccard"], BLOCK_NOTE),
        fill("b/table5", _table5(archive), ["observed", "random", "enrichment"], BLOCK_NOTE),
        fill(
            "b/table6",
            _table6(archive),
            ["sign_consistency", "min_cells", "jaccard_heads", "jaccard_mlp"],
        ),
        fill("b/table7", _table7(archive), ["significant", "of", "fraction"], BLOCK_NOTE),
    ]


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
