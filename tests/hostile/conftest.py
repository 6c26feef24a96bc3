"""Limits that hold for every hostile case: 20 seconds, and 2 GB in all."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

SECONDS, GIGABYTES = 20, 2


@pytest.fixture(autouse=True)
def limits():
    def late(*_):
        pytest.fail(f"took more than {SECONDS} s")  # no Exception: what is tested catches those

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    most = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + (GIGABYTES + 1) * 10**9, most[1]))
    old = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    resource.setrlimit(resource.RLIMIT_AS, most)
    signal.signal(signal.SIGALRM, old)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < GIGABYTES * 1e6, f"took {grown / 1e6:.1f} GB"
