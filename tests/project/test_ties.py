"""No order of equal values is left to the processor: every sort of positions is stable or says."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "benchmarks")
STABLE = {"kind": ("stable", "mergesort"), "stable": (True,)}


def is_stable(call: ast.Call) -> bool:
    """Whether the call asks for a stable sort, or sorts by several columns (stable in pandas)."""
    for word in call.keywords:
        if isinstance(word.value, ast.Constant) and word.value.value in STABLE.get(word.arg, ()):
            return True
    several = call.args and isinstance(call.args[0], ast.List) and len(call.args[0].elts) > 1
    return call.func.attr == "sort_values" and bool(several)


def left_to_the_processor(source: str) -> list[int]:
    """Return the lines that order positions by an unstable sort and do not mention ties."""
    lines, found = source.splitlines(), []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, line = node.func.attr, node.end_lineno
        if name not in ("argsort", "sort_values", "argpartition", "topk") or is_stable(node):
            continue
        if not any("# ties" in text or " ties " in text for text in lines[line - 2 : line]):
            found.append(line)
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_order_of_positions_is_stable_or_says_what_happens_to_ties(folder):
    unstable = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in (ROOT / folder).rglob("*.py")
        for line in left_to_the_processor(path.read_text(encoding="utf-8"))
    }
    assert not unstable


def test_what_the_scan_finds():
    unstable = ("np.argsort(x)", "x.argsort(-1)", "t.sort_values('a')", "t.sort_values(['a'])")
    stable = ("np.argsort(x, kind='stable')", "t.sort_values(['a', 'b'])", "np.sort(x)")
    stable += ("x.argsort(dim=1, stable=True)", "t.sort_values('a', kind='stable')")
    assert all(left_to_the_processor(line) == [1] for line in (*unstable, "torch.topk(x, 3)"))
    assert not any(left_to_the_processor(line) for line in stable)
    assert not left_to_the_processor("np.argsort(x)  # ties share a rank")
