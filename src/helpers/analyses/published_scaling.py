"""Paper A section 3.4 from archived results: Figure 2 and Table 7, fits redone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.analyses.archive_cells import Section, check
from helpers.archives.attention import read_saturation, read_scaling, read_validation
from helpers.archives.locate import Locate
from helpers.errors import DataError
from helpers.registry.claims import printed
from helpers.statistics.curve_fits import Fit, bootstrap_params, fit_all, selection_rates

HERE = "analyses.published_scaling"
LIMITS = (
    "This shows what the archived run gives, for one layer of a model larger than the one the text "
    "names. It does not show how the named model behaves."
)
EQUATION = {
    "exponential saturation": {"#0": ("a", 1), "#2": ("b", -1), "#3": ("c", 1)},
    "logarithmic": {"#0": ("a", 1), "#1": ("c", 1)},
    "linear": {"#0": ("a", 1), "#1": ("c", 1)},
}
"""Where each parameter stands in the printed equation, and its sign there."""


def means(locate: Locate) -> pd.DataFrame:
    """Return AUROC by number of cells: mean of the repeats and of their archived intervals."""
    runs, _ = read_scaling(locate)
    return runs.groupby("cells")[["auroc", "low", "high", "cell_types", "positives"]].mean()


def curves(locate: Locate) -> dict[str, pd.Series]:
    """Return every fitted curve on a fine grid of numbers of cells, for the figure."""
    points = means(locate)["auroc"]
    grid = np.linspace(points.index.min(), points.index.max(), 200)
    fits = fit_all(points.index.to_numpy(float), points.to_numpy())
    return {
        name: pd.Series(found.predict(grid), index=grid)
        for name, found in fits.items()
        if isinstance(found, Fit)
    }


def noise_sentence(locate: Locate) -> str:
    """Say how far the archived points lie from the curves that are fitted to them."""
    points = means(locate)["auroc"]
    fits = fit_all(points.index.to_numpy(float), points.to_numpy())
    found = [f"{fit.sd:.4f} ({name})" for name, fit in fits.items() if isinstance(fit, Fit)]
    return f"Residual standard deviation of the archived points: {', '.join(found)}."


def table7(locate: Locate, draws: int, seed: int) -> Section:
    """Refit the curves of Table 7 with AICc, intervals and selection rates.

    Parameters
    ----------
    locate
        Finds files of the archive.
    draws, seed
        Parametric-bootstrap point sets per true curve, and seed.
    """
    runs, about = read_scaling(locate)
    points = runs.groupby("cells")["auroc"].mean()
    n, y = points.index.to_numpy(float), points.to_numpy()
    fits = fit_all(n, y)
    if not all(isinstance(f, Fit) for f in fits.values()):
        raise DataError("A curve does not fit the archived points; fetch the archive again.")
    rng = np.random.default_rng(seed)
    rows = []
    for name, found in fits.items():
        limits = bootstrap_params(n, found, draws, rng)
        for key, value in found.params.items():
            interval = (found.low[key], found.high[key], *limits[key])
            rows.append((name, key, value, *interval, found.r2, found.aicc))
    columns = ["curve", "parameter", "estimate", "low", "high", "drawn_low", "drawn_high"]
    table = pd.DataFrame(rows, columns=[*columns, "r2", "aicc"])
    rates = {
        name: selection_rates(n, fits[name], draws, rng)
        for name in ("exponential saturation", "logarithmic")
    }
    picked = min(fits, key=lambda name: fits[name].aicc)
    share = [r[picked] for r in rates.values()]
    verdict = (
        f"AICc picks the {picked} curve, which it does in {share[0]:.0%} of draws when the "
        f"exponential is true and in {share[1]:.0%} when the logarithm is: nine points "
        + ("cannot tell them apart." if abs(share[0] - share[1]) < 0.1 else "can tell them apart.")
    )
    wrong = [n for n in ("logarithmic", "linear") if not _intercept_matches(n, fits[n])]
    if wrong:
        verdict += (
            f" The printed intercepts of the {' and '.join(wrong)} fit are not least squares."
        )
    corrected = {f"{_key(r.curve)}/{r.parameter}": r.estimate for r in table.itertuples()}
    corrected |= {f"aicc/{_key(name)}": found.aicc for name, found in fits.items()}
    corrected["selection/log_if_exponential"] = rates["exponential saturation"]["logarithmic"]
    corrected["selection/log_if_log"] = rates["logarithmic"]["logarithmic"]
    return Section(
        name="table7",
        checks=_checks(locate, runs, about, fits),
        table=table,
        note=f"Layer {about['best_layer']} of a model with at least {about['best_layer'] + 1} "
        f"layers, chosen elsewhere as best, on immune cells; not all layers and heads of a 6 x 4 "
        f"model. {about['n_repeats']} repeats per size.",
        verdict=verdict,
        function=f"{HERE}.table7",
        corrected=corrected,
    )


def _key(curve: str) -> str:
    return curve.replace(" ", "_")


def _intercept_matches(name: str, found: Fit) -> bool:
    part = "#1"
    path = f"scaling/table7[{name}].equation{part}"
    return bool(check("scaling/table7", {path: found.params["c"]}, function=HERE).n_match)


def _checks(locate: Locate, runs: pd.DataFrame, about: dict, fits: dict[str, Fit]) -> list:
    mean = runs.groupby("cells")["auroc"].mean()
    saturating = fits["exponential saturation"]
    a, b, c = (saturating.params[k] for k in "abc")
    cells = {}
    for name, found in fits.items():
        cells[f"scaling/table7[{name}].r2"] = found.r2
        for part, (key, sign) in EQUATION[name].items():
            cells[f"scaling/table7[{name}].equation{part}"] = sign * found.params[key]
    jump = mean[200] - mean[150]
    synthetic = read_saturation(locate).set_index(["completeness", "cell_count"])["auroc"]

    def loss(completeness: float) -> float:
        start, end = synthetic[completeness, 50], synthetic[completeness, 200]
        return float(100 * (start - end) / start)

    values = {
        "scaling/auroc-25": mean[25],
        "scaling/auroc-750": mean[750],
        "scaling/auroc-1000": mean[1000],
        "scaling/gain": mean[750] - mean[25],
        "scaling/jump-150-200": jump,
        "scaling/jump-150-200-relative": 100 * jump / mean[150],
        "scaling/baseline": c,
        "scaling/ceiling": a + c,
        "scaling/characteristic": 1 / b,
        "scaling/points": len(mean),
        "scaling/repeats": about["n_repeats"],
        "scaling/bootstrap": about["n_bootstrap"],
        "scaling/vocabulary": about["top_k_genes"],
        "scaling/mapped-edges": about["n_trrust_edges"],
        "scaling/positives": runs["positives"].mean(),
        "scaling/synthetic-complete": loss(1.0),
        "scaling/synthetic-incomplete": loss(0.5),
    }
    several = {
        "scaling/exp-fit": {"#0": a, "#2": -b, "#3": c, "#u0": saturating.r2},
        "scaling/dataset": dict(zip(("#0", "#1"), about["dataset_shape"], strict=True)),
        "models/geneformer-counts": {f"#{i}": size for i, size in enumerate(mean.index)},
    }
    # A run of layer 13 has 14 layers at least; the six of the text cannot be its model's.
    values["scaling/layers-heads#0"] = about["best_layer"] + 1
    decimals = {"scaling/characteristic": 0}
    checks = [check("scaling/table7", cells, function=f"{HERE}.table7")]
    checks += [
        check(claim, {claim + p: float(v) for p, v in parts.items()}, function=f"{HERE}.table7")
        for claim, parts in several.items()
    ]
    counts = {f"scaling/cell-counts#{i}": float(size) for i, size in enumerate(mean.index)}
    checks.append(check("scaling/cell-counts", counts, function=f"{HERE}.table7"))
    return checks + [
        check(claim, {claim: float(v)}, function=f"{HERE}.table7", decimals=decimals)
        for claim, v in values.items()
    ]


def synthetic(locate: Locate) -> Section:
    """Compare the printed synthetic validation (section 3.14) with its archived summary."""
    archived = read_validation(locate)
    claim = "synthetic/detectability-r"
    function = f"{HERE}.synthetic"
    r = archived["Theory-experiment correlation"]
    few, many = printed("synthetic/recovery-200").value, printed("synthetic/recovery-2000").value
    shapley, single = (
        printed("synthetic/shapley-rho").value,
        printed("synthetic/single-rho").value,
    )
    table = pd.DataFrame(
        {
            "printed": [few - many, shapley - single, printed(claim).value],
            "archived summary": [
                archived["Scaling degradation"],
                archived["Bias reduction by Shapley values"],
                r,
            ],
        },
        index=pd.Index(
            [
                "recovery lost from 200 to 2,000 cells",
                "gain of Shapley over single components",
                "correlation of predicted with observed detectability",
            ],
            name="figure",
        ),
    )
    return Section(
        name="synthetic",
        checks=[check(claim, {claim: r}, function=function)],
        table=table,
        note="A text file of three figures without data or seeds; which printed figures come from "
        "that run is not stated.",
        verdict="None of its three figures is the printed one, or follows from printed ones.",
        function=function,
    )
