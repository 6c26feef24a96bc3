"""What a user waits for before anything is computed: commands that only say something, imports.

    python benchmarks/startup.py [--repeats 3]

Seconds of processor time of a new process (the smallest of the repeats, so that other work on the
machine does not count), beside what is wanted; a book that is current is asked for where there is
one. Nothing is asserted here.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
HELPERS = "helpers.cli"
CASES = {
    "helpers --help": (["-m", HELPERS, "--help"], 0.3),
    "helpers score --help": (["-m", HELPERS, "score", "--help"], 0.3),
    "helpers models --help": (["-m", HELPERS, "models", "--help"], 0.7),
    "helpers run 10_coexpression --show": (
        ["-m", HELPERS, "run", "10_coexpression", "--show"],
        0.4,
    ),
    "import helpers.extraction": (["-c", "import helpers.extraction"], 0.7),
    "import helpers.scorecard": (["-c", "import helpers.scorecard"], 0.7),
    "a second make book": (["-m", HELPERS, "book", "--check"], 4.0),
}
"""What -> words for Python, seconds wanted."""


def seconds(words: list[str], repeats: int) -> tuple[float, int]:
    """Return processor time of the fastest run, and the last exit code."""
    times = []
    for _ in range(repeats):
        before = os.times()
        done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, check=False)
        after = os.times()
        used = after.children_user - before.children_user
        times.append(used + after.children_system - before.children_system)
    return min(times), done.returncode


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    rows = [(what, *seconds(words, repeats), wanted) for what, (words, wanted) in CASES.items()]
    table = pd.DataFrame(rows, columns=["what", "seconds", "exit code", "wanted"])
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
