"""Test records, stored values and sentences of notebook 20.

Records on simulated worlds are controls, so they are descriptive; the archive's are confirmatory.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from helpers.analyses import scaling
from helpers.estimates import NotEstimable
from helpers.registry import TestRecord, record_of
from helpers.statistics.results import Outcome

NOTEBOOK = "20_scaling"
DECLARED = tuple(f"20.{i}" for i in range(1, 8))
_COMMON = {"notebook": NOTEBOOK, "family": "F20", "paper": "A", "section": "3.4", "tag": "ATTN"}
TEXT = {
    "20.1": ("AUROC rises with the number of cells", "AUROC difference, most minus fewest"),
    "20.2": ("AUROC falls between the two largest sizes", "AUROC difference, 750 minus 1,000"),
    "20.3": ("a step departs from the fitted curve", "largest absolute step residual (AUROC)"),
    "20.6": ("AUROC depends on the number of states at fixed n", "rank correlation in replicates"),
    "20.7": ("AUROC has no trend at fixed composition", "slope of AUROC per doubling of cells"),
}


def record(
    number: str, place: str, found: Outcome | NotEstimable, seed: int, role: str = "descriptive"
) -> TestRecord:
    """Turn an outcome of `helpers.analyses.scaling` into a row of the registry."""
    hypothesis, statistic = TEXT[number]
    fields = {
        "test_id": f"{number}/{place}",
        "hypothesis": hypothesis,
        "statistic": statistic,
        "role": role,
        "seed": seed,
        **_COMMON,
    }
    if isinstance(found, NotEstimable):
        fields["unit"] = "seed"
    if number == "20.7":
        fields["sides"] = "-"
    return record_of(found, **fields)


def fall_record(place: str, counted: tuple[int, int, float], variant: str, seed: int | None):
    """Return 20.5: the sign test of F1 over runs."""
    down, n, p = counted
    return TestRecord(
        test_id=f"20.5/{place}",
        hypothesis="F1 of the top pairs falls with the number of cells in every run",
        statistic="runs that fall",
        estimate=down,
        test="exact binomial",
        null="rise and fall are equally likely",
        sides="one",
        unit="run" if variant == "published" else "seed",
        n_units=n,
        p=p,
        p_floor=0.5**n,
        role="confirmatory" if variant == "published" else "descriptive",
        variant=variant,
        claim_ids=("multiplicity/q-scaling",) if variant == "published" else (),
        seed=seed,
        **_COMMON,
    )


def printed_fall() -> TestRecord:
    """Return 20.5 as printed for the older design: 9 of 9 runs."""
    return fall_record(
        "published", (9, 9, float(stats.binomtest(9, 9, 0.5, "greater").pvalue)), "published", None
    )


def archive_records(runs: pd.DataFrame, draws: int, seed: int) -> list[TestRecord]:
    """Return 20.1 to 20.4 on the archived repeats.

    Parameters
    ----------
    runs
        As from `helpers.archives.attention.read_scaling`.
    draws, seed
        Parametric-bootstrap point sets, and seed.
    """
    at = {n: part["auroc"].to_numpy() for n, part in runs.groupby("cells")}
    rows = []
    for number, high, low in (("20.1", 750, 25), ("20.2", 750, 1000)):
        value, p, floor = scaling.repeats_exchange(at[high], at[low])
        found = Outcome(
            estimate=value, p=p, sides="one", test="exact permutation of repeats",
            null="repeats of both sizes are exchangeable", unit="draw",
            n_units=at[high].size + at[low].size, p_floor=floor,
        )  # fmt: skip
        rows.append(record(number, "archive", found, seed, "confirmatory"))
    mean = runs.groupby("cells")["auroc"].mean()
    n, y = mean.index.to_numpy(float), mean.to_numpy()
    step = scaling.largest_step(n, y, draws, seed)
    return [*rows, record("20.3", "archive", step, seed, "confirmatory"), _aicc(n, y, draws, seed)]


def _aicc(n: np.ndarray, y: np.ndarray, draws: int, seed: int) -> TestRecord:
    fits = [scaling.fit(name, n, y) for name in ("exponential saturation", "logarithmic")]
    common = {
        "test_id": "20.4/archive",
        "hypothesis": "saturation describes the points better than a logarithm",
        "statistic": "AICc of the exponential minus that of the logarithm",
        "null": "logarithmic curve with independent normal noise",
        "unit": "draw",
        "role": "descriptive",
        "seed": seed,
        "claim_ids": ("scaling/table7",),
        **_COMMON,
    }
    bad = [f for f in fits if isinstance(f, NotEstimable)]
    if bad:
        return TestRecord(**common, test="-", n_units=n.size, estimable=False, reason=bad[0].reason)
    observed, log = fits[0].aicc - fits[1].aicc, fits[1]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        points = log.predict(n) + log.sd * rng.normal(size=n.size)
        pair = [scaling.fit(f.name, n, points) for f in fits]
        if all(not isinstance(f, NotEstimable) for f in pair):
            drawn.append(pair[0].aicc - pair[1].aicc)
    drawn = np.array(drawn)
    tail = min((drawn <= observed).sum(), (drawn >= observed).sum())
    return TestRecord(
        **common,
        estimate=observed,
        test="parametric bootstrap, twice the smaller tail",
        sides="two",
        n_units=n.size,
        resamples=drawn.size,
        p=min(1.0, 2 * (1 + tail) / (1 + drawn.size)),
        p_floor=2 / (1 + drawn.size),
    )


def keep(run, record: TestRecord) -> TestRecord:
    """Record a test on the page and keep its estimate and p as values."""
    run.test(record)
    base = f"tests/{record.test_id.replace('.', '_')}"
    if record.estimable:
        run.value(f"{base}/estimate", record.estimate)
        run.value(f"{base}/p", record.p)
    return record


def control_sentence(name: str, rise: TestRecord, fall: TestRecord) -> str:
    """Say what the two paired tests find in a world."""
    if not (rise.estimable and fall.estimable):
        return f"**{name}**: not estimable ({rise.reason or fall.reason})."
    up = "a rise" if rise.p < 0.05 else "no rise"
    down = "a decline" if fall.p < 0.05 else "no decline"
    return (
        f"**{name}**: {up} from the fewest cells to 750 ({rise.estimate:+.3f}, "
        f"p = {rise.p:.3g}) and {down} from 750 to 1,000 ({fall.estimate:+.3f} as 750 minus "
        f"1,000, p = {fall.p:.3g}); {rise.n_units} replicates, smallest possible p "
        f"{rise.p_floor:.2g}."
    )


def archive_sentence(rows: list[TestRecord]) -> str:
    """Say what two repeats per size and nine sizes can decide."""
    rise, fall, step, choice = rows
    text = (
        f"With two repeats per size no permutation p can be below {rise.p_floor:.2g}, so neither "
        f"the rise ({rise.estimate:+.3f}, p = {rise.p:.2g}) nor the drop from 750 to 1,000 "
        f"({fall.estimate:.3f}, p = {fall.p:.2g}) can be confirmed. "
    )
    if step.estimable:
        text += (
            f"The largest departure of a step from the fitted curve is {step.estimate:.3f} "
            f"(p = {step.p:.2g}); all steps are searched, because the one from 150 to 200 cells "
            "was singled out after seeing them. "
        )
    if choice.estimable:
        text += (
            f"AICc of saturation minus logarithm is {choice.estimate:+.1f} "
            f"(p = {choice.p:.2g} under the logarithm)."
        )
    return text


ARCHIVE_TESTS = tuple(f"20.{i}/archive" for i in range(1, 5))
"""Identifiers of the tests that only the archive can give."""


def trend_sentence(row: TestRecord) -> str:
    """Say whether the trend at fixed composition is inside the margin."""
    if not row.estimable:
        return f"Trend at fixed composition: not estimable ({row.reason})."
    inside = "shown" if row.p < 0.05 else "not shown"
    return (
        f"With the shares of the states fixed, AUROC changes by {row.estimate:+.3f} for each "
        f"doubling of the cells (90 % interval {row.ci_low:+.3f} to {row.ci_high:+.3f}): it is "
        f"{inside} to change by less than 0.02."
    )


def not_here() -> list[TestRecord]:
    """Return 20.6 and 20.7 on the published model, which need data that are not here."""
    reason = "needs the published model's weights and the 20,000 immune cells; neither is archived"
    return [
        record(number, "immune", NotEstimable(reason), 0, "confirmatory")
        for number in ("20.6", "20.7")
    ]
