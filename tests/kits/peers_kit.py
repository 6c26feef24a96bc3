"""Cases, the definitions of page 93, and peers' own functions where a folder names them.

``HELPERS_PEERS`` names a folder with clones or unpacked wheels of decoupler and benGRN. Nothing of
them is part of this project: their functions are read from there and run. ``golden.json`` holds
what `measured` returned for the wheels of decoupler 2.2.0 and benGRN 1.3.2 on numpy 2.4;
``BEELINE`` below holds what BEELINE's BLEval gave on its example GSD in a clone.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from bookkit import definitions

DEFINED = definitions("93_outside_evidence")
"""Peers' definitions as page 93 shows them: what readers see is what is held against peers."""

GOLDEN = Path(__file__).parents[1] / "peers" / "golden.json"
BEELINE = {
    "AUPRC of |Pearson|": 0.2751,
    "early precision ratio of |Pearson| to one decimal": 1.350,
    "early precision ratio of |Pearson| to one decimal, TFs only": 1.282,
}
"""BLEval on GSD, without self loops and with repeated edges once."""


def cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return name -> (scores, truth), square matrices; the diagonal is lowest and never true."""
    made = {}
    for name, genes, share in (("small", 8, 0.2), ("sparse", 30, 0.04), ("dense", 20, 0.4)):
        rng = np.random.default_rng(genes)
        truth = rng.random((genes, genes)) < share
        np.fill_diagonal(truth, False)
        scores = rng.normal(size=truth.shape) + 0.7 * truth
        for kind, kept in (("plain", scores), ("tied", np.round(scores))):
            kept = kept - kept.min() + 1.0
            np.fill_diagonal(kept, 0.0)
            made[f"{name}, {kind}"] = kept, truth
    return made


def pairs(scores: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and labels without self pairs."""
    off = ~np.eye(len(scores), dtype=bool)
    return scores[off], truth[off]


def folder() -> Path:
    """Folder of peers' code; skips where none is named."""
    if not os.environ.get("HELPERS_PEERS"):
        pytest.skip("peers' code: no folder named in HELPERS_PEERS; golden.json holds its values")
    return Path(os.environ["HELPERS_PEERS"]).expanduser()


def functions(
    where: Path, pattern: str, names: tuple[str, ...], **given: object
) -> SimpleNamespace:
    """Return functions of a peer's file without importing the packages that it needs elsewhere."""
    files = sorted(where.rglob(pattern))
    if not files:
        pytest.skip(f"peers' code: HELPERS_PEERS holds no {pattern}")
    tree = ast.parse(files[0].read_text(encoding="utf-8"))
    kept = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in names]
    space: dict[str, object] = dict(given)
    exec(compile(ast.Module(kept, []), str(files[0]), "exec"), space)  # noqa: S102 - as named
    return SimpleNamespace(**{name: space[name] for name in names})


def decoupler(where: Path) -> SimpleNamespace:
    """Return decoupler's ``auroc`` and ``auprc``."""
    names = ("_binary_clf_curve", "auroc", "auprc")
    return functions(where, "bm/metric/_auc.py", names, np=np, _validate_bool=lambda **_: None)


def bengrn(where: Path) -> SimpleNamespace:
    """Return benGRN's ``compute_pr``; it calls `numpy.trapz`, which numpy 2.4 no longer has."""
    given = {"np": SimpleNamespace(**vars(np) | {"trapz": np.trapezoid})}
    given |= {"csr_matrix": sparse.csr_matrix, "csc_matrix": sparse.csc_matrix}
    given |= {"tqdm": SimpleNamespace(tqdm=lambda values: values)}
    return functions(where, "bengrn/base.py", ("compute_pr",), **given)


def measured(where: Path) -> dict[str, dict[str, float]]:
    """Return what peers' functions give on every case.

    benGRN's AUPRC, on a grid of 130 thresholds, is left out.
    """
    theirs, made = decoupler(where), {}
    for name, (scores, truth) in cases().items():
        s, y = pairs(scores, truth)
        found = {"decoupler auroc": theirs.auroc(y.astype(int), s)}
        for pi0 in (0.5, float(y.mean())):
            kind = "half" if pi0 == 0.5 else "base rate"
            found[f"decoupler auprc, {kind}"] = theirs.auprc(y.astype(int), s, pi0)
        ours = bengrn(where).compute_pr(scores.copy(), truth.copy(), doplot=False)
        found |= {f"benGRN {key}": float(ours[key]) for key in ("ap", "epr")}
        made[name] = {key: float(value) for key, value in found.items()}
    return made
