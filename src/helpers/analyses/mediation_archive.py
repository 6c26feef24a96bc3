"""The archived runs of paper B with the right estimators (published ones: mediation_published)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from helpers.archives.locate import Locate
from helpers.archives.mediation import TISSUES, read_components, read_effects, read_panels
from helpers.statistics.concentration import Run, share_gap_test
from helpers.statistics.from_summaries import (
    chance_corrected_share,
    effective_number,
    mean_test,
    normal_noncoverage,
    resample_means,
    top_share,
)
from helpers.statistics.results import Outcome
from helpers.statistics.selected_hits import expected_selected_hits
from helpers.statistics.shared_sets import (
    cross_table,
    independent_null,
    label_draws,
    label_null,
    mean_same,
    membership,
    specificity,
    triple_draws,
    triple_null,
)
from helpers.statistics.top_share_law import expected_noise_share

TOP = (3, 5, 8, 10)
THRESHOLDS = (1, 3, 5, 10)
PRINTED = {"blocks": "Heads", "mlp": "MLP"}
TISSUE_PAIRS = (("kidney", "lung"), ("kidney", "immune"), ("lung", "immune"))


@dataclass(frozen=True)
class MediationArchive:
    """The tables of the mediation archive that the analyses need.

    Parameters
    ----------
    components, effects
        Refined tier: two pairs in three tissues.
    panels
        Pairs tried in the discovery panels, with supporting cells.
    """

    components: pd.DataFrame
    effects: pd.DataFrame
    panels: pd.DataFrame

    @property
    def pairs(self) -> list[str]:
        """Names of the traced pairs, in order of appearance."""
        return list(dict.fromkeys(self.effects["pair"]))


@dataclass(frozen=True)
class Scores:
    """Mean restorations of one granularity as an array.

    Parameters
    ----------
    values
        Shape (pairs, tissues, components).
    layers
        Layer of each component.
    bands
        Depth band of each component: its layer (blocks) or two neighbouring layers (MLP).
    """

    values: np.ndarray
    layers: np.ndarray
    bands: np.ndarray


def load(locate: Locate) -> MediationArchive:
    """Read the archive."""
    return MediationArchive(
        read_components(locate, "refined"), read_effects(locate, "refined"), read_panels(locate)
    )


def scores(archive: MediationArchive, granularity: str, *, structural: bool) -> Scores:
    """Return mean restorations, with or without the components that are zero by construction.

    Patching the source token in the last layer cannot reach another token's output, so those
    components are exactly zero in every pair and tissue.
    """
    part = archive.components.query("granularity == @granularity")
    wide = part.pivot_table(index=["pair", "tissue"], columns=["layer", "block"], values="mean")
    order = pd.MultiIndex.from_product([archive.pairs, TISSUES])
    wide = wide.reindex(order)
    values = wide.to_numpy().reshape(len(archive.pairs), len(TISSUES), -1)
    kept = np.ones(values.shape[-1], bool) if structural else (values != 0).any((0, 1))
    layers = wide.columns.get_level_values("layer").to_numpy()[kept]
    bands = layers if granularity == "blocks" else layers // 2
    return Scores(values[..., kept], layers, bands)


def coverage(archive: MediationArchive) -> pd.DataFrame:
    """Count pairs with enough cells per panel and threshold (Table 1)."""
    rows = []
    for panel in ("random", "replay"):
        part = archive.panels.query("panel == @panel")
        for least in THRESHOLDS:
            enough = part[part["n"] >= least]
            kept = [set(enough.loc[enough["tissue"] == t, "pair"]) for t in TISSUES]
            rows.append((panel, str(least), *map(len, kept), len(set.intersection(*kept))))
    return indexed(rows, ["panel", "min_cells"], [*TISSUES, "shared"])


def coverage_design(archive: MediationArchive) -> pd.DataFrame:
    """Show how many pairs of a panel were tried in each tissue, and in all three.

    A pair that was never tried in a tissue cannot be shared; the last column bounds the shared
    count of Table 1 whatever the cells say.
    """
    rows = []
    for panel in ("random", "replay"):
        part = archive.panels.query("panel == @panel")
        tried = [set(part.loc[part["tissue"] == t, "pair"]) for t in TISSUES]
        supported = set(part.query("n >= 1")["pair"])
        union, shared = set.union(*tried), set.intersection(*tried)
        rows.append((panel, *map(len, tried), len(union), len(supported), len(shared)))
    columns = [f"tried in {t}" for t in TISSUES]
    columns += ["distinct pairs", "supported anywhere", "tried in all three"]
    return indexed(rows, ["panel"], columns)


def total_effects(archive: MediationArchive) -> pd.DataFrame:
    """Total effects with the published normal and the right Student-t interval, p and BH q."""
    part = archive.effects.query("granularity == 'mlp'").reset_index(drop=True)
    normal = mean_test(part["mean"], part["se"], part["n"], student=False)
    student = mean_test(part["mean"], part["se"], part["n"], student=True)
    table = part[["pair", "tissue", "n", "mean", "se"]].copy()
    table["normal_low"], table["normal_high"] = normal.low, normal.high
    table["t_low"], table["t_high"], table["p"] = student.low, student.high, student.p
    table["q"] = false_discovery_control(student.p)
    table["noncoverage_of_normal"] = normal_noncoverage(part["n"])
    order = pd.MultiIndex.from_product([archive.pairs, TISSUES])
    return table.set_index(["pair", "tissue"]).loc[order].reset_index(names=["pair", "tissue"])


def concentration(archive: MediationArchive, draws: int, seed: int) -> pd.DataFrame:
    """Top-5 share of each run, its chance correction, and what noise alone would give.

    ``noise_share`` is the mean top-5 share when every true mean is zero and only the archived
    standard errors act, drawn; ``noise_share_exact`` is the same expectation by integration;
    ``p_noise`` is the share of such draws at or above the observed one.
    Structurally zero components are left out.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for (granularity, pair, tissue), part in archive.components.groupby(
        ["granularity", "pair", "tissue"], sort=False
    ):
        part = part[part["m2"] > 0]
        values = part["mean"].to_numpy()
        noise = resample_means(np.zeros(len(part)), part["se"], part["n"], draws, rng)
        share, random = float(top_share(values, 5)), top_share(noise, 5)
        p = (1 + int((random >= share).sum())) / (1 + draws)
        over_even, number = (
            float(chance_corrected_share(values, 5)),
            float(effective_number(values)),
        )
        run = (granularity, pair, tissue, int(part["n"].iloc[0]), len(part))
        exact = expected_noise_share(part["se"].to_numpy(), part["n"].to_numpy(), 5)
        rows.append((*run, share, over_even, number, float(random.mean()), exact, p))
    names = ["granularity", "pair", "tissue", "n", "components", "top5_share"]
    names += ["chance_corrected", "effective_number", "noise_share", "noise_share_exact", "p_noise"]
    return pd.DataFrame(rows, columns=names)


