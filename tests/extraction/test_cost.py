"""Time and memory of a piece of work."""

import numpy as np
import pytest

from helpers.extraction.cost import use_of


def test_memory_and_time_of_a_piece_of_work():
    used = use_of(lambda: float(np.ones(30_000_000).sum()))
    assert used.result == 3e7 and used.seconds > 0 and used.cpu_seconds >= 0
    assert used.megabytes is None or used.megabytes > 150
    with pytest.raises(ZeroDivisionError):
        use_of(lambda: 1 / 0)
