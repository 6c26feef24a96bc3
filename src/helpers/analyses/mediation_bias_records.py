"""Test records, stored values and sentences of notebook 22."""

from __future__ import annotations

import pandas as pd

from helpers.analyses.mediation_bias import LEAST_CELLS
from helpers.registry import TestRecord

NOTEBOOK = "22_mediation_bias"
DECLARED = tuple(f"22.{i}" for i in range(1, 20))
_COMMON = {"notebook": NOTEBOOK, "family": "F22", "paper": "A", "section": "3.6", "tag": "ATTN"}
CERTIFIED = {
    "uniform/1": "mediation/certificate-lambda1",
    "uniform/3": "mediation/certificate-lambda3",
}
"""Certified fractions that the paper prints, by allocation and multiplier."""

COALITIONS = "the archive holds effects of single components only; no set was ever patched jointly"


def run_pair_records(table: pd.DataFrame, seed: int) -> list[TestRecord]:
    """Return tests 22.1 to 22.16, one per run-pair of `corrected_run_pairs`."""
    records = []
    for number, row in enumerate(table.itertuples(), start=1):
        extra: dict = (
            {"p": row.p_bound}
            if row.estimable
            else {
                "estimable": False,
                "reason": f"{row.n} cell; at least {LEAST_CELLS} needed",
            }
        )
        records.append(
            TestRecord(
                test_id=f"22.{number}/{row.tissue}/{row.granularity}/{_slug(row.pair)}",
                hypothesis=f"the {row.granularity} of {row.pair} in {row.tissue} do not add up to "
                "the total effect",
                statistic="1 minus the sum of mean restorations (share of the total effect)",
                estimate=row.residual,
                test="t with the largest standard error that any dependence allows",
                null="restorations of the traced components sum to the total effect",
                sides="two",
                unit="cell",
                n_units=row.n,
                role="confirmatory",
                claim_ids=("mediation/positive-count",),
                seed=seed,
                **_COMMON,
                **extra,
            )
        )
    return records


def other_records(prevalence: dict) -> list[TestRecord]:
    """Return 22.17, and 22.18 and 22.19, which no archive of single effects can give."""
    return [
        TestRecord(
            test_id="22.17",
            hypothesis="more than 5 % of TF-target pairs are non-additive",
            statistic="pairs with a Bonferroni-adjusted p below 0.05",
            estimate=prevalence["rejected"],
            test="exact binomial over distinct TF-target pairs",
            null="each pair is called with probability 0.05 at most",
            sides="one",
            unit="TF",
            n_units=prevalence["pairs"],
            p=prevalence["p"],
            p_floor=prevalence["floor"],
            role="confirmatory",
            **_COMMON,
        ),
        *(
            TestRecord(
                test_id=number,
                hypothesis=text,
                statistic=statistic,
                test="-",
                null="-",
                unit="cell",
                n_units=0,
                role="confirmatory" if number == "22.18" else "descriptive",
                estimable=False,
                reason=COALITIONS,
                **_COMMON,
            )
            for number, text, statistic in (
                ("22.18", "one-at-a-time effects are biased against Shapley values", "mean bias"),
                ("22.19", "the ranking changes when Shapley values are used", "Spearman rho"),
            )
        ),
    ]


def store_corrected(run, table: pd.DataFrame, curves: pd.DataFrame) -> None:
    """Keep the corrected values of the page."""
    usable = table[table["estimable"]]
    meta = {"variant": "corrected", "function": "analyses.mediation_bias.corrected_run_pairs"}
    run.value("run-pairs/estimable", len(usable), **meta)
    run.value("run-pairs/self-pairs", int(table["self_pair"].sum()), **meta)
    run.value(
        "run-pairs/positive",
        int((usable["a_free"] > 0).sum()),
        claim="mediation/positive-count",
        note="components taken as independent",
        **meta,
    )
    run.value("run-pairs/positive_at_worst", int((usable["a_bound"] > 0).sum()), **meta)
    run.value("run-pairs/median_at_worst", float(usable["a_bound"].median()), **meta)
    run.value(
        "run-pairs/median",
        float(usable["a_free"].median()),
        note="components taken as independent",
        claim="mediation/median-ratio",
        **meta,
    )
    for row in usable.itertuples():
        base = f"run-pairs/{row.tissue}/{row.granularity}/{_slug(row.pair)}"
        for name in ("residual", "p_free", "p_free_drawn", "p_bound", "p_bound_drawn"):
            run.value(f"{base}/{name}", getattr(row, name), **meta)
    meta["function"] = "analyses.mediation_bias.certificate_curves"
    for row in curves.to_dict("records"):
        scale = f"{row['lambda']:g}".replace(".", "_")
        key = f"{row['allocation']}/{scale}"
        claim = {"claim": CERTIFIED[key]} if key in CERTIFIED else {}
        run.value(f"certificates/{key}", row["fraction"], **meta, **claim)


def residual_sentence(published: pd.DataFrame, table: pd.DataFrame) -> str:
    """Say what is left of the published count."""
    usable = table[table["estimable"]]
    alone = published[published["positive"] & (published["n"] < LEAST_CELLS)]
    regulation = table[~table["self_pair"]]
    return (
        f"The paper counts {int(published['positive'].sum())} of {len(published)} run-pairs with a "
        f"positive bound; {len(alone)} of those hold a single cell, for which the standard error "
        f"was taken as 0. In one unit, {len(usable)} run-pairs are estimable. Taking components as "
        f"independent, {int((usable['a_free'] > 0).sum())} keep a positive bound "
        f"({int((usable['q_free'] < 0.05).sum())} at q < 0.05); with no assumption on their "
        f"dependence, **{int((usable['a_bound'] > 0).sum())}**. "
        f"{int(usable['self_pair'].sum())} of the {len(usable)} estimable run-pairs are "
        "self-pairs: the readout is the ablated gene itself. Of the "
        f"{len(regulation)} run-pairs about regulation, {int(regulation['estimable'].sum())} are "
        "estimable."
    )


def game_sentence(games: pd.DataFrame) -> str:
    """Say what a residual of zero hides, and how sampled Shapley values did."""
    hidden = games.loc["cancelling"]
    return (
        f"In the cancelling game the residual is {abs(hidden['residual']):.3f} although pairs "
        f"interact with {hidden['largest_pair']:.1f}; sampled Shapley values differ from exact "
        f"ones by at most {games['worst_z'].max():.1f} standard errors."
    )


def certificate_sentence(published: pd.DataFrame, corrected: pd.DataFrame) -> str:
    """Say what the certificates show."""
    first = published.query("allocation == 'uniform'").set_index("lambda")["fraction"]
    after = corrected.query("allocation == 'uniform'").set_index("lambda")["fraction"]
    return (
        f"Published, uniform allowance: {first[1.0]:.4f} of the component pairs at multiplier 1, "
        f"{first[3.0]:.4f} from 3 on. In one unit, with Student's t and without components that "
        f"are zero by construction: {after[1.0]:.4f} at 1 and {after[8.0]:.4f} at 8."
    )


def _slug(pair: str) -> str:
    return pair.replace("->", "-").lower()
