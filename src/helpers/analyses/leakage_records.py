"""Test records and sentences of notebook 28.

Records on simulated worlds are controls, so they are descriptive; those on cells confirmatory.
"""

from __future__ import annotations

from helpers.analyses import leakage
from helpers.estimates import NotEstimable
from helpers.registry import TestRecord, record_of
from helpers.statistics.results import Outcome

NOTEBOOK = "28_leakage"
DECLARED = tuple(f"28.{i}" for i in range(1, 11))
TEXT = {
    "28.1": ("donor can be read from edge products (immune)", "balanced accuracy"),
    "28.2": ("donor can be read from edge products (lung)", "balanced accuracy"),
    "28.3": ("assay can be read from edge products (immune)", "AUC, folds grouped by donor"),
    "28.4": ("assay can be read from edge products (lung)", "AUC, folds grouped by donor"),
    "28.5": ("assay can be read from edge products (kidney)", "AUC, folds grouped by donor"),
    "28.6": ("edge products tell more of donors than their genes", "AUC difference over donors"),
    "28.7": ("balancing donors flags more edges than noise (immune)", "share flagged by ASI"),
    "28.8": ("balancing donors flags more edges than noise (lung)", "share flagged by ASI"),
    "28.9": ("edge scores differ between donors", "share of edges with Q-test q below 0.05"),
    "28.10": ("a score within a study exceeds that across donors", "within minus across"),
}
ABSENT = {
    "28.1": "the archive holds summaries only; the immune cells are not here",
    "28.2": "the archive holds summaries only; the lung cells are not here",
    "28.3": "no cells here carry an assay that varies within donor",
    "28.4": "no cells here carry an assay that varies within donor",
    "28.5": "kidney has one donor, so assay, batch and donor coincide",
    "28.7": "the archive holds summaries only; the immune cells are not here",
    "28.8": "the archive holds summaries only; the lung cells are not here",
    "28.10": "neither task nor metric of the printed gap is stated, and no file of it is archived",
}


def record(
    number: str, place: str, found: Outcome | NotEstimable, seed: int, role: str = "descriptive"
) -> TestRecord:
    """Turn an outcome of `helpers.analyses.leakage` into a row of the registry."""
    hypothesis, statistic = TEXT[number]
    if place not in ("immune", "lung", "kidney"):
        hypothesis = hypothesis.partition(" (")[0]
    fields = {
        "test_id": f"{number}/{place}",
        "notebook": NOTEBOOK,
        "hypothesis": hypothesis,
        "statistic": statistic,
        "family": "F28",
        "role": role,
        "paper": "A",
        "section": "3.12",
        "tag": "CORR",
        "unit": "donor",
        "seed": seed,
    }
    return record_of(found, **fields)


def not_here() -> list[TestRecord]:
    """Return the tests of the published tissues, whose cells are not here."""
    tissues = {
        "28.1": "immune", "28.2": "lung", "28.3": "immune", "28.4": "lung", "28.5": "kidney",
        "28.7": "immune", "28.8": "lung", "28.10": "lung",
    }  # fmt: skip
    return [
        record(number, place, NotEstimable(ABSENT[number]), 0, "confirmatory")
        for number, place in tissues.items()
    ]


def audit(run, place: str, cells: leakage.Cells, draws: int, seed: int, role: str) -> str:
    """Do 28.1, 28.6, 28.7 and 28.9 on one set of cells, keep values, and say what came out.

    Parameters
    ----------
    run
        Page of the notebook.
    place
        Name of the cells, for keys and identifiers.
    cells
        From `helpers.analyses.leakage`.
    draws, seed
        Permutations of every test, and seed.
    role
        ``"confirmatory"`` for cells, ``"descriptive"`` for a world.
    """
    scores, readable, added = leakage.donor_test(cells, draws, seed)
    shares, flagged = leakage.balance_test(cells, draws, seed)
    differ = leakage.heterogeneity_test(cells, draws, seed)
    tests = {"28.1": readable, "28.6": added, "28.7": flagged, "28.9": differ}
    for number, found in tests.items():
        run.test(record(number, place, found, seed, role))
        if not isinstance(found, NotEstimable):
            key = f"{place}/{number.replace('.', '_')}"
            run.value(f"{key}/estimate", found.estimate)
            run.value(f"{key}/p", found.p)
    for row in scores.to_dict("records"):
        run.value(f"{place}/{row['features'].replace(' ', '_')}/auc", row["auc"])
    for column in shares:
        for kind in shares.index:
            run.value(f"{place}/balance/{column}/{kind}", float(shares.loc[kind, column]))
    table = scores.set_index("features")
    text = (
        f"**{place}** ({len(cells.x)} cells, {cells.n_donors} donors, {len(cells.source)} edges): "
        f"donor AUC {table.loc['edges', 'auc']:.2f} from products, "
        f"{table.loc['genes', 'auc']:.2f} from their genes, "
        f"{table.loc['cell type', 'auc']:.2f} from cell type; balanced accuracy "
        f"{readable.estimate:.2f} (chance {1 / cells.n_donors:.2f}, p = {readable.p:.2g}). "
        f"Balancing flags {flagged.estimate:.1%} of edges, "
        f"{shares.loc['expected', 'flagged']:.1%} expected from noise (p = {flagged.p:.2g}). "
    )
    if isinstance(differ, NotEstimable):
        return text + f"Differences between donors: {differ}."
    return text + f"{differ.estimate:.1%} of edges differ between donors (p = {differ.p:.2g})."
