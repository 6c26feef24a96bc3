"""The result files behind paper A's attention sections: cell-state scores, layers, scaling.

The folder mixes models. What the files say of themselves: `cssi_real` holds an 18-layer,
18-head Geneformer on 497 brain cells and a 12-layer scGPT on their halves; `root_legacy` holds
three scGPT checkpoints on the same immune cells; the scaling run uses layer 13 of the 18-layer
model, so it cannot be the 6 x 4 Geneformer that the paper names.
"""

from __future__ import annotations

import re

import pandas as pd

from papers.archives.locate import Locate, read_json

SYNTHETIC = "novel_method/scaling_v2_results.csv"
SPLIT_HALF = "cssi_real/cssi_splithalf_results.json"
LAYERS = "cssi_real/cssi_final_results.json"
HELD_OUT = "cssi_real/cssi_cross_dataset_results.json"
CHECKPOINTS = "results/root_legacy/multi_tissue_layer_auroc.json"
GENE_NULLS = "results/root_legacy/dumb_baseline_results.json"
SATURATION = "results/root_legacy/robust_saturation_results.json"
MATCHED = "multi_model_proper/expression_matched_v2.json"
GENEFORMER = "multi_model_proper/geneformer_grn_validation_fixed_results.json"
CONTEXTS = "multi_model/geneformer_cross_context_results.json"
SCVI = "multi_model_extended/scvi_test_results.json"
C2S = "multi_model_extended/c2s_pythia_test_results.json"
SCALING = "experiments/scaling_characterization/scaling_characterization_results.json"
VALIDATION = "synthetic_validation/summary.txt"
FILES = (
    SYNTHETIC,
    SPLIT_HALF,
    LAYERS,
    HELD_OUT,
    CHECKPOINTS,
    GENE_NULLS,
    SATURATION,
    MATCHED,
    GENEFORMER,
    CONTEXTS,
    SCVI,
    C2S,
    SCALING,
    VALIDATION,
)
"""The files of the archive that are read here."""


def read_synthetic_cssi(locate: Locate) -> pd.DataFrame:
    """Return F1 and AUROC of every draw of the synthetic cell-state experiment.

    Returns
    -------
    pandas.DataFrame
        ``n_states, total, seed, pool_f1, cssi_max_f1, cssi_mean_f1, est_f1, ...``; ``est_f1``
        uses K-means strata in place of the true states.
    """
    return pd.read_csv(locate(SYNTHETIC))


def read_split_half(locate: Locate) -> pd.DataFrame:
    """Return the synthetic split-half table: printed means and SDs parsed from its strings."""
    rows = read_json(locate(SPLIT_HALF))["synthetic_splithalf"]
    table = pd.DataFrame(rows)
    for name in ("pooled_heldout", "cssi_heldout", "pooled_full", "cssi_full"):
        parts = table[name].str.split(" +/- ", regex=False, expand=True).astype(float)
        table[f"{name}_sd"] = parts[1]
    return table


def read_layer_cssi(locate: Locate) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Return per-layer AUROCs, per-head AUROCs, and the description of the real-data test."""
    run = read_json(locate(LAYERS))
    layers = pd.DataFrame.from_dict(run["per_layer"], orient="index")
    layers.index = layers.index.astype(int)
    heads = pd.DataFrame.from_dict(run["per_head"], orient="index")
    return layers, heads, run["metadata"]


def read_held_out_layers(locate: Locate) -> dict:
    """Return the split of 497 cells: AUROC per layer in either half, layers chosen, null."""
    run = read_json(locate(HELD_OUT))
    for half in ("a", "b"):
        found = run[f"layer_auroc_half_{half}"]
        run[f"half_{half}"] = pd.Series({int(k): v for k, v in found.items()}).sort_index()
    return run


def read_checkpoint_layers(locate: Locate) -> pd.DataFrame:
    """Return AUROC per checkpoint, reference and layer, the pooled one as layer ``Mean``."""
    run = read_json(locate(CHECKPOINTS))
    rows = [
        (checkpoint, reference, "Mean" if layer == "all_mean" else layer, auroc)
        for checkpoint, references in run.items()
        for reference, layers in references.items()
        for layer, auroc in layers.items()
    ]
    return pd.DataFrame(rows, columns=["checkpoint", "reference", "layer", "auroc"])


def read_gene_level_nulls(locate: Locate) -> pd.DataFrame:
    """Return AUROC of gene-level products and pooled attention, one column per reference."""
    return pd.DataFrame(read_json(locate(GENE_NULLS)))


def read_matched(locate: Locate) -> dict:
    """Return the evaluation against expression-matched negatives."""
    return read_json(locate(MATCHED))


def read_geneformer(locate: Locate) -> pd.DataFrame:
    """Return AUROCs of the Geneformer runs with the counts behind them.

    Returns
    -------
    pandas.DataFrame
        ``cells, reference, auroc, n_positive, n_filtered, edges``.
    """
    run = read_json(locate(GENEFORMER))
    names = ("auroc", "n_positive", "n_filtered")
    rows = [
        (int(cells), reference, *(found[reference][name] for name in names), found["n_edges"])
        for cells, found in run.items()
        for reference in ("trrust", "dorothea")
    ]
    return pd.DataFrame(rows, columns=["cells", "reference", *names, "edges"])


def read_other_models(locate: Locate) -> dict:
    """Return what the archive holds of scVI and C2S-Pythia: sizes of runs, no score of edges.

    Returns
    -------
    dict
        ``scvi_cells``, ``c2s_cells`` (lists, rising) and ``c2s_parameters``.
    """
    scvi = read_json(locate(SCVI))
    c2s = read_json(locate(C2S))
    return {
        "scvi_cells": sorted(run["n_cells"] for run in scvi["scaling_test"]),
        "c2s_cells": sorted(run["n_cells"] for run in c2s["scaling_test"]),
        "c2s_parameters": int(c2s["basic_test"]["details"]["total_parameters"]),
    }


def read_contexts(locate: Locate) -> dict[str, float]:
    """Return cosine similarities of Geneformer attention between contexts."""
    run = read_json(locate(CONTEXTS))
    return run["cross_context_similarities"]


def read_scaling(locate: Locate) -> tuple[pd.DataFrame, dict]:
    """Return one row per repeat of the scaling run, and what the run says of itself.

    Returns
    -------
    pandas.DataFrame
        ``cells, repeat, auroc, low, high, positives, cell_types``.
    dict
        Archived description, with ``archived_fits`` added.
    """
    run = read_json(locate(SCALING))
    rows = []
    for cells, found in run["scaling_data"].items():
        each = found["individual_results"]
        parts = (each["aurocs"], each["ci_lowers"], each["ci_uppers"], each["n_pos_edges"])
        types = [len(kinds) for kinds in each["cell_type_distributions"]]
        rows += [
            (int(cells), repeat, *values)
            for repeat, values in enumerate(zip(*parts, types, strict=True))
        ]
    columns = ["cells", "repeat", "auroc", "low", "high", "positives", "cell_types"]
    about = run["experiment_info"] | {"archived_fits": run["curve_fits"]["models"]}
    return pd.DataFrame(rows, columns=columns), about


def read_saturation(locate: Locate) -> pd.DataFrame:
    """Return the synthetic reference check: AUROC by completeness and number of cells."""
    return pd.DataFrame(read_json(locate(SATURATION)))


def read_validation(locate: Locate) -> dict[str, float]:
    """Return the archived summary of the synthetic validation: name of a figure -> its value."""
    text = locate(VALIDATION).read_text(encoding="utf-8")
    found = re.findall(r"^([A-Z][^:\n]+): (-?\d+\.\d+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}
