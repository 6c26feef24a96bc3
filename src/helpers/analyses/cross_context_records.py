"""Test records, stored values and sentences of notebook 24."""

from __future__ import annotations

import pandas as pd

from helpers.registry import TestRecord

NOTEBOOK = "24_cross_context"
DECLARED = tuple(f"24.{i}" for i in range(1, 15))
_COMMON = {"notebook": NOTEBOOK, "family": "F24", "paper": "A", "section": "3.8", "tag": "ATTN"}


def key_of(row) -> str:
    """Return the key of a comparison: pair, tissues, granularity."""
    pair = row.pair.replace("->", "-").lower()
    return f"{pair}/{row.tissue_a}-{row.tissue_b}/{row.granularity}"


def agreement_records(
    corrected: pd.DataFrame, published: pd.DataFrame, seed: int, draws: int
) -> list[TestRecord]:
    """Return tests 24.1 to 24.6 (beyond depth) and 24.7 to 24.12 (as published)."""
    records = []
    for number, row in enumerate(corrected.itertuples(), start=1):
        known = pd.notna(row.p_exact)
        extra: dict = {"estimable": False, "reason": row.reason}
        if known:
            extra = {"p": row.p_exact, "p_floor": row.floor}
        records.append(
            TestRecord(
                test_id=f"24.{number}/{key_of(row)}",
                hypothesis=f"{row.granularity} effects of {row.pair} agree between {row.tissue_a} "
                f"and {row.tissue_b} beyond depth",
                statistic="correlation of ranks" + (" after a depth fit" if _mlp(row) else ""),
                estimate=row.statistic if known else None,
                test=f"exact permutation within depth bands (checked with {draws} draws)",
                null="effects are exchangeable within "
                + ("two neighbouring layers" if _mlp(row) else "a layer"),
                sides="one",
                unit="component",
                n_units=row.components,
                role="confirmatory",
                claim_ids=("consistency/survivors",),
                seed=seed,
                **_COMMON,
                **extra,
            )
        )
    for number, row in enumerate(published.itertuples(), start=7):
        records.append(
            TestRecord(
                test_id=f"24.{number}/{key_of(row)}",
                hypothesis=f"{row.granularity} effects of {row.pair} correlate between "
                f"{row.tissue_a} and {row.tissue_b}",
                statistic="Spearman rho",
                estimate=row.rho,
                test="t approximation",
                null="components independent and exchangeable at every depth",
                sides="two",
                unit="component",
                n_units=row.components,
                p=row.p,
                role="descriptive",
                variant="published",
                claim_ids=("consistency/rho-range", "consistency/survivors"),
                **_COMMON,
            )
        )
    return records


def _mlp(row) -> bool:
    return row.granularity == "mlp"


def other_records(specific: dict, differing: pd.DataFrame, seed: int) -> list[TestRecord]:
    """Return 24.13 (specific to the pair?) and 24.14 (do components differ?)."""
    return [
        TestRecord(
            test_id="24.13",
            hypothesis="effects of the same TF-target pair agree more than those of different ones",
            statistic="same-pair minus cross-pair Spearman rho",
            estimate=specific["difference"],
            test="exact permutation of pair labels",
            null="pair labels are exchangeable in the second tissue",
            sides="one",
            unit="TF",
            n_units=specific["pairs"],
            p=specific["p_exact"],
            p_floor=specific["floor"],
            role="confirmatory",
            seed=seed,
            **_COMMON,
        ),
        TestRecord(
            test_id="24.14",
            hypothesis="component effects differ between tissues",
            statistic="share of components with q < 0.05 (Welch)",
            estimate=float(differing["share_q"].mean()),
            test="Welch t per component, Benjamini-Hochberg within comparison",
            null="equal mean restorations in both tissues",
            sides="two",
            unit="component",
            n_units=int(differing["components"].sum()),
            role="descriptive",
            **_COMMON,
        ),
    ]


def store(run, published: pd.DataFrame, corrected: pd.DataFrame) -> None:
    """Keep rho, p and q of every comparison, published and corrected."""
    for row in published.itertuples():
        meta = {"variant": "published", "function": "analyses.cross_context.published_comparisons"}
        for name in ("rho", "p", "q"):
            run.value(f"{key_of(row)}/{name}", getattr(row, name), **meta)
    for row in corrected.itertuples():
        meta = {"variant": "corrected", "function": "analyses.cross_context.corrected_comparisons"}
        base = f"corrected/{key_of(row)}"
        run.value(f"{base}/rho", row.rho, low=row.rho_low, high=row.rho_high, **meta)
        run.value(f"{base}/rho_output", row.rho_output, **meta)
        if pd.notna(row.p_exact):
            for name in ("statistic", "p_exact", "p_drawn", "q"):
                run.value(f"{base}/{name}", getattr(row, name), **meta)
    aligned = {"low": corrected["rho_output"].min(), "high": corrected["rho_output"].max()}
    for end, value in aligned.items():
        run.value(
            f"rho_output/{end}",
            float(value),
            claim=f"consistency/rho-range#{end}",
            variant="corrected",
            function="analyses.cross_context.corrected_comparisons",
        )
    usable = corrected[corrected["p_exact"].notna()]
    run.value(
        "survivors",
        int((usable["q"] < 0.05).sum()),
        claim="consistency/survivors#0",
        variant="corrected",
        function="analyses.cross_context.corrected_comparisons",
    )


def verdict(published: pd.DataFrame, corrected: pd.DataFrame) -> str:
    """Say which comparisons survive which test."""
    old = published[published["q"] < 0.05]
    new = corrected[corrected["q"] < 0.05]
    wide = int(((corrected["rho_low"] < 0) & (corrected["rho_high"] > 0)).sum())
    return (
        f"With components as independent units, {len(old)} of {len(published)} survive "
        f"({_names(old)}). Beyond depth, {len(new)} of {len(corrected)} survive"
        f"{f' ({_names(new)})' if len(new) else ''}. {int(corrected['self_pair'].sum())} of the "
        f"{len(corrected)} comparisons are self-pairs. The interval of rho includes zero in {wide}."
    )


def sign_sentence(corrected: pd.DataFrame) -> str:
    """Say which rho changes sign when effects are turned into the direction of the output."""
    turned = corrected[corrected["rho"] * corrected["rho_output"] < 0]
    unknown = int((~corrected["sign_known"]).sum())
    which = f" ({_names(turned)})" if len(turned) else ""
    return (
        f"{len(turned)} of {len(corrected)} change sign{which}. "
        f"In {unknown} the sign of a total effect is itself unknown: its interval includes zero."
    )


def specificity_sentence(result: dict) -> str:
    """Say whether agreement is specific to the pair."""
    return (
        f"Same pair minus other pair: {result['difference']:+.2f}, p = {result['p_exact']:.2f} "
        f"over {result['arrangements']} arrangements (drawn: {result['p_drawn']:.2f}); the "
        f"smallest possible p is {result['floor']:.2f}."
    )


def _names(table: pd.DataFrame) -> str:
    return ", ".join(
        f"{row.pair.split('->')[0]} {row.granularity} {row.tissue_a}-{row.tissue_b}"
        for row in table.itertuples()
    )
