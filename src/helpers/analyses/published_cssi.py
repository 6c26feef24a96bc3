"""Paper A section 3.2 from archived results: Tables 2, 3, 4 and the held-out layers."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from helpers.analyses.archive_cells import Section, check, fill, table_paths
from helpers.archives.attention import (
    read_held_out_layers,
    read_layer_cssi,
    read_split_half,
    read_synthetic_cssi,
)
from helpers.archives.locate import Locate
from helpers.registry.claims import printed
from helpers.statistics.intervals import hanley_mcneil

HERE = "analyses.published_cssi"
CONFIGS = {2: "Small", 4: "Medium", 6: "Large", 8: "XLarge", 10: "XXLarge", 12: "Massive"}
SPLIT_CONFIGS = {4: "Small", 6: "Medium", 8: "Large", 10: "XXLarge", 12: "Massive"}
"""Names in the paper's Table 4, shifted by one against Table 2; the 2-state row was dropped."""

LEVELS = 1000 * 999
"""Ordered pairs of 1,000 genes: the pairs of the real-data AUROCs."""


def table2(locate: Locate) -> Section:
    """Recompute Table 2 (synthetic F1), with the K-means strata the paper leaves out."""
    draws = read_synthetic_cssi(locate)
    groups = draws.groupby("n_states")
    mean, sd = groups.mean(numeric_only=True), groups.std(numeric_only=True)
    table = pd.DataFrame(
        {
            "n_cells": groups["total"].first(),
            "states": mean.index,
            "pooled_f1": mean["pool_f1"],
            "pooled_sd": sd["pool_f1"],
            "cssi_f1": mean["cssi_max_f1"],
            "cssi_sd": sd["cssi_max_f1"],
            "ratio": mean["cssi_max_f1"] / mean["pool_f1"],
            "kmeans_f1": mean["est_f1"],
            "kmeans_sd": sd["est_f1"],
        }
    )
    table.index = pd.Index([CONFIGS[s] for s in mean.index], name="config")
    columns = ["n_cells", "states", "pooled_f1", "pooled_sd", "cssi_f1", "cssi_sd"]
    checks = [fill("cssi/table2", table, columns, function=f"{HERE}.table2")]
    part = {"Small": 0, "Medium": 1, "Large": 0, "XLarge": 0, "XXLarge": 0, "Massive": 0}
    ratios = {
        f"cssi/table2[{name}].ratio_printed#{n}": table.loc[name, "ratio"]
        for name, n in part.items()
    }
    first, last = table.loc["Small"], table.loc["XXLarge"]
    decline = dict(
        zip(
            (f"#{part}" for part in range(8)),
            [
                row[c]
                for row in (first, last)
                for c in ("pooled_f1", "pooled_sd", "n_cells", "states")
            ],
            strict=True,
        )
    )
    checks += [
        check(claim, values, function=f"{HERE}.table2")
        for claim, values in {
            "cssi/table2": ratios,
            "cssi/seeds": {"cssi/seeds": draws["seed"].nunique()},
            "cssi/max-f1-floor": {"cssi/max-f1-floor": table["cssi_f1"].min()},
            "cssi/max-improvement": {"cssi/max-improvement": table["ratio"].max()},
            "cssi/ratio-endpoints": {
                "cssi/ratio-endpoints#low": table["ratio"].min(),
                "cssi/ratio-endpoints#high": table["ratio"].max(),
            },
            "cssi/pooled-f1-decline": {f"cssi/pooled-f1-decline{p}": v for p, v in decline.items()},
        }.items()
    ]
    worse = int((table["kmeans_f1"] < table["pooled_f1"]).sum())
    return Section(
        name="table2",
        checks=checks,
        table=table,
        note="The archive holds F1 of 10 seeds in each of 6 configurations of simulated cells, "
        "scored with the true states.",
        verdict=f"With states estimated by K-means on the same draws, F1 is below pooled in "
        f"{worse} of {len(table)} configurations ({table['kmeans_f1'].min():.2f} to "
        f"{table['kmeans_f1'].max():.2f}).",
        function=f"{HERE}.table2",
        corrected={f"kmeans_f1/{name}": float(v) for name, v in table["kmeans_f1"].items()}
        | {"kmeans_floor": float(table["kmeans_f1"].min())}
        | {"pooled_lowest": float(table["pooled_f1"].min())},
        answers={f"kmeans_f1/{name}": f"cssi/table2[{name}].cssi_f1" for name in table.index}
        | {"kmeans_floor": "cssi/max-f1-floor", "pooled_lowest": "cssi/pooled-f1-decline#4"},
    )


