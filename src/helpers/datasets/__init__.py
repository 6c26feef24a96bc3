"""Data: the registry of sets and references, their loaders, and the simulated world."""

from helpers.datasets.fetch import artefact_path
from helpers.datasets.published import archive_files, archive_path

__all__ = ["archive_files", "archive_path", "artefact_path"]
