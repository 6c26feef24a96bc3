from __future__ import annotations

import os
import pickle
import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.datasets.safe_pickle import load_frame, load_primitives
from helpers.errors import DataError


class Evil:
    """Runs a command when unpickled by a careless reader."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.system, (f"touch {self.trace}",)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_plain_values_come_back(protocol: int):
    value = {"a": 1, "b": [1.5, None, True, "ü"], ("t", 2): {"x": b"raw"}, "big": 2**70}
    assert load_primitives(pickle.dumps(value, protocol=max(protocol, 3)), "f") == value


def test_numpy_scalars_become_python_numbers():
    value = {"a": np.float64(0.1), "b": np.int16(-7), "c": np.float32(0.5), "d": np.bool_(True)}
    read = load_primitives(pickle.dumps(value), "f")
    assert read == {"a": 0.1, "b": -7, "c": 0.5, "d": True}
    assert {type(one) for one in read.values()} == {float, int, bool}


@pytest.mark.parametrize("reader", [load_primitives, load_frame])
def test_a_malicious_pickle_is_refused_and_runs_nothing(reader, tmp_path: Path):
    trace = tmp_path / "trace"
    data = pickle.dumps({"genes": Evil(trace)})
    with pytest.raises(DataError, match=r"posix.system, which is not run"):
        reader(data, "evil.pkl")
    assert not trace.exists()
    pickle.loads(data)  # noqa: S301 - control: this pickle does run its command elsewhere
    assert trace.exists()


@pytest.mark.parametrize(
    "value", [OrderedDict(a=1), Path("x"), len, np.arange(3), pd.Series([1]), np.dtype("f8")]
)
def test_anything_with_a_class_is_refused(value):
    with pytest.raises(DataError, match="not a pickle of plain values"):
        load_primitives(pickle.dumps({"v": value} if value is len else value), "f")


def test_an_object_scalar_is_refused():
    from numpy._core.multiarray import scalar

    class Sly:
        def __reduce__(self):
            return scalar, (np.dtype("O"), b"\0" * 8)

    with pytest.raises(DataError, match="not a plain number"):
        load_primitives(pickle.dumps(Sly()), "f")


@pytest.mark.parametrize("kept", [0, 1, 5, 20])
def test_a_truncated_pickle_is_refused(kept: int):
    data = pickle.dumps({"genes": list(range(300))})
    with pytest.raises(DataError, match="f is not a pickle"):
        load_primitives(data[:kept], "f")


def test_noise_is_refused():
    noise = np.random.default_rng(0)
    for size in (1, 10, 100):
        with pytest.raises(DataError):
            load_primitives(noise.bytes(size), "noise")


def old_frame(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Pickle a table in the layout of pandas 1.x and numpy 1.x, written by look-alikes."""
    made: dict[str, type] = {}

    def look_alike(module: str, name: str) -> type:
        kind = type(name, (), {"__module__": module, "__getstate__": lambda self: self.state})
        if module not in made:
            made[module] = types.ModuleType(module)
            monkeypatch.setitem(sys.modules, module, made[module])
        setattr(made[module], name, kind)
        return kind

    def function(module: str, name: str):
        def called(*args):
            raise AssertionError("never called")

        called.__module__, called.__qualname__, called.__name__ = module, name, name
        if module not in made:
            made[module] = types.ModuleType(module)
            monkeypatch.setitem(sys.modules, module, made[module])
        setattr(made[module], name, called)
        return called

    frame_type = look_alike("pandas.core.frame", "DataFrame")
    manager_type = look_alike("pandas.core.internals.managers", "BlockManager")
    new_index = function("pandas.core.indexes.base", "_new_Index")
    index_type = look_alike("pandas.core.indexes.base", "Index")
    reconstruct = function("numpy.core.multiarray", "_reconstruct")

    class Array:
        def __init__(self, values: np.ndarray) -> None:
            self.values = values

        def __reduce__(self):
            plain = self.values.dtype == object
            dtype = np.dtype("O") if plain else self.values.dtype
            # As numpy wrote it: block values are in Fortran order.
            data = self.values.ravel(order="F").tolist() if plain else self.values.tobytes("F")
            state = (1, self.values.shape, dtype, True, data)
            return reconstruct, (np.ndarray, (0,), b"b"), state

    class Named:
        def __init__(self, names: list[str]) -> None:
            self.names = names

        def __reduce__(self):
            names = np.array(self.names, dtype=object)
            return new_index, (index_type, {"data": Array(names), "name": None})

    blocks = [
        {"values": Array(np.array([["A1BG", "MYC"], ["x", None]], dtype=object)), "mgr_locs": 0},
        {"values": Array(np.array([[5, -7]], dtype=np.int32)), "mgr_locs": 0},
    ]
    blocks[0]["mgr_locs"] = Array(np.array([0, 2]))
    blocks[1]["mgr_locs"] = slice(1, 2, 1)
    manager = manager_type()
    manager.state = (
        [],
        [],
        [],
        {
            "0.14.1": {
                "axes": [Named(["gene", "start", "note"]), Named(["g1", "g2"])],
                "blocks": blocks,
            }
        },
    )
    frame = frame_type()
    frame.state = {"_mgr": manager, "_typ": "dataframe"}
    return pickle.dumps(frame)


def test_a_plain_table_is_rebuilt_from_its_blocks(monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patched:
        data = old_frame(patched)
    table = load_frame(data, "table.pkl")
    expected = pd.DataFrame(
        {"gene": ["A1BG", "MYC"], "start": np.array([5, -7], np.int32), "note": ["x", None]},
        index=["g1", "g2"],
    )
    pd.testing.assert_frame_equal(table, expected)


def test_a_pickle_without_a_table_is_no_table():
    with pytest.raises(DataError, match="not a plain table"):
        load_frame(pickle.dumps({"a": 1}), "f")
