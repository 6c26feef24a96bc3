"""Resampling, permutation, multiplicity and equivalence; arrays in, dataclasses out."""

from helpers.lazy import exports

EXPORTS = {
    "banded_ranks": (
        "banded_test",
        "depth_residuals",
    ),
    "concentration": (
        "share_gap",
        "share_gap_test",
    ),
    "correlation": (
        "rho_ceiling",
        "spearman_matrix",
    ),
    "crossed": (
        "CrossedAuroc",
        "crossed_auroc",
        "smallest_effect",
    ),
    "curve_fits": (
        "fit",
        "fit_all",
        "selection_rates",
    ),
    "detectable": ("detectable_effect",),
    "equivalence": (
        "tost",
        "tost_mean",
        "tost_power",
    ),
    "from_summaries": (
        "mean_test",
        "top_share",
    ),
    "intervals": (
        "fieller",
        "hanley_mcneil",
    ),
    "maxstat": (
        "MaxStatistic",
        "max_statistic",
    ),
    "mediation": (
        "prevalence_test",
        "residual_rules",
        "residual_test",
    ),
    "multiplicity": (
        "adjust",
        "hierarchical",
        "simes",
    ),
    "overlap_tests": (
        "overlap_test",
        "specificity_test",
    ),
    "permutation": (
        "null_outcome",
        "permutation_null",
        "permutation_test",
        "sign_flip_test",
    ),
    "power": ("units_for_equivalence",),
    "profiles": (
        "agreement_beyond_depth",
        "reliability",
        "welch_tests",
    ),
    "qap": ("qap_test",),
    "ranking": ("ranking_metrics",),
    "relabel": (
        "relabel_null",
        "relabelling",
    ),
    "results": ("Outcome",),
    "set_functions": (
        "moebius",
        "shapley",
        "shapley_by_orders",
    ),
}

__getattr__, __dir__, __all__ = exports(__name__, EXPORTS)
