"""Test records and stored values of notebook 50 from the tables of `mediation_archive`."""

from __future__ import annotations

from itertools import product

import pandas as pd

from helpers.analyses.mediation_archive import PRINTED, MediationArchive, component_tests
from helpers.registry import TestRecord, record_of
from helpers.statistics.multiplicity import simes
from helpers.statistics.results import Outcome

NOTEBOOK = "50_mediation_circuits"
DECLARED = tuple(f"50.{i}" for i in range(1, 21))
_COMMON = {"notebook": NOTEBOOK, "family": "F50", "paper": "B", "tag": "ATTN"}
_LEAST = 3


def slug(text: str) -> str:
    """Return a name fit for keys and test identifiers: ``KLF2->CXCR4`` becomes ``klf2-cxcr4``."""
    return text.replace("->", "-").lower()


def effect_records(table: pd.DataFrame) -> list[TestRecord]:
    """Return tests 50.1 to 50.6: total effects."""
    records = []
    for number, row in enumerate(table.itertuples(), start=1):
        known = row.n >= _LEAST
        extra: dict = {"p": row.p, "ci_low": row.t_low, "ci_high": row.t_high}
        if not known:
            extra = {"estimable": False, "reason": f"{row.n} cells; at least {_LEAST} needed"}
        records.append(
            TestRecord(
                test_id=f"50.{number}/{slug(row.pair)}/{row.tissue}",
                section="5.2",
                hypothesis=f"ablating the TF of {row.pair} changes the readout in {row.tissue}",
                statistic="mean total effect, output units",
                estimate=row.mean,
                test="one-sample t from archived mean and standard deviation",
                null="mean total effect is zero; cells independent and normal",
                sides="two",
                unit="cell",
                n_units=row.n,
                role="confirmatory",
                claim_ids=("b/table2",),
                **_COMMON,
                **extra,
            )
        )
    return records


def overlap_records(table: pd.DataFrame, archived_p: dict[str, float], seed: int, draws: int):
    """Return tests 50.7 to 50.14 (random sets) and 50.17, 50.18 (random within depth)."""
    records = []
    for number, row in enumerate(table.itertuples(), start=7):
        records.append(_overlap(f"50.{number}", row, "shared", seed, draws))
        if row.k == 5:
            depth = {"blocks": "50.17", "mlp": "50.18"}[row.granularity]
            records.append(_overlap(depth, row, "depth", seed, draws))
            records.append(_published_overlap(f"50.{number}", row, archived_p[row.granularity]))
    return records


def _overlap(number: str, row, kind: str, seed: int, draws: int) -> TestRecord:
    null = {
        "shared": f"top sets are random {row.k}-subsets of {row.n_components} components",
        "depth": "top sets are random within bands of equal depth",
    }[kind]
    return TestRecord(
        test_id=f"{number}/{row.granularity}/k{row.k}",
        section="5.5",
        hypothesis=f"top-{row.k} {row.granularity} are shared between tissues"
        + (" beyond their depth" if kind == "depth" else ""),
        statistic="mean Jaccard index over 2 TF-target pairs and 3 tissue pairs",
        estimate=row.observed,
        test=f"exact count of arrangements (checked with {draws} draws)",
        null=null + "; the three sets of a TF-target pair kept together",
        sides="one",
        unit="component",
        n_units=row.n_components,
        p=getattr(row, f"{kind}_p_exact"),
        p_floor=row.depth_p_floor if kind == "depth" else None,
        role="confirmatory",
        claim_ids=("b/table5",),
        seed=seed,
        **_COMMON,
    )


def _published_overlap(number: str, row, p: float) -> TestRecord:
    return TestRecord(
        test_id=f"{number}/{row.granularity}/k{row.k}",
        section="5.5",
        hypothesis=f"top-{row.k} {row.granularity} are shared between tissues",
        statistic="mean Jaccard index",
        estimate=row.observed,
        test="permutation, as archived",
        null=f"six independent pairs of random subsets of {row.n_published} components",
        sides="one",
        unit="pair",
        n_units=6,
        resamples=10_000,
        p=p,
        role="confirmatory",
        variant="published",
        claim_ids=("b/table5", "b/p-heads" if row.granularity == "blocks" else "b/p-mlp"),
        **_COMMON,
    )


def specificity_records(table: pd.DataFrame, seed: int) -> list[TestRecord]:
    """Return tests 50.15 and 50.16: specificity of the overlap to the TF-target pair."""
    rows = table[table["k"] == 5]
    return [
        TestRecord(
            test_id=f"{number}/{row.granularity}/k5",
            section="5.6",
            hypothesis=f"top-5 {row.granularity} of one TF-target pair agree more between tissues "
            "than those of different pairs",
            statistic="same-pair minus cross-pair mean Jaccard index",
            estimate=row.difference,
            test="exact permutation of pair labels within tissues",
            null="pair labels are exchangeable within a tissue",
            sides="one",
            unit="TF",
            n_units=2,
            p=row.p_exact,
            p_floor=row.p_floor,
            role="confirmatory",
            seed=seed,
            **_COMMON,
        )
        for number, row in zip(("50.15", "50.16"), rows.itertuples(), strict=True)
    ]


def concentration_record(gap: Outcome, seed: int) -> TestRecord:
    """Return test 50.19: concentration in MLP parts against blocks."""
    return record_of(
        gap,
        test_id="50.19",
        section="5.3",
        hypothesis="restoration is more concentrated in MLP parts than in residual blocks",
        statistic="difference of chance-corrected top-5 shares",
        role="confirmatory",
        claim_ids=("b/table3",),
        seed=seed,
        **_COMMON,
    )


