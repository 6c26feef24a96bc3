"""Edge scores from attention, correlation, mutual information, trees and cell strata."""

from helpers.edges.attention import DIRECTIONS, directions, edge_scores, orient, pool
from helpers.edges.correlation import correlation_by_stratum, correlation_edges
from helpers.edges.cssi import aggregate, blend, calibrated, rank_sum
from helpers.edges.expression import counts_of, expression
from helpers.edges.information import mutual_information_edges
from helpers.edges.strata import embedding, kmeans, leiden, members, split_gaussian, thin
from helpers.edges.trees import genie3, grnboost2
from helpers.edges.uniform import uniform_attention, uniform_of_tokens

__all__ = [
    "DIRECTIONS",
    "aggregate",
    "blend",
    "calibrated",
    "correlation_by_stratum",
    "correlation_edges",
    "counts_of",
    "directions",
    "edge_scores",
    "embedding",
    "expression",
    "genie3",
    "grnboost2",
    "kmeans",
    "leiden",
    "members",
    "mutual_information_edges",
    "orient",
    "pool",
    "rank_sum",
    "split_gaussian",
    "thin",
    "uniform_attention",
    "uniform_of_tokens",
]
