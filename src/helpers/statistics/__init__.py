"""Resampling, permutation, multiplicity and equivalence; arrays in, dataclasses out."""
