"""Drawings with fewer bytes: each point stays where it was."""

from __future__ import annotations

import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from bookkit.drawings import compact, shorter_path


def absolute(steps: str) -> list[tuple[float, float]]:
    """The points of a path in relative steps."""
    points, (x, y), start = [], (0.0, 0.0), (0.0, 0.0)
    for command, text in re.findall(r"([a-z])([^a-z]*)", steps):
        numbers = [float(n) for n in re.findall(r"-?(?:\d+\.\d+|\.\d+|\d+)", text)]
        if command in "hv":
            for number in numbers:
                x, y = (x + number, y) if command == "h" else (x, y + number)
                points.append((x, y))
            continue
        if command == "z":
            x, y = start
            continue
        size = {"m": 2, "l": 2, "q": 4, "c": 6}[command]
        for k in range(0, len(numbers), size):
            group = numbers[k : k + size]
            points += [(x + group[j], y + group[j + 1]) for j in range(0, size, 2)]
            x, y = points[-1]
        start = (x, y) if command == "m" else start
    return points


@pytest.mark.parametrize("seed", range(10))
def test_a_path_goes_through_the_same_points(seed):
    rng = np.random.default_rng(seed)
    steps, points = [], []
    for command in rng.choice(list("MLLLQCz"), 40):
        count = {"M": 1, "L": 1, "Q": 2, "C": 3, "z": 0}[command]
        drawn = rng.normal(scale=100, size=(count, 2)).round(6)
        if points and command == "L" and rng.random() < 0.5:
            drawn[0, 0] = points[-1][0]  # straight up or down
        points += [tuple(point) for point in drawn]
        steps.append(f"{command} " + " ".join(f"{x} {y}" for x, y in drawn))
    if not steps[0].startswith("M"):
        steps.insert(0, "M 0 0")
        points.insert(0, (0.0, 0.0))
    np.testing.assert_allclose(absolute(shorter_path("\n".join(steps))), points, atol=0.0051)


def test_a_path_with_other_commands_stays():
    assert shorter_path("M 0 0 A 1 1 0 0 1 2 2") == "M 0 0 A 1 1 0 0 1 2 2"


def test_a_figure_keeps_letters_marks_and_clips():
    fig, axes = plt.subplots()
    axes.plot([1, 2, 3], [1, 4, 9], "o-", label="squares")
    axes.scatter(np.arange(50), np.arange(50), rasterized=True)
    axes.legend()
    file = io.StringIO()
    fig.savefig(file, format="svg")
    plt.close(fig)
    before, after = file.getvalue(), compact(file.getvalue())
    assert len(after) < 0.6 * len(before)
    used = re.findall(r'<use[^>]*? href="#(\w+)"', after)
    assert len(used) == before.count("<use") and set(used) <= set(re.findall(r'id="(\w+)"', after))
    clips = re.findall(r"url\(#(\w+)\)", after)
    assert len(clips) == before.count("clip-path=") and all(f'id="{c}"' in after for c in clips)
    assert after.count("data:image/png") == before.count("data:image/png") == 1
    assert re.search(r'width="[\d.]+pt"', after) and "metadata" not in after
    assert compact(after).count("<use") == len(used)  # a second time is no harm
