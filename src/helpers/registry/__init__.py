"""Test records, correction over the whole book, and the ledger of published claims."""

from helpers.registry.records import TestRecord, record_of
from helpers.registry.store import append, collect, frame, read, write_registry

__all__ = ["TestRecord", "append", "collect", "frame", "read", "record_of", "write_registry"]
