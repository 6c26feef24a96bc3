"""What the card of a model has besides that of an edge list: heads, controls, what is left."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from helpers.plotting import shapes
from helpers.scorecard.markup import bullets, drawable, figure_of, pairs_of

CALLED = 0.05


def audit_section(audit: dict) -> str:
    """Return the section on heads, controls, provenance and what was not tested."""
    controls = audit["controls"]
    lines = [f"{control_words(name)}: {head_words(found)}" for name, found in controls.items()]
    more = audit.get("controls_of_arms", {})
    lines += [f"All arms, {name} control: {head_words(found)}" for name, found in more.items()]
    if not_found(controls) or (more and not_found(more)):
        lines.append("The controls did not come out as they should: take no answer from this card.")
    page = "<section><h2>Controls</h2>" + bullets(lines) + "</section>"
    for name, found in audit.get("arms", {}).items():
        page += f"<section><h2>Arms: {escape(name)}</h2>"
        page += "<p>p corrected over all arms, layers, heads and directions.</p>"
        page += bullets([f"{arm}: {head_words(best)}" for arm, best in found.items()])
        page += "</section>"
    for name, found in audit["heads"].items():
        page += f"<section><h2>Layers and heads: {escape(name)}</h2>"
        random = audit["heads_of_random_weights"][name]
        page += bullets([head_words(found), f"With random weights: {head_words(random)}"])
        page += _map(found) if "by_head" in found else ""
        page += "</section>"
    page += "<section><h2>Not tested</h2>" + bullets(audit["not_tested"])
    return page + bullets([f"Model: {pairs_of(audit['model'])}."]) + "</section>"


def control_words(name: str) -> str:
    """Return what a control is; see `heads.controls`.

    Examples
    --------
    >>> control_words("null_geneformer")
    "Null control in Geneformer's architecture, the network's genes permuted"
    """
    kind, _, family = name.partition("_")
    what = {
        "positive": "a model trained until its attention ranked planted edges",
        "null": "the network's genes permuted",
    }
    architecture = "Geneformer" if family == "geneformer" else "scGPT"
    return f"{kind.capitalize()} control in {architecture}'s architecture, {what[kind]}"


def not_found(controls: dict) -> bool:
    """Return whether a positive control is missed or a null one is called."""
    p = {name: found.get("corrected_p", 1.0) for name, found in controls.items()}
    missed = any(p[name] > CALLED for name in p if name.startswith("positive"))
    return missed or any(p[name] <= CALLED / 10 for name in p if name.startswith("null"))


def head_words(found: dict) -> str:
    """Return the best of many heads in words.

    Examples
    --------
    >>> head_words({"best": "forward, layer 0, head 1", "auroc": 0.6, "n": 8, "corrected_p": 0.2})
    'the best of 8 is forward, layer 0, head 1, AUROC 0.600; p corrected for the choice 0.200.'
    """
    if "not_estimable" in found:
        return f"not estimable: {found['not_estimable']}."
    p = f"{found['corrected_p']:.3f}" if found["corrected_p"] >= 0.001 else "< 0.001"
    text = f"the best of {found['n']} is {found['best']}, AUROC {found['auroc']:.3f}"
    return f"{text}; p corrected for the choice {p}."


def _map(found: dict) -> str:
    way = found["best"].partition(",")[0]
    values = np.asarray(found["by_head"])[found["directions"].index(way)]
    rows = [f"layer {k}" for k in range(len(values))]
    table = pd.DataFrame(values, rows, [f"head {k}" for k in range(values.shape[1])])
    drawn = shapes.heatmap(table, "AUROC", centre=0.5, show_values=values.size <= 200)
    return figure_of(*drawn, f"AUROC of every layer and head, {drawable(way)}; white is 0.5.")
