"""Data cards: what a set or a reference is, from the catalogue and from the loaded object."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.datasets.catalogue import Artefact, DataSet, artefact, dataset, datasets
from helpers.datasets.cells import load
from helpers.datasets.fetch import is_available
from helpers.datasets.genes import detection
from helpers.datasets.kept import loaders_digest
from helpers.datasets.references import REFERENCES, load_reference
from helpers.errors import DataError
from helpers.files import atomic_write, data_dir
from helpers.schema import read_object

log = logging.getLogger(__name__)

GROUPS = ("donor", "cell_type", "perturbation", "time", "condition", "batch")
SHOWN = 30


def cell_facts(adata: AnnData) -> dict[str, str | int | float]:
    """Return what can be counted in a set of cells, as plain values."""
    genes = np.asarray((adata.X > 0).sum(axis=1)).ravel()
    facts: dict[str, str | int | float] = {
        "cells": adata.n_obs,
        "genes": adata.n_vars,
        "values": adata.uns["source"]["values"],
        "median genes per cell": float(np.median(genes)),
        "median total per cell": float(np.median(np.asarray(adata.X.sum(axis=1)).ravel())),
        "genes in at least 2 % of cells": int((detection(adata) >= 0.02).sum()),
        "genes with an Ensembl id": int((adata.var["ensembl_id"] != "").sum()),
    }
    for column in GROUPS:
        if column in adata.obs and adata.obs[column].nunique() > 1:
            counts = adata.obs[column].value_counts(sort=False).sort_index()
            facts[column.replace("_", " ")] = _listed(counts)
    for what, number in adata.uns["source"]["repaired"].items():
        facts[f"repaired: {what.replace('_', ' ')}"] = int(number)
    return facts


def _listed(counts: pd.Series) -> str:
    shown = ", ".join(f"{name} {number:,}" for name, number in counts.head(SHOWN).items())
    more = len(counts) - SHOWN
    return f"{len(counts)}: {shown}" + (f", and {more} more" if more > 0 else "")


def reference_facts(edges: pd.DataFrame) -> dict[str, str | int | float]:
    """Return what a reference holds and what was dropped or repaired, as plain values."""
    report = edges.attrs["report"]
    facts: dict[str, str | int | float] = {
        "edges": len(edges),
        "sources": edges["source"].nunique(),
        "targets": edges["target"].nunique(),
        "activating": int((edges["sign"] > 0).sum()),
        "repressing": int((edges["sign"] < 0).sum()),
        "sign unknown or contradictory": int((edges["sign"] == 0).sum()),
    }
    if (edges["confidence"] != "").any():
        facts["levels"] = _listed(edges["confidence"].value_counts().sort_index())
    named = {
        "rows": "rows in the file",
        "complex_rows": "rows with a protein complex",
        "complexes": "such rows are",
        "accessions": "UniProt accessions as names",
        "accessions_resolved": "of them resolved to symbols",
        "unresolved_rows": "rows dropped, name not resolved",
        "duplicates": "rows merged into another",
    }
    for key, label in named.items():
        if key in report:
            value = report[key]
            facts[label] = {"drop": "dropped", "expand": "expanded"}.get(value, value)
    return facts


def card(name: str) -> str:
    """Return the data card of a set of cells or a reference, as Markdown.

    The facts are counted in the loaded object and kept in the cache, keyed by the checksum of the
    data and of the loaders. A set whose file is neither in the mirror nor in the cache is not
    fetched for a card: the card then says how to get it.

    Raises
    ------
    DataError
        If no set or reference has this name.
    """
    if name in REFERENCES:
        source, title = REFERENCES[name]
        sources = [artefact(source)]
        heading = {"what": "reference network", "organism": "human", "tier": "demo"}
        note, citation = sources[0].note, sources[0].citation
    elif name in datasets():
        entry: DataSet = dataset(name)
        sources = [artefact(one) for one in entry.artefacts]
        title, note, citation = entry.title, entry.note, entry.citation
        heading = {"what": "cells", "organism": entry.organism, "tier": entry.tier}
    else:
        known = ", ".join([*datasets(), *REFERENCES])
        raise DataError(f"no set or reference is named {name!r}; known: {known}")
    missing = [one.path for one in sources if not is_available(one)]
    if missing and heading["tier"] == "real":
        facts = {"not on this machine": f"`helpers data fetch {name}` fetches {', '.join(missing)}"}
    else:
        facts = counted(name)
    return _markdown(name, title, note, citation, {**heading, **facts}, sources)


def cards() -> dict[str, str]:
    """Return the card of every set and reference by name."""
    return {name: card(name) for name in [*datasets(), *REFERENCES]}


def _markdown(
    name: str, title: str, note: str, citation: str, facts: dict, sources: list[Artefact]
) -> str:
    call = "load_reference" if name in REFERENCES else "load"
    lines = [f"(card-data-{name})=", f"# {title}", "", f'`{call}("{name}")`', "", note, ""]
    lines += ["| fact | value |", "|---|---|"]
    lines += [f"| {key} | {_shown(value)} |" for key, value in facts.items()]
    lines += [f"| made by | {citation} |", ""]
    lines += ["| file | version | licence | bytes | SHA-256 |", "|---|---|---|---|---|"]
    lines += [
        f"| `{Path(one.path).name}` | {one.version} | {one.licence} | {one.bytes:,} "
        f"| `{one.sha256[:16]}` |"
        for one in sources
    ]
    cited = "; ".join(dict.fromkeys(one.citation for one in sources))
    lines += ["", f"Cite: {cited}.", ""]
    return "\n".join(lines)


def _shown(value: str | int | float) -> str:
    if isinstance(value, str):
        return value.replace("|", "\\|")
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def counted(name: str) -> dict[str, str | int | float]:
    """Return the facts of a set or reference, counted once per version of data and loaders."""
    names = [REFERENCES[name][0]] if name in REFERENCES else dataset(name).artefacts
    parts = [name, loaders_digest(), *(artefact(one).sha256 for one in names)]
    key = hashlib.sha256(":".join(parts).encode()).hexdigest()[:16]
    kept = data_dir() / "cards" / f"{name}-{key}.json"
    if kept.is_file():
        try:
            return read_object(kept, again="it is counted again")
        except DataError as error:
            log.warning("%s", error)
    if name in REFERENCES:
        facts = reference_facts(load_reference(name))
    else:
        facts = cell_facts(load(name))
    for stale in kept.parent.glob(f"{name}-" + "?" * 16 + ".json"):
        stale.unlink()
    with atomic_write(kept) as target:
        target.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    return facts
