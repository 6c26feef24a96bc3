"""Read dictionaries that come as JSON or as pickles, without running anything in a pickle."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np

from helpers.errors import ModelError
from helpers.models.scgpt import read_json

_SCALAR_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")


def read_dictionary(path: Path) -> dict:
    """Read a dictionary of strings to strings or numbers from JSON or pickle.

    Published Geneformer dictionaries are pickles whose values may be NumPy scalars. The reader
    builds containers, strings, numbers and NumPy number scalars; a pickle that names anything else
    is refused before that thing is imported.

    Raises
    ------
    ModelError
        If the file is missing, corrupt, not such a dictionary, or asks for anything else.
    """
    path = Path(path)
    if path.suffix == ".json":
        return read_json(path)
    try:
        with path.open("rb") as handle:
            content = _Primitives(handle, path).load()
    except FileNotFoundError as error:
        raise ModelError(f"{path}: missing; it belongs to the checkpoint") from error
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, KeyError) as error:
        raise ModelError(f"{path}: truncated or not a pickled dictionary ({error})") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path}: a dictionary was expected, not {type(content).__name__}")
    kinds = (str, int, float)
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in content.items()}
    for key, value in plain.items():
        if not isinstance(key, str) or not isinstance(value, kinds):
            raise ModelError(f"{path}: entry {key!r} is not a string with a string or number")
    return plain


class _Primitives(pickle.Unpickler):
    """An unpickler that knows NumPy number scalars and nothing else by name."""

    def __init__(self, handle, path: Path):
        super().__init__(handle, encoding="latin1")
        self._path = path

    def find_class(self, module: str, name: str) -> Callable:
        """Return our own stand-in for the two NumPy constructors; refuse the rest by name."""
        if module in _SCALAR_MODULES and name == "scalar":
            return _scalar
        if (module, name) == ("numpy", "dtype"):
            return _NumberType
        raise ModelError(
            f"{self._path}: refused, the pickle asks for {module}.{name}, which could run code; "
            "convert the dictionary to JSON on a machine you trust"
        )


class _NumberType:
    """Stands in for ``numpy.dtype`` while unpickling; only plain number types are accepted."""

    def __init__(self, code: str, *_: object):
        if not isinstance(code, str) or code[:1] not in "iuf" or not code[1:].isdigit():
            raise ValueError(f"NumPy type {code!r} is not a number")
        self.code = code
        self.order = "="

    def __setstate__(self, state: tuple) -> None:
        if state[1] not in "<>|=":
            raise ValueError(f"byte order {state[1]!r} is unknown")
        self.order = state[1]


def _scalar(kind: _NumberType, content: bytes | str) -> np.generic:
    raw = content.encode("latin1") if isinstance(content, str) else content
    return np.frombuffer(raw, dtype=np.dtype(kind.order + kind.code), count=1)[0]
