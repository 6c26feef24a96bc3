"""What a user waits for before anything is computed: commands that only say something, imports.

    python benchmarks/startup.py [--repeats 3] [--changed]

Seconds of processor time of a new process (the smallest of the repeats, so that other work on the
machine does not count), beside what is wanted. Whether the book is current takes its time only
where it is (exit code 0). With ``--changed`` a sentence is added to a page, the book is built, the
sentence is taken away and the book built again: the HTML of a changed page, twice. The book has to
be there (``make book``). Nothing is asserted here.
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
PAGE = ROOT / "notebooks" / "10_coexpression.md"


def of_a_changed_page() -> tuple[float, int]:
    """Return processor time of a build after one page has changed, and its exit code."""
    before = PAGE.read_text(encoding="utf-8")
    try:
        PAGE.write_text(before + "\nA sentence that a benchmark adds.\n", encoding="utf-8")
        first = seconds(["-m", HELPERS, "book"], 1)
    finally:
        PAGE.write_text(before, encoding="utf-8")
    return min(first, seconds(["-m", HELPERS, "book"], 1))


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
    parser.add_argument("--changed", action="store_true", help="build a changed page, too")
    chosen = parser.parse_args()
    repeats = chosen.repeats
    rows = [(what, *seconds(words, repeats), wanted) for what, (words, wanted) in CASES.items()]
    if chosen.changed:
        rows.append(("the HTML of a changed page", *of_a_changed_page(), 20.0))
    table = pd.DataFrame(rows, columns=["what", "seconds", "exit code", "wanted"])
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
