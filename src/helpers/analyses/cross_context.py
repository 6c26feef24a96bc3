"""Agreement of component effects between tissues: paper A section 3.8 from the archived runs."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pandas as pd
from scipy import stats

from helpers.analyses.archive_cells import CellCheck, check
from helpers.archives.locate import Locate
from helpers.archives.mediation import read_components, read_effects
from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.banded_ranks import banded_test
from helpers.statistics.from_summaries import mean_test, resample_means
from helpers.statistics.multiplicity import adjust
from helpers.statistics.shared_sets import jaccard, membership

TISSUE_PAIRS = (("immune", "kidney"), ("immune", "lung"), ("kidney", "lung"))
LEAST_CELLS = 3
HERE = "analyses.cross_context.published_checks"
KEYS = ["pair", "tissue_a", "tissue_b", "granularity"]


def load(locate: Locate, tier: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return component effects and total effects of a tier (``"initial"`` or ``"refined"``)."""
    return read_components(locate, tier), read_effects(locate, tier)


def comparisons(components: pd.DataFrame) -> list[tuple[tuple, pd.DataFrame, pd.DataFrame]]:
    """List every pair that was traced in two tissues, components aligned by place."""
    found = []
    for granularity, part in components.groupby("granularity", sort=False):
        for pair, rows in part.groupby("pair", sort=False):
            for first, second in TISSUE_PAIRS:
                a, b = (_profile(rows, tissue) for tissue in (first, second))
                if len(a) and len(b):
                    found.append(((pair, first, second, granularity), a, b))
    return found


def missing_comparisons(components: pd.DataFrame) -> pd.DataFrame:
    """List the tissue pairs in which a TF-target pair cannot be compared, with the reason."""
    rows = []
    for pair, part in components.groupby("pair", sort=False):
        tissues = set(part["tissue"])
        for first, second in TISSUE_PAIRS:
            absent = [t for t in (first, second) if t not in tissues]
            if absent:
                rows.append((pair, f"{first}-{second}", f"not traced in {' and '.join(absent)}"))
    return pd.DataFrame(rows, columns=["pair", "tissues", "reason"])


def published_comparisons(components: pd.DataFrame) -> pd.DataFrame:
    """Spearman over all components with the p of independent components, BH over the rows."""
    rows = []
    for key, a, b in comparisons(components):
        result = stats.spearmanr(a["mean"], b["mean"])
        rows.append((*key, len(a), result.statistic, result.pvalue))
    table = pd.DataFrame(rows, columns=[*KEYS, "components", "rho", "p"])
    table["q"] = adjust(table["p"].to_numpy())
    return table


def published_checks(components: pd.DataFrame) -> list[CellCheck]:
    """Compare the printed range of rho and the number of survivors with the recomputed ones."""
    table = published_comparisons(components)
    note = "All six are self-pairs: the readout is the ablated gene's own token."
    low, high = float(table["rho"].min()), float(table["rho"].max())
    ends = {"consistency/rho-range#low": low, "consistency/rho-range#high": high}
    counts = {"consistency/survivors#0": float((table["q"] < 0.05).sum())}
    counts["consistency/survivors#1"] = float(len(table))
    return [
        check("consistency/rho-range", ends, function=HERE, note=note),
        check("consistency/survivors", counts, function=HERE, note=note),
    ]


