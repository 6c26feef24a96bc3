"""Candidate universes, labels, AUROC and their nulls."""

from helpers.lazy import exports

EXPORTS = {
    "crossed": (
        "auroc_profile",
        "auroc_with_interval",
        "best_of",
        "compare_scores",
        "equivalent",
        "flatness",
        "held_out_choice",
        "signal_test",
    ),
    "direction": (
        "any_direction",
        "direction_levels",
        "orient_sums",
        "score_directions",
    ),
    "gene_level": (
        "attention_marginals",
        "gene_effects",
        "gene_features",
        "gene_level_scores",
        "gene_terms",
        "rank_matrix",
    ),
    "matched": (
        "compare_matched",
        "matched_auroc",
        "matched_negatives",
        "matched_test",
        "within_set_auroc",
    ),
    "nulls": (
        "decompose",
        "leave_one_tf_out",
        "rewire",
        "rewire_many",
    ),
    "scoring": ("metrics",),
    "sets": (
        "EvaluationSet",
        "candidate_pairs",
        "drop_missing",
        "evaluation_set",
        "random_pair_set",
    ),
}

__getattr__, __dir__, __all__ = exports(__name__, EXPORTS)
