"""Edge scores from attention, correlation, mutual information, trees and cell strata."""

from typing import TYPE_CHECKING

from helpers.edges.attention import DIRECTIONS, directions, edge_scores, orient, pool
from helpers.edges.correlation import correlation_edges
from helpers.edges.expression import counts_of, expression
from helpers.lazy import exports

# What needs torch, scanpy or scikit-learn waits until it is used: scoring an edge list does not.
# (`expression` is a function and a module; loading it at once keeps the name with the function.)
if TYPE_CHECKING:
    from helpers.edges.cssi import aggregate, blend, calibrated, rank_sum  # noqa: F401
    from helpers.edges.information import mutual_information_edges  # noqa: F401
    from helpers.edges.strata import (  # noqa: F401
        embedding,
        kmeans,
        leiden,
        members,
        split_gaussian,
        thin,
    )
    from helpers.edges.trees import genie3, grnboost2  # noqa: F401
    from helpers.edges.uniform import uniform_attention, uniform_of_tokens  # noqa: F401

__getattr__, _, _LATER = exports(
    __name__,
    {
        "cssi": ("aggregate", "blend", "calibrated", "rank_sum"),
        "information": ("mutual_information_edges",),
        "strata": ("embedding", "kmeans", "leiden", "members", "split_gaussian", "thin"),
        "trees": ("genie3", "grnboost2"),
        "uniform": ("uniform_attention", "uniform_of_tokens"),
    },
)

__all__ = [
    "DIRECTIONS",
    "correlation_edges",
    "counts_of",
    "directions",
    "edge_scores",
    "expression",
    "orient",
    "pool",
]
__all__ += _LATER
