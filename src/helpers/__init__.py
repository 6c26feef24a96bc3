"""Tools behind the book: data, models, extraction, edges, evaluation, statistics, registry."""

from helpers.lazy import exports

_get, __dir__, __all__ = exports(
    __name__, {"scorecard.audit": ("audit",), "scorecard.score": ("score_edges",)}
)


def __getattr__(name: str) -> object:
    if name != "__version__":
        return _get(name)
    from importlib.metadata import version

    return version("attention-audit")
