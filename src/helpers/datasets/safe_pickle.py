"""Read pickles of plain values and of plain tables without running anything they name.

A pickle is a program: loading one can call any function. Here every global of a pickle is looked
up in a short table of inert stand-ins that only keep what they are given; a global outside the
table stops the reading. Numpy and pandas are never called with instructions from the file.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import DataError

PLAIN = (dict, list, tuple, set, frozenset, str, bytes, int, float, bool, type(None))
# Element types that an array may have; object arrays hold their values as a list in the pickle.
NUMERIC = frozenset(f"{kind}{size}" for kind in "iuf" for size in (1, 2, 4, 8)) | {"b1", "f2"}


class Inert:
    """Stand-in for a class or function of a pickle: keeps arguments and state, does nothing."""

    def __init__(self, *args: Any) -> None:
        self.args = args
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _stand_in(name: str) -> type[Inert]:
    return type(name, (Inert,), {})


_DTYPE = _stand_in("dtype")
_ARRAY = _stand_in("ndarray")
_BUFFER = _stand_in("frombuffer")
_FRAME = _stand_in("DataFrame")
_INDEX = _stand_in("Index")
_CATEGORICAL = _stand_in("Categorical")


def _element_type(record: Inert) -> np.dtype:
    code = record.args[0]
    if code not in NUMERIC:
        raise pickle.UnpicklingError(f"element type {code!r} is not a plain number")
    order = record.state[1] if isinstance(record.state, tuple) else "="
    return np.dtype(code).newbyteorder(order if order in "<>" else "=")


def _scalar(record: Inert, raw: bytes) -> int | float | bool:
    """Turn a pickled numpy scalar into a Python number."""
    return np.frombuffer(raw, dtype=_element_type(record))[0].item()


def _numpy(*names: str) -> dict[tuple[str, str], Any]:
    """Return the same stand-in under the module names of numpy 1 and numpy 2."""
    stand_ins = {"scalar": _scalar, "_reconstruct": _ARRAY, "_frombuffer": _BUFFER}
    modules = {"_frombuffer": "numeric"}
    return {
        (f"numpy.{core}.{modules.get(name, 'multiarray')}", name): stand_ins[name]
        for core in ("core", "_core")
        for name in names
    }


_SCALARS = {("numpy", "dtype"): _DTYPE, **_numpy("scalar")}
_TABLES = {
    **_SCALARS,
    **_numpy("_reconstruct", "_frombuffer"),
    ("numpy", "ndarray"): _stand_in("ndarray_type"),
    ("pandas.core.frame", "DataFrame"): _FRAME,
    ("pandas.core.internals.managers", "BlockManager"): _stand_in("BlockManager"),
    ("pandas.core.indexes.base", "_new_Index"): _INDEX,
    ("pandas.core.indexes.base", "Index"): _stand_in("index_type"),
    ("pandas.core.arrays.categorical", "Categorical"): _CATEGORICAL,
    ("pandas.core.dtypes.dtypes", "CategoricalDtype"): _stand_in("CategoricalDtype"),
    ("builtins", "slice"): slice,
}


class _Reader(pickle.Unpickler):
    def __init__(self, data: bytes, known: Mapping[tuple[str, str], Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._known = known

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not run")
        return self._known[(module, name)]


def _read(data: bytes, known: Mapping[tuple[str, str], Any], source: str) -> Any:
    # A damaged pickle fails in many ways, all of them from the opcodes: none of it is ours.
    broken = (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError)
    try:
        return _Reader(data, known).load()
    except (*broken, AttributeError, ImportError, OverflowError, MemoryError) as error:
        raise DataError(f"{source} is not a pickle of plain values: {error}") from error


def load_primitives(data: bytes, source: str) -> Any:
    """Return the plain value in a pickle: containers, text, numbers (numpy scalars included).

    Parameters
    ----------
    data
        The pickle.
    source
        Name of the file, for the error message.

    Raises
    ------
    DataError
        If the pickle is damaged or names any class or function.
    """
    value = _read(data, _SCALARS, source)
    if not isinstance(value, PLAIN):
        raise DataError(
            f"{source} is not a pickle of plain values: it holds {type(value).__name__}"
        )
    return value


def load_frame(data: bytes, source: str) -> pd.DataFrame:
    """Return the table in the pickle of a pandas DataFrame (pandas 1.x layout).

    Columns may hold numbers, text, lists of text, or categories. The table is rebuilt from the
    recorded blocks; no constructor named by the file is called.

    Raises
    ------
    DataError
        If the pickle is damaged, names anything but a plain table, or has another layout.
    """
    record = _read(data, _TABLES, source)
    try:
        layout = record.state["_mgr"].state[-1]["0.14.1"]
        columns, rows = (_array(index.args[1]["data"]) for index in layout["axes"])
        table: dict[str, Any] = {}
        for block in layout["blocks"]:
            places = block["mgr_locs"]
            places = (
                np.arange(len(columns))[places] if isinstance(places, slice) else _array(places)
            )
            values = block["values"]
            if isinstance(values, _CATEGORICAL):
                table[columns[places[0]]] = _categories(values)
                continue
            for row, place in zip(_array(values), places, strict=True):
                table[columns[place]] = row
        return pd.DataFrame({name: table[name] for name in columns}, index=rows)
    except (
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        ValueError,
        pickle.PickleError,
    ) as error:
        raise DataError(f"{source} is not a plain table: {error!r}") from error


def _array(record: Inert) -> np.ndarray:
    """Rebuild a numpy array from its recorded state."""
    if isinstance(record, _BUFFER):
        raw, dtype, shape, order = record.args
        return np.frombuffer(raw, dtype=_element_type(dtype)).reshape(shape, order=order)
    _, shape, dtype, fortran, values = record.state
    order = "F" if fortran else "C"
    if dtype.args[0] == "O8":
        flat = np.empty(len(values), dtype=object)
        flat[:] = values
        return flat.reshape(shape, order=order)
    return np.frombuffer(values, dtype=_element_type(dtype)).reshape(shape, order=order)


def _categories(record: Inert) -> pd.Categorical:
    state = record.state
    labels = state["_dtype"].state["categories"].args[1]["data"]
    return pd.Categorical.from_codes(_array(state["_codes"]), categories=_array(labels))
