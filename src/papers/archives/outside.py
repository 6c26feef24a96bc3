"""Archives of other people's models and benchmarks: MaxToki, geneRNIB's leaderboard, bcb2026.

None of the four papers rests on them. They are read as an independent comparison.
"""

from __future__ import annotations

import pandas as pd

from papers.archives.locate import Locate

MAXTOKI = "Biodyn-AI__maxtoki-mechinterp"
LEADERBOARD = "openproblems-bio__task_grn_inference"
BCB2026 = "Biodyn-AI__grn-evaluation-bias"

_RUNS = "projects/maxtoki/runs/attention-grn-217M/outputs/v3_attention_k562/"
MAXTOKI_FILES = (_RUNS + "comparison_v2b_k562_v3_k562_v2b_rpe1.csv",)
LEADERBOARD_FILES = ("docs/source/data/all_scores.csv",)
_EVAL = "bcb2026/outputs/eval/"
DATA_SETS = ("hESC", "hHep")
_KINDS = ("metrics", "auroc_ci", "paired_bootstrap")
SHARES = _EVAL + "variance_decomp_log_aupr.csv"
BCB2026_FILES = (*(f"{_EVAL}{one}_{kind}.parquet" for kind in _KINDS for one in DATA_SETS), SHARES)
FILES = (*MAXTOKI_FILES, *LEADERBOARD_FILES, *BCB2026_FILES)
"""The files of the three archives that are read here."""

RUNS = {"K562": "v3_K562", "K562, superseded": "v2b_K562", "RPE1": "v2b_RPE1"}
"""Words for the runs of the MaxToki archive -> their names there."""


def read_maxtoki(locate: Locate) -> pd.DataFrame:
    """Return every score of every run of a 217 M-parameter model, as archived.

    Returns
    -------
    pandas.DataFrame
        ``run, endpoint, score, auroc, low, high, z``; z is against networks of the same degrees
        and missing for knock-down. What the intervals resample is not stated in the file.
    """
    wide = pd.read_csv(locate(MAXTOKI_FILES[0]))
    kinds = {"auroc": "auroc", "ci_low": "low", "ci_high": "high", "null_z": "z"}
    parts = []
    for run, name in RUNS.items():
        columns = {f"{name}_{old}": new for old, new in kinds.items()}
        part = wide[["endpoint", "score", *columns]].rename(columns=columns)
        parts.append(part.assign(run=run).dropna(subset="auroc"))
    return pd.concat(parts, ignore_index=True)


def read_leaderboard(locate: Locate) -> pd.DataFrame:
    """Return geneRNIB's leaderboard: ``dataset, method`` and one column per metric."""
    return pd.read_csv(locate(LEADERBOARD_FILES[0]))


def read_bcb2026(locate: Locate, kind: str = "metrics") -> pd.DataFrame:
    """Return the rows of both data sets of bcb2026.

    Parameters
    ----------
    locate
        As from `papers.archives.locate.locator`.
    kind
        ``"metrics"`` (AUPR, AUROC, base rate per candidate set), ``"auroc_ci"`` (DeLong
        intervals over pairs) or ``"paired_bootstrap"`` (AUPR against a random score).
    """
    parts = [pd.read_parquet(locate(f"{_EVAL}{name}_{kind}.parquet")) for name in DATA_SETS]
    return pd.concat(parts, ignore_index=True)


def read_shares(locate: Locate) -> pd.Series:
    """Return the published shares (percent) of the variance of log10 AUPR, by factor."""
    return pd.read_csv(locate(SHARES)).set_index("factor")["pct_total_ss"]
