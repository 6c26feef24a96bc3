"""Registry rows and sentences of the page on state-wise aggregation."""

from __future__ import annotations

import pandas as pd

from helpers.analyses.cssi_scan import CEILING
from helpers.datasets.simulate import T2_CONFIGURATIONS
from helpers.datasets.simulate.planted import role_of
from helpers.estimates import NotEstimable
from helpers.registry import TestRecord, record_of
from helpers.statistics.results import Outcome

NOTEBOOK = "11_cssi"
DECLARED = tuple(f"11.{i}" for i in range(1, 16))
ALPHA = 0.05

# hypothesis, statistic, unit, claims
TEXT: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    **{
        f"11.{i}": (
            "with the true states, CSSI-max finds more edges than pooling",
            "F1(CSSI-max) - F1(pooled)",
            "seed",
            ("cssi/table2",),
        )
        for i in range(1, 7)
    },
    "11.7": (
        "with the true states, CSSI-max finds more edges in all configurations together",
        "F1(CSSI-max) - F1(pooled)",
        "draw",
        ("registry/cssi-p",),
    ),
    "11.8": (
        "pooled F1 falls with the number of states",
        "minus Spearman's rho",
        "draw",
        ("cssi/pooled-f1-decline",),
    ),
    "11.9": (
        "strata estimated by K-means change F1",
        "F1(K-means strata) - F1(pooled)",
        "draw",
        ("cssi/stratification",),
    ),
    "11.10": ("the gain needs the right labels", "gain", "draw", ("a2/cssi-fig1",)),
    "11.11": ("the gain needs the right labels", "gain", "draw", ("a2/cssi-fig1",)),
    "11.12": ("the gain needs the right targets", "gain", "draw", ("a2/cssi-fig1",)),
    "11.13": (
        "CSSI changes the AUROC of attention, layer and variant chosen on other TFs",
        "AUROC(CSSI) - AUROC(pooled)",
        "TF",
        ("cssi/table3", "registry/cssi-real-q"),
    ),
    "11.14": (
        "layers chosen on one half of the cells do better on the other",
        "mean AUROC of the chosen layers",
        "TF",
        ("cssi/heldout-auroc", "cssi/heldout-p"),
    ),
    "11.15": (
        "calibrated calls exceed a false share of 0.05",
        "mean false share",
        "draw",
        (),
    ),
}


T2_SCOPES = {
    **dict(
        zip(
            (f"11.{i}" for i in range(1, 7)),
            (f"sim/{place.name}" for place in T2_CONFIGURATIONS),
            strict=True,
        )
    ),
    **dict.fromkeys(("11.7", "11.8", "11.9"), "sim/all"),
    **dict.fromkeys(("11.10", "11.11", "11.12"), "sim/Large"),
}
"""Test of design T2 -> what it is made on."""


def record(
    number: str,
    scope: str,
    outcome: Outcome | NotEstimable,
    seed: int,
    variant: str = "corrected",
) -> TestRecord:
    """Return the registry row of one test.

    Parameters
    ----------
    number
        ``"11.1"`` to ``"11.15"``.
    scope
        What it was done on: ``"sim/Small"``, ``"scgpt/baron/trrust"``.
    outcome
        The test, or why there is none.
    seed
        Seed of the page.
    variant
        ``"published"`` for a row that repeats the paper's choice of null.
    """
    hypothesis, statistic, unit, claims = TEXT[number]
    fields = {
        "test_id": f"{number}/{scope}",
        "notebook": NOTEBOOK,
        "paper": "A",
        "section": "3.2",
        "tag": "ATTN",
        "family": "F11",
        "seed": seed,
        "hypothesis": hypothesis,
        "statistic": statistic,
        "role": role_of(f"{number}/{scope}"),
        "claim_ids": claims,
        "variant": variant,
    }
    if isinstance(outcome, NotEstimable):
        fields["unit"] = unit
    return record_of(outcome, **fields)


