"""Test records, multiplicity over all of them, and the claim ledger."""
