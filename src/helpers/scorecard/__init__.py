"""One edge list against reference networks: numbers, nulls, baselines, and a verdict in words."""

from helpers.lazy import exports

EXPORTS = {
    "heads": ("best_heads", "controls"),
    "edge_list": ("EdgeList", "read_edges"),
    "record": ("as_record", "as_table"),
    "results": ("ReferenceScore", "Scorecard"),
    "score": ("score_edges",),
    "verdict": ("Condition", "conditions", "headline"),
}

__getattr__, __dir__, __all__ = exports(__name__, EXPORTS)
