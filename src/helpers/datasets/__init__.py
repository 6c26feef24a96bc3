"""Data: the catalogue of sets and references, their loaders, and the simulated world."""

from helpers.lazy import exports

EXPORTS = {
    "cells": ("load",),
    "fetch": ("artefact_path",),
    "genes": (
        "GeneSelection",
        "detection",
        "narrowed",
        "select_genes",
    ),
    "identifiers": (
        "accession_to_symbol",
        "ensembl_to_symbol",
        "gene_table",
        "symbol_to_ensembl",
    ),
    "references": (
        "load_reference",
        "reference_coverage",
    ),
    "catalogue": (
        "artefact",
        "artefacts",
        "dataset",
        "datasets",
    ),
    "vocabularies": (
        "load_orthologs",
        "transcription_factors",
    ),
}

__getattr__, __dir__, __all__ = exports(__name__, EXPORTS)
