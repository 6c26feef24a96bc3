"""Patching, ablation and sparse autoencoders."""
