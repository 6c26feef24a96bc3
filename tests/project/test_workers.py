"""Tests of one file share what they make: with workers, a file stays in one of them."""

import os

import pytest


def test_the_group_of_a_file_reaches_the_workers(request):
    """A release of pytest took no notice of groups, and each worker made everything."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("no workers: run pytest with -n 2 --dist loadgroup")
    assert request.node.nodeid.endswith("@project/test_workers.py")
