"""Data: the registry of sets and references, their loaders, and the simulated world."""

from helpers.datasets.cells import load
from helpers.datasets.fetch import artefact_path
from helpers.datasets.genes import GeneSelection, detection, select_genes
from helpers.datasets.identifiers import (
    accession_to_symbol,
    ensembl_to_symbol,
    gene_table,
    symbol_to_ensembl,
)
from helpers.datasets.published import archive_files, archive_path
from helpers.datasets.references import load_reference, reference_coverage
from helpers.datasets.registry import artefact, artefacts, dataset, datasets
from helpers.datasets.vocabularies import (
    GeneformerDictionaries,
    geneformer_dictionaries,
    load_orthologs,
    scgpt_vocabulary,
    transcription_factors,
)

__all__ = [
    "GeneSelection",
    "GeneformerDictionaries",
    "accession_to_symbol",
    "archive_files",
    "archive_path",
    "artefact",
    "artefact_path",
    "artefacts",
    "dataset",
    "datasets",
    "detection",
    "ensembl_to_symbol",
    "gene_table",
    "geneformer_dictionaries",
    "load",
    "load_orthologs",
    "load_reference",
    "reference_coverage",
    "scgpt_vocabulary",
    "select_genes",
    "symbol_to_ensembl",
    "transcription_factors",
]
