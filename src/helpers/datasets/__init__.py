"""Data sets, references and the simulated world."""
