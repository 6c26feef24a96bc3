"""A scorecard as one HTML file: words, tables and figures, nothing fetched from anywhere.

Everything that comes from a user's file passes through `html.escape`; figures are pictures inside
the file, in which a browser runs no script.
"""

from __future__ import annotations

import base64
import io
import re
from html import escape
from importlib.resources import files
from string import Template

import pandas as pd

from helpers import __version__
from helpers.datasets.own_network import said
from helpers.estimates import NotEstimable
from helpers.plotting import shapes
from helpers.scorecard.record import as_table
from helpers.scorecard.results import ReferenceScore, Scorecard
from helpers.scorecard.verdict import CHANCE, MEANING, METHOD, Condition
from helpers.statistics.results import Outcome

MOST_TFS = 24
"""TFs in a figure: the highest half and the lowest half of it."""
LABEL = 28


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
        read=_list(_how_read(card)),
        sections="".join(parts),
        table=_table(as_table(card)),
        made=escape(f"Made by attention-audit {__version__}; settings: {_pairs(card.settings)}."),
    )


def _how_read(card: Scorecard) -> list[str]:
    edges = card.edges
    side = {"forward": "source is the regulator", "transpose": "target is the regulator"}
    lines = [
        f"{edges['pairs']:,} scored pairs of {edges['sources']:,} sources and "
        f"{edges['targets']:,} targets, from a {edges['kind']} of {edges['rows']:,} rows.",
        f"Direction: {edges['direction']} ({side[edges['direction']]}).",
        *edges["notes"],
    ]
    if card.cells is None:
        lines.append("No cells given: what needs expression is not estimable.")
    else:
        lines.append(f"{card.cells['cells']:,} cells x {card.cells['genes']:,} genes.")
    lines.append(
        f"Answers hold for all tests of this card together ({METHOD} correction, level "
        f"{card.settings['alpha']:g})."
    )
    return lines


def _section(one: ReferenceScore, found: dict[str, Condition]) -> str:
    head = f"<section><h2>{escape(one.name)}</h2>" + _list([said(one.network), *_counts(one)])
    rows = [
        [name, condition.answer, _outcome(condition), MEANING[name]]
        for name, condition in found.items()
    ]
    head += _rows(["Condition", "Answer", "What was found", "What it means"], rows, "wide stack")
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
    return _figure(*shapes.forest(table, "AUROC", "AUROC", line=line), caption)


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
    shown = table.set_axis([_drawable(name) for name in table.index])
    caption = (
        f"AUROC of single TFs, drawn towards their mean by their own error: {len(shown)} of "
        f"{len(model.per_tf)}, highest and lowest. SD between TFs {model.heterogeneity.tau:.3f}; "
        f"a new TF is expected at {new}."
    )
    return _figure(*shapes.forest(shown, "pooled", "AUROC of a TF", line=0.5), caption)


def _drawable(name: str) -> str:
    """Return a name that matplotlib takes as text, not as a formula."""
    short = name if len(name) <= LABEL else f"{name[: LABEL - 1]}…"
    return re.sub(r"[\x00-\x1f]", " ", short).replace("\\", "/").replace("$", r"\$")


def _figure(figure, alt: str, caption: str) -> str:
    import matplotlib.pyplot as plt

    drawing = io.BytesIO()
    with plt.rc_context({"svg.hashsalt": "scorecard"}):  # the same bytes each time
        figure.savefig(drawing, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    picture = base64.b64encode(drawing.getvalue()).decode("ascii")
    alt = alt.replace(r"\$", "$")
    return (
        f"<figure><img alt='{escape(alt)}' src='data:image/svg+xml;base64,{picture}'>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _list(lines: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _rows(heads: list[str], rows: list[list[str]], kind: str = "wide") -> str:
    top = "".join(f"<th scope='col'>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{_cells(heads, row)}</tr>" for row in rows)
    return (
        f"<div class='{kind}' tabindex='0' role='region' aria-label='Table'>"
        f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(heads: list[str], row: list[str]) -> str:
    return "".join(
        f"<td data-head='{escape(head)}'>{escape(str(cell))}</td>"
        for head, cell in zip(heads, row, strict=True)
    )


def _table(table: pd.DataFrame) -> str:
    shown = table.astype(object).where(table.notna(), "")
    number = lambda value: f"{value:.3g}" if isinstance(value, float) else str(value)  # noqa: E731
    return _rows(list(shown.columns), shown.map(number).to_numpy().tolist())


def _pairs(values: dict) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())