def corrected_comparisons(
    components: pd.DataFrame, effects: pd.DataFrame, draws: int, seed: int
) -> pd.DataFrame:
    """Agreement between tissues beyond depth, with what limits it.

    ``rho``: Spearman over components that are not zero by construction, with a parametric
    bootstrap interval (means redrawn from t laws); ``p_t``: p of independent components;
    ``statistic, p_exact, p_drawn``: permutation within layers (blocks) or within two-layer bands
    after a monotone depth fit (MLP), counted and drawn, one-sided; ``q`` BH over the estimable
    rows. ``reliability_*``: share of the variance of the means that is not sampling noise;
    ``rho_attenuated`` where both exceed 0.3. ``rho_output``: rho after each tissue's effects are
    multiplied by the sign of its mean total effect, that is in the direction of the output;
    ``sign_known``: whether both total effects differ from zero (t interval).
    """
    rng = np.random.default_rng(seed)
    signs = effects.set_index(["granularity", "pair", "tissue"])
    rows = []
    for key, a, b in comparisons(components):
        pair, first, second, granularity = key
        source, target = pair.split("->")
        kept = ((a["mean"] != 0) | (b["mean"] != 0)).to_numpy()
        a, b = a[kept], b[kept]
        row = dict(zip(KEYS, key, strict=True)) | {"self_pair": source == target}
        row |= {"components": len(a), "n_a": int(a["n"].iloc[0]), "n_b": int(b["n"].iloc[0])}
        row |= _correlation(a, b, draws, rng)
        sign = [signs.loc[(granularity, pair, tissue)] for tissue in (first, second)]
        output = np.sign(sign[0]["mean"] * sign[1]["mean"])
        row["rho_output"], row["sign_known"] = output * row["rho"], _known(sign)
        row |= _agreement(a["mean"].to_numpy(), b["mean"].to_numpy())
        row |= _beyond_depth(a, b, granularity, draws, rng)
        rows.append(row)
    table = pd.DataFrame(rows)
    usable = table["p_exact"].notna()
    table.loc[usable, "q"] = adjust(table.loc[usable, "p_exact"].to_numpy(float))
    return table


def _correlation(a: pd.DataFrame, b: pd.DataFrame, draws: int, rng) -> dict:
    result = stats.spearmanr(a["mean"], b["mean"])
    drawn = [resample_means(x["mean"], x["se"], x["n"], draws, rng) for x in (a, b)]
    ranks = [stats.rankdata(x, axis=1) - (len(a) + 1) / 2 for x in drawn]
    rho = (ranks[0] * ranks[1]).sum(1) / np.sqrt((ranks[0] ** 2).sum(1) * (ranks[1] ** 2).sum(1))
    low, high = np.quantile(rho, [0.025, 0.975])
    row = {"rho": float(result.statistic), "p_t": float(result.pvalue)}
    row |= {"rho_low": float(low), "rho_high": float(high)}
    row["reliability_a"], row["reliability_b"] = _reliability(a), _reliability(b)
    both = min(row["reliability_a"], row["reliability_b"])
    product = np.sqrt(max(row["reliability_a"] * row["reliability_b"], 0))
    row["rho_attenuated"] = row["rho"] / product if both > 0.3 else np.nan
    return row


def _reliability(part: pd.DataFrame) -> float:
    """Share of the variance of component means that sampling noise does not explain."""
    total = part["mean"].var(ddof=1)
    return float(max(0.0, 1 - (part["se"] ** 2).mean() / total))


def _known(effects: list[pd.Series]) -> bool:
    """Say whether the t interval of each total effect leaves zero out."""
    tests = [mean_test(e["mean"], e["se"], e["n"], student=True) for e in effects]
    return all(bool(test.excludes_zero) for test in tests)


def _agreement(a: np.ndarray, b: np.ndarray) -> dict:
    row = {"sign_agreement": float((np.sign(a) == np.sign(b)).mean())}
    for k in (3, 5, 8, 10):
        if k <= a.size:
            row[f"jaccard_{k}"] = float(jaccard(membership(a, k), membership(b, k)))
    return row


def _beyond_depth(a: pd.DataFrame, b: pd.DataFrame, granularity: str, draws: int, rng) -> dict:
    if min(a["n"].min(), b["n"].min()) < LEAST_CELLS:
        return {"reason": f"fewer than {LEAST_CELLS} cells in a tissue"}
    layers = a["layer"].to_numpy()
    mlp = granularity == "mlp"
    result = banded_test(
        a["mean"].to_numpy(),
        b["mean"].to_numpy(),
        layers // 2 if mlp else layers,
        draws=draws,
        rng=rng,
        detrend=layers if mlp else None,
    )
    if isinstance(result, NotEstimable):
        return {"reason": result.reason}
    names = ("statistic", "p_exact", "p_drawn", "floor", "arrangements")
    return {name: getattr(result, name) for name in names} | {"reason": ""}


