"""Run notebooks with checked parameters, keep what they found, and build the book."""

from helpers.running.definitions import definitions
from helpers.running.page import Page, page

__all__ = ["Page", "definitions", "page"]
