"""What the co-expression page concludes: sentences that follow from the values."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from helpers.analyses.coexpression import MARGIN, Findings
from helpers.estimates import Estimate, NotEstimable
from helpers.registry.claims import load_claims
from helpers.statistics.results import Outcome

ALPHA = 0.05


def _holds(outcome: Outcome | NotEstimable) -> bool | None:
    return None if isinstance(outcome, NotEstimable) else outcome.p <= ALPHA


def association_sentence(found: Findings) -> str:
    """Say whether attention follows co-expression, and how much is left beyond gene-level terms."""
    first, second = found.tests["10.1"], found.tests["10.2"]
    if isinstance(first, NotEstimable):
        return f"The association with co-expression is {first}."
    verb = "follows" if _holds(first) else "does not detectably follow"
    text = (
        f"Pooled attention {verb} co-expression (rho = {first.estimate:.2f}, "
        f"p = {first.p:.2g} with genes as units)."
    )
    size = found.shared.size
    if isinstance(size, Outcome):
        text += (
            f" With the size of co-expression, whatever its sign, rho is {size.estimate:.2f} "
            f"(p = {size.p:.2g})."
        )
    if isinstance(second, NotEstimable):
        return f"{text} Beyond gene-level terms the association is {second}."
    partial = second.detail["partial"]
    left = "is left" if _holds(second) else "is not detectable"
    text += (
        f" Beyond gene-level terms an association {left}: co-expression adds "
        f"{100 * second.estimate:.1f} % of the variance (partial rho {partial:.2f}, "
        f"p = {second.p:.2g}), the terms alone explain {100 * second.detail['r2_terms']:.1f} %."
    )
    if partial < 0:
        text += " Its sign is negative, which is not the association that the claim names."
    return text


def regulation_sentence(found: Findings) -> str:
    """Say whether attention ranks curated regulation, and what a non-rejection is worth."""
    test, same = found.tests["10.3"], found.tests["10.5"]
    counts = (
        f"{found.universe['n_positive']} positives of {found.universe['n_tfs_with_positive']} TFs"
    )
    if not isinstance(found.auroc, Estimate):
        return f"AUROC {found.auroc} ({counts})."
    text = f"AUROC {found.auroc} ({counts})."
    if isinstance(test, NotEstimable):
        return f"{text} A test is {test}."
    differs, inside = _holds(test), _holds(same)
    text += f" Permuted targets give {test.detail['null_mean']:.3f} on average."
    if differs and test.estimate > test.detail["null_mean"]:
        text += f" The ranking of targets is better (p = {test.p:.2g})."
    elif differs:
        text += f" The ranking is worse (p = {test.p:.2g})."
    else:
        text += f" The difference is not detectable (p = {test.p:.2g})."
    if inside:
        text += f" The AUROC lies within 0.45 and 0.55 (equivalence p = {same.p:.2g})."
    elif inside is False:
        text += (
            f" That it lies within 0.45 and 0.55 is not shown (equivalence p = {same.p:.2g}), "
            "so absence of a signal is not established."
        )
    return text


def comparison_sentence(found: Findings) -> str:
    """Say whether co-expression ranks regulation better than attention."""
    test = found.tests["10.4"]
    if isinstance(test, NotEstimable):
        return f"The comparison with co-expression is {test}."
    which = "better than" if test.estimate > 0 else "worse than"
    if not _holds(test):
        which = "neither better nor worse, detectably, than"
    return (
        f"The size of co-expression ranks regulation {which} attention "
        f"(difference {test.estimate:.3f} [{test.low:.3f}, {test.high:.3f}], p = {test.p:.2g})."
    )


def verdict(findings: Mapping[str, Findings]) -> str:
    """Return the page's verdict as Markdown: one item per model, data set and reference."""
    lines = []
    for key, found in findings.items():
        model, data, reference = key.split("/")
        lines.append(
            f"- **{model} on {data}, {reference}.** {association_sentence(found)} "
            f"{regulation_sentence(found)} {comparison_sentence(found)}"
        )
    return "\n".join(lines)


def summary(findings: Mapping[str, Findings]) -> str:
    """Return one paragraph: in how many analyses each part of the paper's statement holds."""

    def count(number: str, wanted: bool = True) -> tuple[int, int]:
        keys = {
            (key if number not in ("10.1", "10.2") else key.rpartition("/")[0]): found
            for key, found in findings.items()
        }
        known = [_holds(found.tests[number]) for found in keys.values()]
        known = [answer for answer in known if answer is not None]
        return sum(answer is wanted for answer in known), len(known)

    follows, beyond = count("10.1"), count("10.2")
    signal, absent = count("10.3"), count("10.5")
    return (
        f"Attention follows co-expression in {follows[0]} of {follows[1]} models and data sets, "
        f"and beyond gene-level terms in {beyond[0]} of {beyond[1]}. "
        f"Its ranking of regulation differs from permuted targets in {signal[0]} of {signal[1]} "
        f"analyses; an AUROC within 0.45 and 0.55 is established in {absent[0]} of {absent[1]}. "
        "These counts are of uncorrected p values; the registry page corrects them together."
    )


