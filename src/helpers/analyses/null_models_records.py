"""Registry rows and sentences of the page on null models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from helpers.datasets.simulate.planted import role_of
from helpers.estimates import NotEstimable
from helpers.registry import TestRecord, record_of
from helpers.statistics.jackknife import LeaveOneOut
from helpers.statistics.results import Outcome

NOTEBOOK = "12_null_models"
DECLARED = tuple(f"12.{i}" for i in range(1, 12))
ALPHA = 0.05
HALF = 0.5
"""Share of the excess over chance from which one TF is said to carry a result."""

# hypothesis, statistic, null, claims
TEXT: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "12.1": (
        "attention ranks curated edges better than chance",
        "AUROC",
        "targets permuted within TF",
        ("crosstissue/trrust-auroc", "crosstissue/permutation-p"),
    ),
    "12.2": (
        "attention and the detection product differ",
        "AUROC(attention) - AUROC(detection product)",
        "no difference, TFs resampled in pairs",
        ("crosstissue/table6", "crosstissue/null-floor"),
    ),
    "12.3": (
        "attention and the expression product differ",
        "AUROC(attention) - AUROC(mean product)",
        "no difference, TFs resampled in pairs",
        ("crosstissue/table6",),
    ),
    "12.4": (
        "attention and the variance product differ",
        "AUROC(attention) - AUROC(variance product)",
        "no difference, TFs resampled in pairs",
        ("crosstissue/table6",),
    ),
    "12.5": (
        "attention ranks curated edges better than their degrees explain",
        "AUROC",
        "networks of the same degrees (curveball)",
        ("crosstissue/permutation-p",),
    ),
    "12.6": (
        "attention separates edges from expression-matched pairs",
        "within-set AUROC",
        "AUROC 0.5 within matched sets",
        ("matched/attention-auroc",),
    ),
    "12.7": (
        "matched: attention and the expression product differ",
        "difference of within-set AUROCs",
        "equal AUROC within matched sets",
        ("matched/gap", "matched/expression-baseline"),
    ),
    "12.8": (
        "matched: attention and its marginals differ",
        "difference of within-set AUROCs",
        "equal AUROC within matched sets",
        ("matched/marginal-attention",),
    ),
    "12.9": (
        "layers differ in AUROC",
        "range of AUROC over layers",
        "equal AUROCs, common TF resamples",
        ("crosstissue/table5",),
    ),
    "12.10": (
        "summed and averaged attention differ",
        "AUROC(sum) - AUROC(mean)",
        "no difference, TFs resampled in pairs",
        ("crosstissue/trrust-auroc",),
    ),
}

MATCHED = ("12.6", "12.7", "12.8")


def _common(number: str, scope: str, seed: int) -> dict:
    return {
        "test_id": f"{number}/{scope}",
        "notebook": NOTEBOOK,
        "paper": "A",
        "section": "3.3",
        "tag": "ATTN",
        "family": "F12",
        "seed": seed,
        "unit": "TF",
    }


def records(
    scope: str,
    tests: Mapping[str, Outcome | NotEstimable],
    influence: LeaveOneOut | NotEstimable,
    seed: int,
) -> Iterator[TestRecord]:
    """Yield the registry rows of one model or world.

    Parameters
    ----------
    scope
        ``"scgpt/baron/trrust"`` or ``"sim/prominence-only"``.
    tests
        From `helpers.analyses.null_models.battery`.
    influence
        From `helpers.analyses.null_models.one_tf`.
    seed
        Seed of the page.
    """
    for number, outcome in tests.items():
        hypothesis, statistic, null, claims = TEXT[number]
        fields = _common(number, scope, seed) | {
            "hypothesis": hypothesis,
            "statistic": statistic,
            "null": null,
            "claim_ids": claims,
            "role": role_of(f"{number}/{scope}"),
        }
        if number in MATCHED:
            fields["unit"] = "TF x target"
        yield record_of(outcome, **fields)
    fields = _common("12.11", scope, seed) | {
        "hypothesis": "the conclusion does not rest on one TF",
        "statistic": "largest influence of one TF on the AUROC",
        "test": "leave one TF out",
        "null": "none, descriptive",
        "role": "descriptive",
        "claim_ids": ("crosstissue/leave-one-tf",),
    }
    if isinstance(influence, NotEstimable):
        yield TestRecord(**fields, n_units=0, estimable=False, reason=influence.reason)
    else:
        top = influence.influence[abs(influence.influence).argmax()]
        yield TestRecord(**fields, n_units=len(influence.names), estimate=float(top))


def missing_records(scope: str, reason: str, seed: int) -> Iterator[TestRecord]:
    """Yield rows that say why nothing of a scope could be tested."""
    yield from records(scope, dict.fromkeys(TEXT, NotEstimable(reason)), NotEstimable(reason), seed)


def influence_sentence(influence: LeaveOneOut | NotEstimable) -> str:
    """Say whether one TF carries the result."""
    if isinstance(influence, NotEstimable):
        return f"Leaving out one TF is {influence}."
    share = influence.share_of_excess
    text = (
        f"Without {influence.most_influential} the AUROC {influence.value:.3f} changes by "
        f"{-influence.influence[abs(influence.influence).argmax()]:+.3f} "
        f"(jackknife SE {influence.se:.3f})"
    )
    if share is None:
        return f"{text}; there is no excess over 0.5 that a TF could carry."
    carried = "one TF carries the result" if share > HALF else "no single TF carries the result"
    return f"{text}; one TF accounts for {share:.0%} of the excess over 0.5 at most: {carried}."


def _p(outcome: Outcome | NotEstimable) -> str:
    if isinstance(outcome, NotEstimable):
        return str(outcome)
    sign = "floor " if outcome.p_floor and outcome.p <= outcome.p_floor * 1.001 else ""
    return f"{outcome.estimate:.3f}, p = {sign}{outcome.p:.2g}, {outcome.n_units} {outcome.unit}s"


def _found(outcome: Outcome | NotEstimable) -> bool | None:
    return None if isinstance(outcome, NotEstimable) else outcome.p <= ALPHA


def verdict(name: str, tests: Mapping[str, Outcome | NotEstimable], nulls: pd.DataFrame) -> str:
    """Say for one model what its attention knows beyond gene prominence, and what would change it.

    Parameters
    ----------
    name
        Label of the model.
    tests
        From `battery`.
    nulls
        From `null_table`.
    """
    degree, matched, rivals = tests["12.5"], tests["12.6"], tests["12.8"]
    chance = tests["12.1"]
    if _found(chance) is None and _found(degree) is None:
        return f"**{name}**: {chance}."
    if _found(degree) and _found(matched):
        claim = "carries pairwise information that neither degree nor expression explains"
        if not _found(rivals):
            claim += ", but none that its own marginals are shown to lack"
    elif _found(degree) or _found(matched):
        held = "degree-preserving null" if _found(degree) else "matched negatives"
        claim = f"passes one of two controls only (the {held}), which decides nothing"
    elif _found(chance):
        claim = "is above chance, but not shown to be above what degree or expression explain"
    else:
        claim = "is not shown to rank curated edges above chance"
    text = (
        f"**{name}**: attention {claim} (against chance: {_p(chance)}; same degrees: "
        f"{_p(degree)}; matched within-set AUROC: {_p(matched)}). "
    )
    worse = [
        product
        for product, number in (("detection", "12.2"), ("mean", "12.3"), ("variance", "12.4"))
        if _found(tests[number]) and tests[number].estimate < 0
    ]
    text += (
        f"It ranks below the product of {', '.join(worse)}. "
        if worse
        else "No gene-level product is shown to be better. "
    )
    table = nulls[(nulls["null"] == "same degrees") & (nulls["score"] == "co-expression")]
    if "p" in table and (table["p"] <= ALPHA).any():
        text += (
            "Co-expression beats the degree null as well, so beating it is not peculiar to "
            "attention. "
        )
    return text + (
        "More TFs with curated targets would narrow the intervals; a reference from perturbations "
        "could change the labels; another window of matching could change the third number."
    )
