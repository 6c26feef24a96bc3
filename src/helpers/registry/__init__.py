"""Test records, and their correction over the whole book.

One rule gives the role of a test. It is **confirmatory** if its hypothesis was stated, with one
primary statistic, before the data it is made on were seen, and if its answer was open: on cells, on
trained models (whatever they were trained on), and on a paper's archived numbers.

A test on a **named simulated world** (`helpers.datasets.simulate.WORLDS`), or on a synthetic design
whose generator is known (T2), is **descriptive**. The answer was planted, and some worlds were
changed until the tests gave the answer that was planted, so nothing was stated before the data were
seen. Such tests check the procedure; corrected together with open ones, known effects would make
the others easier to call. The world that models are trained on is not planted in this sense: what a
model's attention learns from it is open.

`helpers.datasets.simulate.planted` applies the rule.
"""

from helpers.registry.records import TestRecord, record_of
from helpers.registry.store import append, collect, frame, read, write_registry

__all__ = ["TestRecord", "append", "collect", "frame", "read", "record_of", "write_registry"]
