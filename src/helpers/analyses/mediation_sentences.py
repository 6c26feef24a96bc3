"""What the tables of notebook 50 say, in sentences made from their values."""

from __future__ import annotations

import pandas as pd

from helpers.statistics.results import Outcome


def coverage(design: pd.DataFrame) -> str:
    """Say what the panels allowed."""
    random, replay = design.loc["random"], design.loc["replay"]
    most = max(random.filter(like="tried in").drop("tried in all three"))
    return (
        f"The random panels tried {most} pairs in each tissue, {random['distinct pairs']} distinct "
        f"ones, of which **{random['tried in all three']}** were tried in all three tissues. "
        f"The {random['supported anywhere']} pairs of the paper are those with support somewhere. "
        f"Of the {replay['distinct pairs']} replayed pairs, all taken from the kidney panel, "
        f"{replay['tried in all three']} could be tried in all three tissues."
    )


def concentration(shares: pd.DataFrame, gap: Outcome) -> str:
    """Say whether concentration exceeds noise, and what the gap between kinds is."""
    above = int((shares["p_noise"] < 0.05).sum())
    verdict = (
        "No run is more concentrated than its noise alone would be"
        if above == 0
        else f"{above} of {len(shares)} runs are more concentrated than their noise alone"
    )
    return (
        f"{verdict}. The chance-corrected share of MLP parts exceeds that of blocks by "
        f"{gap.estimate:.3f}; archives in which nothing mediates give "
        f"{gap.detail['null_mean']:.3f} on average (SD {gap.detail['null_sd']:.3f}, z = "
        f"{gap.detail['z']:.2f}), because five of eleven is more than five of twenty-two. "
        f"p = {gap.p:.2f}; a gap of {gap.detail['mde']:.2f} would have been found with power 0.8. "
        "This page used to count bootstrap draws beyond 0, which rejects in every archive without "
        "a mediator, and called the gap significant."
    )


def overlap(table: pd.DataFrame) -> str:
    """Say which rows of Table 5 survive which null."""
    lost = _rows(table[table["shared_p_exact"] > 0.05])
    depth = table[table["depth_q"] < 0.05]
    text = (
        f"With non-zero components and shared sets kept together, p exceeds 0.05 for {lost}. "
        if lost
        else "All rows stay below p = 0.05 when shared sets are kept together. "
    )
    return text + (
        f"Against sets drawn within depth, {_rows(depth)} remain at q < 0.05."
        if len(depth)
        else "Against sets drawn within depth, **no row remains** at q < 0.05 (smallest p "
        f"{table['depth_p_exact'].min():.3f}): the overlap does not exceed what depth gives."
    )


def _rows(table: pd.DataFrame) -> str:
    names = {"blocks": "blocks", "mlp": "MLP"}
    return ", ".join(
        f"{names[g]} at k = {k}" for g, k in zip(table["granularity"], table["k"], strict=True)
    )


def specificity(table: pd.DataFrame) -> str:
    """Say whether overlap is specific to the pair."""
    at = table[table["k"] == 5].set_index("granularity")
    return (
        "Same pair minus other pair, top 5: "
        f"{at.loc['blocks', 'difference']:+.3f} for blocks (p = {at.loc['blocks', 'p_exact']:.2f}) "
        f"and {at.loc['mlp', 'difference']:+.3f} for MLP parts (p = {at.loc['mlp', 'p_exact']:.2f})"
        f"; the smallest p that two pairs allow is {table['p_floor'].min():.2f}."
    )


def components(table: pd.DataFrame) -> str:
    """Say what is left of Table 7."""
    total = table[["published_of_top10", "t_of_top10", "bh_of_all"]].sum()
    left = table[table["bh_of_all"] > 0]
    where = ", ".join(
        f"{n} of {of} {g} in {t}"
        for t, g, n, of in zip(
            left["tissue"], left["granularity"], left["bh_of_all"], left["tested"], strict=True
        )
    )
    return (
        f"The paper counts {total['published_of_top10']} of 60; with Student's t "
        f"{total['t_of_top10']}; after testing all components with Benjamini-Hochberg "
        f"{total['bh_of_all']}{f' ({where})' if where else ''}. With no effect anywhere, selection "
        f"and normal intervals alone would give about {table['expected_selected_exact'].sum():.0f}."
    )


def worlds(table: pd.DataFrame) -> str:
    """Say how the overlap tests behave where the truth is known."""
    depth = table.loc["depth only"]
    return (
        f"In the world with depth only, free random sets reject in {depth['random sets']:.0%} and "
        f"sets within depth in {depth['within depth']:.0%} of simulations. Specificity is "
        f"{table.loc['one circuit', 'specificity']:+.2f} when both pairs share one circuit and "
        f"{table.loc['two circuits', 'specificity']:+.2f} when each has its own."
    )
