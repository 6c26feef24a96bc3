"""Tools behind the book: data, models, extraction, edges, evaluation, statistics, registry."""

from importlib.metadata import version

from helpers.lazy import exports

__version__ = version("attention-audit")

__getattr__, __dir__, __all__ = exports(
    __name__, {"scorecard.audit": ("audit",), "scorecard.score": ("score_edges",)}
)
