"""Tools behind the book: data, models, extraction, edges, evaluation, statistics, registry."""

from importlib.metadata import version

__version__ = version("attention-audit")
