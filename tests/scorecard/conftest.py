"""A small world and its card."""

from __future__ import annotations

import pytest
from scorecard_kit import FEW, drawn

from helpers import score_edges


@pytest.fixture(scope="session")
def small():
    return drawn()


@pytest.fixture(scope="session")
def card(small):
    table, adata, network = small
    return score_edges(table, adata, {"net": network}, **FEW)