_SINGLE_AUROCS = ("cssi/real-pooled-auroc", "cssi/layer13-auroc", "cssi/layer14-auroc")


def table3(locate: Locate) -> Section:
    """Recompute Table 3 (AUROC per layer), with the sampling error of 18 positives."""
    layers, heads, about = read_layer_cssi(locate)
    positives = int(heads["n_pos"].iloc[0])
    table = layers.rename(columns={"best_cssi_auroc": "cssi_auroc"})[["pooled", "cssi_auroc"]]
    table.insert(1, "best_variant", layers["best_cssi"].str.removeprefix("cssi_"))
    # The paper subtracts the rounded columns; the archived difference stands beside it.
    table["delta"] = _printed(table["cssi_auroc"]) - _printed(table["pooled"])
    table["gain"] = table["cssi_auroc"] - table["pooled"]
    errors = [hanley_mcneil(v, positives, LEVELS - positives) for v in table["pooled"]]
    table["low"], table["high"] = [e.low for e in errors], [e.high for e in errors]
    table.index = pd.Index(table.index.astype(str), name="layer")
    top = heads["auroc"].nlargest(2).sort_index()
    function = f"{HERE}.table3"
    checks = [fill("cssi/table3", table, ["pooled", "cssi_auroc", "delta"], function=function)]
    pooled = table["pooled"]
    single = {
        "cssi/real-pooled-auroc": about["baseline_all_layers_pooled"],
        "cssi/layer13-auroc": pooled["13"],
        "cssi/layer14-auroc": pooled["14"],
        "cssi/l10-delta": table.loc["10", "delta"],
        "cssi/deep-delta": table.loc[["13", "14"], "delta"].abs().max(),
        "cssi/real-cells": about["n_cells"],
        "cssi/real-celltypes": len(about["cell_types"]),
        "cssi/real-trrust-edges": about["trrust_edges"],
        "models/scgpt-18l-layers": len(layers),
        "models/scgpt-18l-heads": heads.groupby(heads.index.str.split("_").str[0]).size().max(),
        "models/scgpt-18l-hvgs": about["n_genes"],
    }
    checks += [check(claim, {claim: value}, function=function) for claim, value in single.items()]
    early = pooled[[str(i) for i in range(7)]]
    early_printed = printed("cssi/early-layers-auroc#high").value
    several = {
        "cssi/early-layers-auroc": {"#low": early.min(), "#high": early.max()},
        "cssi/late-layers-auroc": {"#low": pooled["13"], "#high": top.max()},
        "cssi/best-heads": {"#0": top.max()},
        "models/scgpt-18l-data": {"#0": about["n_genes"], "#1": about["trrust_edges"]},
    }
    checks += [
        check(claim, {claim + part: v for part, v in parts.items()}, function=function)
        for claim, parts in several.items()
    ]
    shown = {cell[0][0] for cell in table_paths("cssi/table3", ["best_variant"], 1)}
    variants = table.loc[[layer for layer in table.index if layer in shown], "best_variant"]
    levels = {f"cssi/table3[{layer}].pooled": pooled[layer] for layer in variants.index}
    levels |= {path: single[path] for path in _SINGLE_AUROCS}
    levels |= {"cssi/late-layers-auroc#high": top.max(), "cssi/best-heads#0": top.max()}
    estimates = {p: hanley_mcneil(v, positives, LEVELS - positives) for p, v in levels.items()}
    tenth = pooled.index[(_printed(pooled) - early_printed).abs() < 5e-4]
    widest = (table["high"] - table["low"]).max() / 2
    return Section(
        name="table3",
        checks=checks,
        table=table,
        note=f"The file calls no model by name; 18 layers of 18 heads is Geneformer V2-316M, not "
        f"scGPT. {about['n_cells']} brain cells, {positives} evaluated positives (the "
        f"{about['trrust_edges']} edges are nearly the whole database).",
        verdict=f"The best heads are {' and '.join(top.index)}. "
        "Even with independent positives the half-width of one AUROC is up to "
        f"{widest:.2f}; the largest gain is {table['gain'].max():.3f}. Layers 0 to 6 reach "
        f"{early.max():.3f}; the printed {early_printed} is layer {', '.join(tenth)}.",
        function=function,
        corrected={
            "positives": positives,
            "largest_gain": float(table["gain"].max()),
            "half_width": float(widest),
        },
        estimates=estimates,
        words={f"cssi/table3[{layer}].best_variant": name for layer, name in variants.items()},
    )


def _printed(values: pd.Series) -> pd.Series:
    """Round to three decimals, halves away from zero as in print."""
    return (values + 1e-9).round(3)


