"""One style; every figure is a function of a table."""
