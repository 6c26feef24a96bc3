"""Streaming capture of attention and activations."""
