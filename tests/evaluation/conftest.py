"""A small network for the tests of this room."""

import pytest
from small_networks import prominent_network


@pytest.fixture
def prominent():
    """References, features of genes and noise, see the kit."""
    return prominent_network()
