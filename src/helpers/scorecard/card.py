"""A scorecard as one HTML file: words, tables and figures, nothing fetched from anywhere."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template

import pandas as pd

from helpers import __version__
from helpers.datasets.own_network import said
from helpers.estimates import NotEstimable
from helpers.plotting import shapes
from helpers.scorecard.audit_card import audit_section
from helpers.scorecard.markup import bullets, drawable, figure_of, pairs_of, rows_of, table_of
from helpers.scorecard.results import ReferenceScore, Scorecard
from helpers.scorecard.verdict import CHANCE, MEANING, METHOD, Condition
from helpers.statistics.results import Outcome

MOST_TFS = 24
"""TFs in a figure: the highest half and the lowest half of it."""


def as_html(card: Scorecard) -> str:
    """Return the card as a complete HTML page."""
    found, verdicts = card.conditions, card.verdicts
    verdict = "".join(
        f"<div class='verdict'><h2>{escape(name)}</h2><p>{escape(text)}</p></div>"
        for name, text in verdicts.items()
    )
    parts = [_section(one, found[one.name]) for one in card.references]
    page = Template(files("helpers.scorecard").joinpath("card.html").read_text("utf-8"))
    return page.substitute(
        title=escape(card.name),
        verdict=verdict,
        read=bullets(_how_read(card)),
        sections="".join(parts) + (audit_section(card.audit) if card.audit else ""),
        table=table_of(card.table),
        made=escape(f"Made by attention-audit {__version__}; settings: {pairs_of(card.settings)}."),
    )


def _how_read(card: Scorecard) -> list[str]:
    edges = card.edges
    side = " (source is the regulator)" if edges["direction"] == "forward" else ""
    side = " (target is the regulator)" if edges["direction"] == "transpose" else side
    lines = [
        f"{edges['pairs']:,} scored pairs of {edges['sources']:,} sources and "
        f"{edges['targets']:,} targets ({edges['kind']}, {edges['rows']:,} rows).",
        f"Direction: {edges['direction']}{side}.",
        *edges["notes"],
    ]
    if card.cells is None:
        lines.append("No cells given: what needs expression is not estimable.")
    else:
        cells = card.cells
        lines.append(f"{cells['cells']:,} of {cells['of']:,} cells x {cells['genes']:,} genes.")
    lines += card.warnings
    lines.append(
        f"Answers hold for all tests of this card together ({METHOD} correction, level "
        f"{card.settings['alpha']:g})."
    )
    return lines


def _section(one: ReferenceScore, found: dict[str, Condition]) -> str:
    head = f"<section><h2>{escape(one.name)}</h2>" + bullets([said(one.network), *_counts(one)])
    rows = [
        [name, condition.answer, _outcome(condition), MEANING[name]]
        for name, condition in found.items()
    ]
    head += rows_of(["Condition", "Answer", "What was found", "What it means"], rows, "wide stack")
    if isinstance(one.auroc, NotEstimable):
        return f"{head}</section>"
    return head + _aurocs(one, found[CHANCE]) + _tfs(one) + "</section>"


def _counts(one: ReferenceScore) -> list[str]:
    counts = one.counts
    if "n_pairs" not in counts:
        return (
            [f"Not estimable: {one.auroc.reason}."] if isinstance(one.auroc, NotEstimable) else []
        )
    lines = [
        f"{counts['n_positive']:,} positives among {counts['n_pairs']:,} pairs of "
        f"{counts['n_tfs']:,} TFs and {counts['n_targets']:,} targets; "
        f"{counts['n_tfs_with_positive']} TFs and {counts['n_targets_with_positive']} targets "
        "have a positive."
    ]
    if counts["absent_pairs"]:
        lines.append(
            f"{counts['absent_pairs']:,} of {counts['pairs']:,} pairs are not in the list: "
            f"{counts['absent']}. Targets that it never names are not asked about."
        )
    if isinstance(one.ranking, dict):
        lines.append(
            f"AUPRC {one.ranking['auprc']:.4f}, {one.ranking['auprc_ratio']:.2f} times the base "
            f"rate; early precision {one.ranking['early_precision_ratio']:.2f} times."
        )
    return lines


def _outcome(one: Condition) -> str:
    if isinstance(one.outcome, NotEstimable):
        return one.outcome.reason
    value = one.outcome
    limits = "" if value.low is None else f" [{_three(value.low)}, {_three(value.high)}]"
    text = f"{_three(value.estimate)}{limits} against {_three(one.against)}; corrected p "
    text += f"{one.corrected:.3f}" if one.corrected >= 0.001 else "< 0.001"
    if one.smallest is not None:
        text += f"; smallest effect found with power 0.8, uncorrected: {one.smallest:.3f}"
    return text


def _three(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}"  # no "-0.000"


def _aurocs(one: ReferenceScore, chance: Condition) -> str:
    values = {"this score": one.auroc}
    values |= {name: pair[0] for name, pair in one.baselines.items() if isinstance(pair, tuple)}
    rows = {k: {"AUROC": v.value, "low": v.low, "high": v.high} for k, v in values.items()}
    line = chance.against if isinstance(chance.outcome, Outcome) else 0.5
    table = pd.DataFrame(rows, dtype=float).T
    caption = "AUROC on the same pairs with 95 % intervals over TFs and targets. Dashed: "
    caption += "mean under permuted gene labels." if line != 0.5 else "0.5."
    return figure_of(*shapes.forest(table, "AUROC", "AUROC", line=line), caption)


def _tfs(one: ReferenceScore) -> str:
    model = one.model
    if isinstance(model, NotEstimable) or model.per_tf is None:
        reason = model if isinstance(model, NotEstimable) else model.heterogeneity
        return f"<p>AUROC by TF: {escape(str(reason))}.</p>"
    table, new = model.per_tf, model.prediction
    if model.heterogeneity.tau == 0:
        text = f"The AUROCs of {len(table)} TFs differ no more than their own errors let expect; "
        return f"<p>{escape(text)}every TF, a new one too, is expected at {escape(str(new))}.</p>"
    if len(table) > MOST_TFS:
        half = MOST_TFS // 2
        table = pd.concat([table.iloc[:half], table.iloc[-half:]])
    shown = table.set_axis([drawable(name) for name in table.index])
    caption = (
        f"AUROC of single TFs, drawn towards their mean by their own error: {len(shown)} of "
        f"{len(model.per_tf)}, highest and lowest. SD between TFs {model.heterogeneity.tau:.3f}; "
        f"a new TF is expected at {new}."
    )
    return figure_of(*shapes.forest(shown, "pooled", "AUROC of a TF", line=0.5), caption)
