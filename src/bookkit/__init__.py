"""Run notebooks with checked parameters, keep what they found, and build the book."""

from helpers.lazy import exports

EXPORTS = {"page_functions": ("definitions",), "recording": ("Page", "page")}

__getattr__, __dir__, __all__ = exports(__name__, EXPORTS)