def cross_pair(components: pd.DataFrame) -> pd.DataFrame:
    """Spearman between tissues for the same and for different TF-target pairs.

    Returns
    -------
    pandas.DataFrame
        ``granularity, tissue_a, tissue_b, pair_a, pair_b, same, rho``; pairs with fewer than
        3 cells are left out.
    """
    rows = []
    usable = components[components["n"] >= LEAST_CELLS]
    for granularity, part in usable.groupby("granularity", sort=False):
        pairs = list(dict.fromkeys(part["pair"]))
        for first, second in TISSUE_PAIRS:
            for one in pairs:
                for other in pairs:
                    a = _profile(part[part["pair"] == one], first)
                    b = _profile(part[part["pair"] == other], second)
                    if len(a) and len(b):
                        rho = stats.spearmanr(a["mean"], b["mean"]).statistic
                        rows.append((granularity, first, second, one, other, one == other, rho))
    names = ["granularity", "tissue_a", "tissue_b", "pair_a", "pair_b", "same", "rho"]
    return pd.DataFrame(rows, columns=names)


def pair_specificity(table: pd.DataFrame, draws: int, seed: int) -> dict[str, float | int]:
    """Same-pair minus cross-pair rho, p by permuting pair labels in the second tissue.

    Labels are permuted within each pair of tissues, the same way for both granularities; all
    arrangements are counted, and drawn as a check.

    Parameters
    ----------
    table
        As from `cross_pair`.
    """
    grids = []
    for _, part in table.groupby(["tissue_a", "tissue_b"], sort=False):
        grid = part.groupby(["pair_a", "pair_b"])["rho"].mean().unstack()
        same = np.array([[a == b for b in grid.columns] for a in grid.index])
        if same.any():
            grids.append((grid.to_numpy(), same))
    observed = _difference(grids, [s for _, s in grids])
    options = [_relabelled(same) for _, same in grids]
    law = np.array([_difference(grids, choice) for choice in product(*options)])
    rng = np.random.default_rng(seed)
    drawn = np.array(
        [
            _difference(grids, [option[rng.integers(len(option))] for option in options])
            for _ in range(draws)
        ]
    )
    hits = int((drawn >= observed - 1e-9).sum())
    return {
        "difference": observed,
        "p_exact": float((law >= observed - 1e-9).mean()),
        "p_drawn": (1 + hits) / (1 + draws),
        "floor": float((law >= law.max() - 1e-9).mean()),
        "arrangements": len(law),
        "pairs": int(table.loc[table["same"], "pair_a"].nunique()),
    }


def _relabelled(same: np.ndarray) -> list[np.ndarray]:
    """Return the marks of "same pair" under every relabelling of the longer side."""
    marks = same if same.shape[0] >= same.shape[1] else same.T
    moved = [marks[list(order)] for order in permutations(range(marks.shape[0]))]
    return moved if marks.shape == same.shape else [m.T for m in moved]


def _difference(grids, marks) -> float:
    same = np.concatenate([g[m] for (g, _), m in zip(grids, marks, strict=True)])
    other = np.concatenate([g[~m] for (g, _), m in zip(grids, marks, strict=True)])
    return float(same.mean() - other.mean())


