"""Models: one adapter per family, tokenisation, safe loading, and training of small ones."""

import os

# Checkpoints are directories on disk; nothing here may ask a model hub for one.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