def table4(locate: Locate) -> Section:
    """Recompute Table 4 (synthetic split half), with absolute gaps and the dropped row."""
    rows = read_split_half(locate).set_index("n_states")
    table = pd.DataFrame(
        {
            "states": rows.index,
            "pooled_f1": rows["pooled_heldout_mean"],
            "pooled_sd": rows["pooled_heldout_sd"],
            "cssi_f1": rows["cssi_heldout_mean"],
            "cssi_sd": rows["cssi_heldout_sd"],
        }
    )
    table["ratio"] = table["cssi_f1"] / table["pooled_f1"]
    table["gap"] = table["cssi_f1"] - table["pooled_f1"]
    table.insert(0, "archived_name", rows["config"])
    table.index = pd.Index([SPLIT_CONFIGS.get(s, "(not printed)") for s in rows.index])
    table.index.name = "config"
    shown = table.loc[list(SPLIT_CONFIGS.values())]
    columns = ["states", "pooled_f1", "pooled_sd", "cssi_f1", "cssi_sd"]
    function = f"{HERE}.table4"
    span = {
        "cssi/heldout-ratio-range#low": shown["ratio"].min(),
        "cssi/heldout-ratio-range#high": shown["ratio"].max(),
    }
    # All but the first ratio were cut in print; the claims file keeps them behind the cut ones.
    ratios = {
        f"cssi/table4[{name}].ratio_printed#{int(name != 'Small')}": value
        for name, value in shown["ratio"].items()
    }
    dropped = table.loc["(not printed)"]
    return Section(
        name="table4",
        checks=[
            fill("cssi/table4", shown, columns, function=function),
            check("cssi/table4", ratios, function=function),
            check("cssi/heldout-ratio-range", span, function=function),
        ],
        table=table,
        note="Simulated scores of 20 true edges with 40 calls, so F1 cannot exceed 2/3; printed "
        "configuration names are shifted by one against the archive.",
        verdict=f"CSSI sits at that ceiling in every row; the ratio grows because pooled F1 falls. "
        f"The row with 2 states was left out: ratio {dropped['ratio']:.2f}, "
        f"gap {dropped['gap']:.3f}.",
        function=function,
        corrected={
            f"gap/{s}": float(g) for s, g in zip(table["states"], table["gap"], strict=True)
        },
        answers={f"gap/{s}": path for s, path in zip(shown["states"], ratios, strict=True)},
    )


HELD_OUT_DRAWS = 20_000
"""Random sets of three layers drawn beside the count of all."""


def held_out(locate: Locate, seed: int) -> Section:
    """Recompute the held-out layer test; its p over all sets of three layers, and by drawing."""
    run = read_held_out_layers(locate)
    b = run["half_b"]
    chosen = float(b[run["best_layers_a"]].mean())
    every = np.array([b.iloc[list(s)].mean() for s in combinations(range(len(b)), 3)])
    exact = float((every >= chosen - 1e-12).mean())
    rng = np.random.default_rng(seed)
    picks = rng.random((HELD_OUT_DRAWS, len(b))).argsort(1, kind="stable")[:, :3]
    drawn = b.to_numpy()[picks].mean(1)
    sampled = (1 + int((drawn >= chosen - 1e-12).sum())) / (1 + HELD_OUT_DRAWS)
    function = f"{HERE}.held_out"
    checks = [
        check("cssi/heldout-auroc", {"cssi/heldout-auroc": chosen}, function=function),
        check("cssi/heldout-p", {"cssi/heldout-p": exact}, function=function),
        check(
            "cssi/heldout-baseline",
            {"cssi/heldout-baseline": run["random_baseline_mean"]},
            function=function,
        ),
        check(
            "cssi/split-sizes",
            {"cssi/split-sizes#0": run["n_cells_a"], "cssi/split-sizes#1": run["n_cells_b"]},
            function=function,
        ),
    ]
    table = pd.DataFrame({"half A": run["half_a"], "half B": b})
    table["chosen on A"] = table.index.isin(run["best_layers_a"])
    table.index.name = "layer"
    names = ", ".join(map(str, run["best_layers_a"]))
    return Section(
        name="heldout",
        checks=checks,
        table=table,
        note=f"The archived model is {run['model']} with {run['n_layers']} layers, not the "
        f"18-layer one of the text; layers {names} were chosen, most of them early. "
        "The halves share genes and positives.",
        verdict=f"Over all {every.size} sets of three layers, {exact:.3f} do as well (drawn: "
        f"{sampled:.3f}); their mean is {every.mean():.3f}. The test varies cells only.",
        function=function,
        corrected={"p_exact": exact, "p_drawn": sampled, "baseline_exact": float(every.mean())},
        answers={"baseline_exact": "cssi/heldout-baseline"},
    )