def change_sentence(findings: Mapping[str, Findings]) -> str:
    """Say what would change the verdict: how many TFs the undecided analyses would need.

    An analysis is undecided if neither a signal (10.3) nor its absence (10.5) is established. The
    half width of an interval falls with the root of the number of TFs; absence can be established
    once the 90 % interval fits into 0.5 +/- 0.05.
    """
    undecided = {
        key: found.auroc
        for key, found in findings.items()
        if _holds(found.tests["10.3"]) is not True
        and _holds(found.tests["10.5"]) is not True
        and isinstance(found.auroc, Estimate)
        and found.auroc.low is not None
    }
    if not undecided:
        return "Every analysis is decided; another model or reference could still decide otherwise."
    half = {key: (one.high - one.low) / 2 * 1.645 / 1.960 for key, one in undecided.items()}
    worst = max(half, key=half.get)
    counts = findings[worst].universe
    needed = math.ceil(counts["n_tfs_with_positive"] * max(half[worst] / MARGIN, 1.0) ** 2)
    return (
        f"{len(undecided)} of {len(findings)} analyses show neither a signal nor its absence. "
        f"The widest interval is that of {worst}: with {counts['n_tfs_with_positive']} TFs that "
        f"have a target here its 90 % half width is {half[worst]:.3f}, and about {needed} such TFs "
        f"would bring it to {MARGIN}. More cells alone do not: the uncertainty is that of TFs."
    )


def known_truth_sentence(findings: Mapping[str, Findings]) -> str:
    """Say what the simulated world, in which regulation drives expression, adds."""
    found = [entry for key, entry in findings.items() if key.split("/")[1] == "sim"]
    if not found:
        return "The simulated world was not read."
    values = [entry.auroc for entry in found if isinstance(entry.auroc, Estimate)]
    shown = ", ".join(f"{value.value:.2f}" for value in values)
    ceiling = [
        entry.auroc_coexpression
        for entry in found
        if isinstance(entry.auroc_coexpression, Estimate)
    ]
    best = f"{ceiling[0].value:.2f}" if ceiling else "not estimable"
    return (
        f"In the simulated world the reference is the truth and complete. There attention reaches "
        f"AUROC {shown}, and the size of co-expression {best}: what a score can reach when the "
        "reference has no gaps and expression does follow it."
    )


def published_rho_sentence(findings: Mapping[str, Findings]) -> str:
    """Set the published range of rho beside ours."""
    low, high = load_claims()["coexpression/rho-range"].range
    values = {
        key.rpartition("/")[0]: found.shared.raw.estimate
        for key, found in findings.items()
        if isinstance(found.shared.raw, Outcome)
    }
    shown = ", ".join(f"{value:.2f} ({scope})" for scope, value in values.items())
    inside = sum(low <= value <= high for value in values.values())
    return (
        f"Paper A prints {low} to {high} for published checkpoints and tissue cells; with its own "
        f"definition (raw counts) the small models here give {shown}, of which {inside} "
        f"lie{'s' if inside == 1 else ''} in the printed range. Other models and other cells: this "
        "neither supports nor refutes the printed figure."
    )


def spread_sentence(spread: pd.DataFrame) -> str:
    """Say how far the models lie apart at the largest cell number (10.6, descriptive)."""
    words = [
        f"{row.spread:.3f} on {row.data} with {row.reference} ({row.models} models)"
        for row in spread.itertuples()
    ]
    if not words:
        return "No model has an AUROC here."
    return f"Largest difference of AUROC between models: {', '.join(words)}."


def stability_sentence(table: pd.DataFrame) -> str:
    """Say whether training makes attention more stable between contexts than random weights."""
    above = table[table["cosine"] > table["random weights"]]
    lowest = table["permuted genes"].min()
    text = (
        f"The cosine of the trained models is {table['cosine'].min():.3f} to "
        f"{table['cosine'].max():.3f}; permuting gene labels still leaves "
        f"{lowest:.3f} to {table['permuted genes'].max():.3f}, and random weights give "
        f"{table['random weights'].min():.3f} to {table['random weights'].max():.3f}. "
    )
    if len(above) == 0:
        return text + (
            "No trained model exceeds its untrained counterpart, so a high cosine is no sign of "
            "learnt stability."
        )
    if len(above) == len(table):
        return text + "Every trained model exceeds its untrained counterpart."
    names = ", ".join(f"{row.model} on {row.data}" for row in above.itertuples())
    return text + f"Only {names} exceed{'s' if len(above) == 1 else ''} the untrained counterpart."