def concentration_gap(archive: MediationArchive, draws: int, seed: int) -> Outcome:
    """Test MLP minus block chance-corrected top-5 share against archives without mediators."""
    runs: dict[str, list[Run]] = {"mlp": [], "blocks": []}
    for (granularity, *_), part in archive.components.groupby(["granularity", "pair", "tissue"]):
        part = part[part["m2"] > 0]
        runs[granularity].append(Run(*(part[x].to_numpy(float) for x in ("mean", "se", "n"))))
    rng = np.random.default_rng(seed)
    return share_gap_test(runs["mlp"], runs["blocks"], 5, rng, min(draws, 1999))


def overlap(archive: MediationArchive, draws: int, seed: int) -> pd.DataFrame:
    """Observed mean Jaccard per granularity and k, with published and right null expectations.

    Columns ending in ``_exact`` are counted, those in ``_drawn`` Monte-Carlo with `draws` draws.
    ``plug_in``: the paper's expectation; ``independent``: N with the zero components, six
    independent comparisons (the paper's permutation); ``shared``: non-zero components, three
    sets per pair kept together (null a); ``depth``: the same within depth bands (null b).
    """
    rng = np.random.default_rng(seed)
    rows = []
    for granularity in PRINTED:
        full = scores(archive, granularity, structural=True).values
        kept = scores(archive, granularity, structural=False)
        for k in TOP:
            sets = membership(kept.values, k)
            observed = mean_same(sets)
            row = {"granularity": granularity, "k": k, "observed": observed}
            row["n_published"], row["n_components"] = full.shape[-1], kept.values.shape[-1]
            shared = k * k / full.shape[-1]
            row["plug_in"] = shared / (2 * k - shared)
            laws = {
                "independent": independent_null(k, full.shape[-1], 3 * len(sets)),
                "shared": triple_null(sets),
                "depth": triple_null(sets, kept.bands),
            }
            for name, law in laws.items():
                row[f"{name}_mean_exact"] = law.mean
                row[f"{name}_p_exact"] = law.upper_tail(observed)
            row["depth_p_floor"] = laws["depth"].floor
            for name, bands in (("shared", None), ("depth", kept.bands)):
                drawn = triple_draws(sets, bands, draws, rng)
                row[f"{name}_mean_drawn"] = float(drawn.mean())
                hits = int((drawn >= observed - 1e-9).sum())
                row[f"{name}_p_drawn"] = (1 + hits) / (1 + draws)
            rows.append(row)
    table = pd.DataFrame(rows)
    table["shared_q"] = false_discovery_control(table["shared_p_exact"])
    table["depth_q"] = false_discovery_control(table["depth_p_exact"])
    return table


def pair_specificity(archive: MediationArchive, draws: int, seed: int) -> pd.DataFrame:
    """Same-pair minus cross-pair overlap per granularity and k, p by permuting pair labels."""
    rng = np.random.default_rng(seed)
    rows = []
    for granularity in PRINTED:
        values = scores(archive, granularity, structural=False).values
        for k in TOP:
            sets = membership(values, k)
            table = cross_table(sets)
            observed, law = specificity(table), label_null(table)
            drawn = label_draws(table, draws, rng)
            hits = int((drawn >= observed - 1e-9).sum())
            same, floor = mean_same(sets), 1 / 2 ** (sets.shape[1] - 1)
            exact, sampled = law.upper_tail(observed), (1 + hits) / (1 + draws)
            rows.append((granularity, k, same, same - observed, observed, exact, sampled, floor))
    names = ["granularity", "k", "same_pair", "cross_pair", "difference"]
    return pd.DataFrame(rows, columns=[*names, "p_exact", "p_drawn", "p_floor"])


