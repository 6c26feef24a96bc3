"""Candidate universes, labels, AUROC and their nulls."""
