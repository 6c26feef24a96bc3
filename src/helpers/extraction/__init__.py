"""Streaming capture of attention and activations.

`extract` reads attention between chosen genes from every layer and head in one pass, exactly and
in memory that does not grow with the number of cells; `extract_sharded` does the same in pieces
that survive interruption. The other modules are their parts.
"""

from helpers.extraction.activations import sample_activations
from helpers.extraction.extract import extract
from helpers.extraction.order import order_share
from helpers.extraction.rollout import rollout
from helpers.extraction.sampling import sampled_mean
from helpers.extraction.shards import extract_sharded, merge_shards, write_shards

__all__ = [
    "extract",
    "extract_sharded",
    "merge_shards",
    "order_share",
    "rollout",
    "sample_activations",
    "sampled_mean",
    "write_shards",
]