def component_tests(archive: MediationArchive) -> pd.DataFrame:
    """Test every non-zero component against zero: Student t, BH within tissue and granularity."""
    part = archive.components[archive.components["m2"] > 0].copy()
    for name, student in (("normal", False), ("t", True)):
        test = mean_test(part["mean"], part["se"], part["n"], student=student)
        part[f"{name}_excludes_zero"] = test.excludes_zero
    part["p"] = test.p
    part["q"] = part.groupby(["tissue", "granularity"])["p"].transform(false_discovery_control)
    ranks = part.groupby(["tissue", "granularity"])["mean"].transform(
        lambda x: x.abs().rank(ascending=False, method="first")
    )
    part["top10"] = ranks <= 10
    return part


def component_counts(archive: MediationArchive, draws: int, seed: int) -> pd.DataFrame:
    """Table 7 with each defect removed in turn, and what noise alone would put into it.

    ``expected_selected_exact`` and ``_drawn``: mean count of normal intervals that exclude zero
    among the ten largest when every true mean is zero, by integration and by drawing;
    ``expected_unselected_exact`` and ``_drawn``: the same over all components, by the closed
    form and by drawing.
    """
    tested = component_tests(archive)
    rng = np.random.default_rng(seed)
    rows = []
    for (tissue, granularity), part in tested.groupby(["tissue", "granularity"], sort=False):
        top = part[part["top10"]]
        n, sd = part["n"].to_numpy(float), part["sd"].to_numpy()
        mean = rng.normal(size=(draws, len(part))) * sd / np.sqrt(n)
        se = sd * np.sqrt(rng.chisquare(n - 1, size=(draws, len(part))) / (n - 1)) / np.sqrt(n)
        hits = np.abs(mean) > 1.959964 * se
        largest = np.argsort(-np.abs(mean), axis=1, kind="stable")[:, :10]
        selected = np.take_along_axis(hits, largest, axis=1).sum(1).mean()
        counts = (int(top["normal_excludes_zero"].sum()), int(top["t_excludes_zero"].sum()))
        exact = expected_selected_hits(sd, n, min(10, len(part)))
        counts += (int((part["q"] < 0.05).sum()), len(part), exact, float(selected))
        expected = (float(normal_noncoverage(n).sum()), float(hits.sum(1).mean()))
        rows.append((tissue, granularity, *counts, *expected))
    names = ["tissue", "granularity", "published_of_top10", "t_of_top10", "bh_of_all", "tested"]
    names += ["expected_selected_exact", "expected_selected_drawn"]
    names += ["expected_unselected_exact", "expected_unselected_drawn"]
    return pd.DataFrame(rows, columns=names)


def sign_consistency(archive: MediationArchive) -> pd.DataFrame:
    """Both readings of sign consistency: mean sign, and share of tissues that agree."""
    rows = []
    for pair, part in archive.effects.query("granularity == 'mlp'").groupby("pair", sort=False):
        sign = np.sign(part["mean"].to_numpy())
        majority = max((sign > 0).mean(), (sign < 0).mean())
        rows.append((pair, abs(sign.mean()), majority, int(part["n"].min())))
    return indexed(rows, ["pair"], ["abs_mean_sign", "share_agreeing", "min_cells"])


def tissue_overlap(archive: MediationArchive, k: int = 5) -> pd.DataFrame:
    """Mean top-k Jaccard index of each pair of tissues (Table 4) and of each TF-target pair."""
    rows = []
    for granularity in PRINTED:
        sets = membership(scores(archive, granularity, structural=False).values, k)
        table = cross_table(sets)
        for first, second in TISSUE_PAIRS:
            a, b = TISSUES.index(first), TISSUES.index(second)
            each = [float(table[i, a, i, b]) for i in range(len(sets))]
            rows.append((granularity, f"{first}-{second}", *each, np.mean(each)))
    return pd.DataFrame(rows, columns=["granularity", "tissues", *archive.pairs, "mean"])


def indexed(rows: list[tuple], keys: list[str], columns: list[str]) -> pd.DataFrame:
    """Return rows as a table indexed by its leading columns."""
    return pd.DataFrame(rows, columns=[*keys, *columns]).set_index(keys)


def all_overlaps(
    archive: MediationArchive, granularity: str, k: int = 5
) -> tuple[np.ndarray, list[str]]:
    """Return the Jaccard index of every two top sets as a square matrix, with labels."""
    sets = membership(scores(archive, granularity, structural=False).values, k)
    size = sets.shape[0] * sets.shape[1]
    labels = [f"{pair}, {tissue}" for pair in archive.pairs for tissue in TISSUES]
    return cross_table(sets).reshape(size, size), labels