def table2_sentence(table: pd.DataFrame) -> str:
    """Say what Table 2 shows with the true states, and with estimated ones."""
    within = int(table[["pooled_within", "cssi_within"]].to_numpy().sum())
    worse = int((table["kmeans"] < table["pooled"]).sum())
    return (
        f"{within} of {2 * len(table)} mean F1 values lie within one published standard deviation. "
        f"With the true states CSSI-max reaches {table['oracle'].min():.2f} to "
        f"{table['oracle'].max():.2f}. With K-means strata on the same draws F1 is "
        f"{table['kmeans'].min():.2f} to {table['kmeans'].max():.2f}, below pooled in {worse} of "
        f"{len(table)} configurations; with clusters from another noisy copy it is "
        f"{table['kmeans_split'].min():.2f} to {table['kmeans_split'].max():.2f}, where pooling "
        f"the scored copy gives {table['pooled_split'].min():.2f} to "
        f"{table['pooled_split'].max():.2f}."
    )


def table4_sentence(table: pd.DataFrame) -> str:
    """Say how close design T4 is to its ceiling, and what its ratios are made of."""
    return (
        f"With 40 calls for 20 true edges F1 cannot exceed {CEILING:.3f}; CSSI stays at most "
        f"{table['below_ceiling'].max():.3f} below it. The gap grows from "
        f"{table['gap'].iloc[0]:.2f} at {table.index[0]} states to {table['gap'].iloc[-1]:.2f} at "
        f"{table.index[-1]} because pooled F1 falls from {table['pooled'].iloc[0]:.2f} to "
        f"{table['pooled'].iloc[-1]:.2f}."
    )


def real_sentence(name: str, nested: Outcome | NotEstimable, layers: pd.DataFrame) -> str:
    """Say what is left of the best gain once layer and variant are chosen elsewhere."""
    text = (
        f"**{name}**: the best variant on the scored data gains {layers['gain'].max():+.3f} in one "
        f"layer ({layers['gain'].mean():+.3f} on average, {layers['positives'].iloc[0]} positives)"
    )
    if isinstance(nested, NotEstimable):
        return f"{text}; the gain after choosing on other TFs is {nested}."
    word = "differs from zero" if nested.p <= ALPHA else "cannot be told from zero"
    return (
        f"{text}; after choosing on other TFs it is {nested.estimate:+.3f} "
        f"[{nested.low:.3f}, {nested.high:.3f}] and {word} (p = {nested.p:.2g}, "
        f"{nested.n_units} TFs)."
    )


def verdict(
    table: pd.DataFrame,
    nulls: dict[str, Outcome | NotEstimable],
    false: Outcome | NotEstimable,
    nested: dict[str, Outcome | NotEstimable],
) -> str:
    """Return the computed conclusion of the page, and what would change it."""
    oracle = "gains in every" if (table["gap"] > 0).all() else "does not gain in every"
    estimated = (
        "also gain"
        if (table["kmeans_split"] > table["pooled_split"]).all()
        else (
            "do not"
            if (table["kmeans_split"] <= table["pooled_split"]).all()
            else "gain in some only"
        )
    )
    text = (
        f"With the true states, aggregation {oracle} configuration of the design (gap "
        f"{table['gap'].min():.2f} to {table['gap'].max():.2f}); estimated strata {estimated}. "
    )
    held = [n for n, o in nulls.items() if isinstance(o, Outcome) and o.p <= ALPHA]
    text += f"The gain exceeds {len(held)} of {len(nulls)} label nulls. "
    if isinstance(false, Outcome):
        exceeds = "more than" if false.p <= ALPHA else "not shown to be more than"
        text += f"Calibrated calls have a false share of {false.estimate:.3f}, {exceeds} 0.05. "
    done = {n: o for n, o in nested.items() if isinstance(o, Outcome)}
    gained = [n for n, o in done.items() if o.p <= ALPHA and o.estimate > 0]
    if done:
        text += (
            f"On attention of trained models the gain after nested choice is above zero in "
            f"{len(gained)} of {len(done)} cases. "
        )
    else:
        text += "On attention of trained models nothing could be estimated. "
    return text + (
        "States that differ in mean expression, so that clustering can find them, would change the "
        "second statement; more TFs with curated targets in these cells would change the last."
    )