def differing_components(components: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """Welch tests of equal component effects between tissues, BH within each comparison.

    ``p_fisher`` combines the components as if they were independent, hence descriptive.
    ``share_drawn``: mean share of p < 0.05 when cells are drawn with equal means and the archived
    standard deviations, which should be near 0.05 if Welch's p can be trusted at this n.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for key, a, b in comparisons(components):
        kept = ((a["m2"] > 0) & (b["m2"] > 0)).to_numpy()
        a, b = a[kept], b[kept]
        if not len(a) or min(a["n"].min(), b["n"].min()) < LEAST_CELLS:
            continue
        p = _welch(a, b)
        q = adjust(p)
        noise = [rng.normal(size=(draws, len(x))) * x["se"].to_numpy() for x in (a, b)]
        spread = [
            x["sd"].to_numpy() * np.sqrt(rng.chisquare(n - 1, (draws, len(x))) / (n - 1))
            for x, n in ((a, a["n"].to_numpy()), (b, b["n"].to_numpy()))
        ]
        null = stats.ttest_ind_from_stats(
            noise[0], spread[0], a["n"].to_numpy(), noise[1], spread[1], b["n"].to_numpy(), False
        ).pvalue
        fisher = stats.combine_pvalues(p).pvalue
        rows.append((*key, len(a), (p < 0.05).mean(), (q < 0.05).mean(), fisher))
        rows[-1] += (float((null < 0.05).mean()),)
    names = ["components", "share_p", "share_q", "p_fisher", "share_drawn"]
    return pd.DataFrame(rows, columns=[*KEYS, *names])


def _welch(a: pd.DataFrame, b: pd.DataFrame) -> np.ndarray:
    result = stats.ttest_ind_from_stats(
        *(x[name].to_numpy() for x in (a, b) for name in ("mean", "sd", "n")), equal_var=False
    )
    return np.asarray(result.pvalue)


def _profile(rows: pd.DataFrame, tissue: str) -> pd.DataFrame:
    part = rows[rows["tissue"] == tissue]
    return part.sort_values(["layer", "block"]).reset_index(drop=True)


def simulate_profiles(
    world: str, draws: int, seed: int, layers: int = 11, noise: float = 0.3
) -> pd.DataFrame:
    """Draw two tissues from a world whose truth is known, and test them both ways.

    Parameters
    ----------
    world
        ``"depth-only"``: effects fade as exp(-layer / 4), component identities random;
        ``"same-circuit"``: the same effects in both tissues, with noise;
        ``"opposite-sign"``: the same effects, of opposite sign.
    draws, seed
        Number of simulated comparisons and seed.
    layers, noise
        Layers with two blocks each, and noise relative to a block's own effect.

    Returns
    -------
    pandas.DataFrame
        Per draw: ``rho``, ``p_t`` (two-sided, components as units) and ``p_banded`` (one-sided,
        within layers).
    """
    if world not in ("depth-only", "same-circuit", "opposite-sign"):
        raise ParameterError(f"No world {world!r}; use depth-only, same-circuit or opposite-sign.")
    rng = np.random.default_rng(seed)
    depth = np.repeat(np.arange(layers), 2)
    fade = np.exp(-depth / 4)
    rows = []
    for _ in range(draws):
        a = fade * rng.lognormal(sigma=0.8, size=depth.size)
        if world == "depth-only":
            b = fade * rng.lognormal(sigma=0.8, size=depth.size)
        else:
            b = a * np.exp(noise * rng.normal(size=depth.size))
        b = -b if world == "opposite-sign" else b
        plain = stats.spearmanr(a, b)
        banded = banded_test(a, b, depth, draws=10, rng=rng)
        rows.append((plain.statistic, plain.pvalue, banded.p_exact))
    return pd.DataFrame(rows, columns=["rho", "p_t", "p_banded"])


def world_rates(draws: int, seed: int, alpha: float = 0.05) -> pd.DataFrame:
    """Return mean rho and rejection rates of both tests in the three simulated worlds."""
    rows = {}
    for i, world in enumerate(("depth-only", "same-circuit", "opposite-sign")):
        found = simulate_profiles(world, draws, seed + i)
        rows[world] = {
            "rho": found["rho"].mean(),
            "p_t": (found["p_t"] < alpha).mean(),
            "p_banded": (found["p_banded"] <= alpha).mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def scatter_panels(components: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return title and points of every comparison, for the figure."""
    panels = []
    for (pair, first, second, granularity), a, b in comparisons(components):
        points = pd.DataFrame({"a": a["mean"], "b": b["mean"], "layer": a["layer"]})
        rho = stats.spearmanr(a["mean"], b["mean"]).statistic
        name = pair.split("->")[0]
        panels.append((f"{name}, {granularity}\n{first}-{second}, rho {rho:.2f}", points))
    return panels


def refined_sentence(table: pd.DataFrame) -> str:
    """Say what the second tier shows."""
    usable = table[table["q"].notna()]
    turned = table[(table["rho"] < 0) & table["sign_known"]]
    text = (
        f"rho runs from {table['rho'].min():.2f} to {table['rho'].max():.2f}; "
        f"{int((usable['q'] < 0.05).sum())} of {len(usable)} estimable comparisons agree beyond "
        f"depth at q < 0.05, and {len(table) - len(usable)} have too few cells."
    )
    if len(turned):
        where = ", ".join(dict.fromkeys(turned["pair"]))
        text += (
            f" For {where} a negative rho stands where both total effects have a known sign: "
            "there the ratio of single cells is unstable, because some cells have effects near "
            "zero of either sign."
        )
    return text
