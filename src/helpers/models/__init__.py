"""One adapter per model family, safe loading, tokenisation and training."""
