"""Typed parameters, execution of notebooks, provenance and what a page writes."""
