"""Compiled loops that let go of the interpreter's lock, some parts of the work to each core."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(function: Callable[[Any], Any], parts: Iterable[Any]) -> list[Any]:
    """Return ``[function(part) for part in parts]``, computed by one thread per core.

    Results do not depend on the number of threads as long as `function` does not share state.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(function, parts))