def component_records(archive: MediationArchive) -> list[TestRecord]:
    """Return tests 50.20: any mediating component, per tissue and kind."""
    records = []
    for (tissue, granularity), part in component_tests(archive).groupby(
        ["tissue", "granularity"], sort=False
    ):
        found = int((part["q"] < 0.05).sum())
        records.append(
            TestRecord(
                test_id=f"50.20/{tissue}/{granularity}",
                section="5.7",
                hypothesis=f"at least one of the {granularity} mediates in {tissue}",
                statistic="components with q < 0.05",
                estimate=found,
                test="Simes over Student t tests of all non-zero components",
                null="all mean restorations are zero",
                sides="two",
                unit="cell",
                n_units=int(part["n"].max()),
                p=simes(part["p"].to_numpy()),
                role="descriptive",
                claim_ids=("b/table7",),
                **_COMMON,
            )
        )
    return records


def store_corrected(run, tables: dict[str, pd.DataFrame]) -> None:
    """Keep the corrected values of the page.

    Parameters
    ----------
    run
        Page of the notebook.
    tables
        ``overlap, tissues, specificity, counts, concentration, effects, signs, design`` as from
        `mediation_archive`.
    """
    for row in tables["overlap"].itertuples():
        base, label = f"table5/{row.granularity}/{row.k}", f"{PRINTED[row.granularity]} {row.k}"
        cells = {"shared_mean_exact": f"b/table5[{label}].random"}
        if row.k == 5:
            cells["shared_p_exact"] = f"b/table5[{label}].perm_p"
        for null, what, route in product(("shared", "depth"), ("mean", "p"), ("exact", "drawn")):
            name = f"{null}_{what}_{route}"
            _keep(run, f"{base}/{name}", getattr(row, name), "overlap", cells.get(name))
        if row.k == 5:
            claim = {"blocks": "b/p-heads", "mlp": "b/p-mlp"}[row.granularity]
            _keep(run, f"{base}/p", row.shared_p_exact, "overlap", claim)
    expected = tables["overlap"].query("k == 5").set_index("granularity")["shared_mean_exact"]
    for row in tables["tissues"].itertuples():
        cell = f"b/table4[{PRINTED[row.granularity]} {row.tissues.title()}].jaccard"
        beyond = row.mean - expected[row.granularity]
        _keep(run, f"table4/{row.granularity}/{row.tissues}/beyond", beyond, "overlap", cell)
    for row in tables["specificity"].itertuples():
        claim = "b/max-jaccard" if (row.granularity, row.k) == ("mlp", 5) else None
        key = f"specificity/{row.granularity}/{row.k}"
        _keep(run, key, row.difference, "pair_specificity", claim)
    for panel, row in tables["design"].iterrows():
        cell = f"b/table1[{panel} 1].shared"
        _keep(run, f"table1/{panel}/bound", row["tried in all three"], "coverage_design", cell)
    for row in tables["counts"].itertuples():
        base = f"table7/{row.tissue}/{row.granularity}"
        cell = f"b/table7[{row.tissue.capitalize()} {PRINTED[row.granularity]}].significant"
        _keep(run, f"{base}/t_of_top10", row.t_of_top10, "component_counts", cell)
        _keep(run, f"{base}/bh_of_all", row.bh_of_all, "component_counts")
    for row in tables["concentration"].itertuples():
        base = f"table3/{row.tissue}/{row.granularity}/{slug(row.pair)}"
        _keep(run, f"{base}/top5_share", row.top5_share, "concentration")
        _keep(run, f"{base}/noise_share", row.noise_share, "concentration")
        _keep(run, f"{base}/noise_share_exact", row.noise_share_exact, "concentration")
    shares = tables["concentration"].groupby(["tissue", "granularity"])["chance_corrected"].mean()
    for (tissue, granularity), share in shares.items():
        cell = f"b/table3[{tissue.capitalize()} {PRINTED[granularity]}].top5_mass"
        key = f"table3/{tissue}/{granularity}/chance_corrected"
        _keep(run, key, share, "concentration", cell)
    for granularity, claim in (("blocks", "b/top5-mass-heads"), ("mlp", "b/top5-mass-mlp")):
        part = shares.xs(granularity, level="granularity")
        for end, value in (("low", part.min()), ("high", part.max())):
            key = f"table3/{granularity}/chance_corrected/{end}"
            _keep(run, key, value, "concentration", f"{claim}#{end}")
    for row in tables["effects"].itertuples():
        base = f"table2/{slug(row.pair)}/{row.tissue}"
        cell = f"b/table2[{row.pair} {row.tissue.capitalize()}]"
        _keep(run, f"{base}/t_lo", row.t_low, "total_effects", f"{cell}.ci_lo")
        _keep(run, f"{base}/t_hi", row.t_high, "total_effects", f"{cell}.ci_hi")
    for pair, row in tables["signs"].iterrows():
        cell = f"b/table6[{pair}].sign_consistency"
        share = row["share_agreeing"]
        _keep(run, f"table6/{slug(pair)}/share_agreeing", share, "sign_consistency", cell)


def _keep(run, key: str, value: float, function: str, claim: str | None = None) -> None:
    meta = {"variant": "corrected", "function": f"analyses.mediation_archive.{function}"}
    run.value(key, value, **meta, **({"claim": claim} if claim else {}))
