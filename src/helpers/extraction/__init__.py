"""Streaming capture of attention and activations.

`extract` reads attention between chosen genes from every layer and head in one pass, exactly and
in memory that does not grow with the number of cells; `extract_sharded` does the same in pieces
that survive interruption. The other modules are their parts.
"""

from helpers.lazy import exports

# A name is never that of a module, or loading the module would hide it.
EXPORTS = {
    "activations": ("sample_activations",),
    "capture": ("extract",),
    "layer_products": ("rollout",),
    "order": ("order_share",),
    "shards": ("extract_sharded", "merge_shards", "write_shards"),
}

__getattr__, __dir__, __all__ = exports(__name__, EXPORTS)
