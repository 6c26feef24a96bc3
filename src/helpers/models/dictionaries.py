"""Read dictionaries that come as JSON or as pickles, without running anything in a pickle."""

from __future__ import annotations

from pathlib import Path

from helpers.datasets.safe_pickle import load_primitives
from helpers.errors import DataError, ModelError
from helpers.models.scgpt import read_json


def read_dictionary(path: Path) -> dict:
    """Read a dictionary of strings to strings or numbers from JSON or pickle.

    Published Geneformer dictionaries are pickles whose values may be NumPy scalars. The reader
    builds containers, strings and numbers; a pickle that names anything else is refused before
    that thing is imported.

    Raises
    ------
    ModelError
        If the file is missing, corrupt, not such a dictionary, or asks for anything else.
    """
    path = Path(path)
    if path.suffix == ".json":
        content = read_json(path)
    else:
        try:
            content = load_primitives(path.read_bytes(), str(path))
        except FileNotFoundError as error:
            raise ModelError(f"{path}: missing; it belongs to the checkpoint") from error
        except DataError as error:
            raise ModelError(
                f"refused: {error}; convert the dictionary to JSON on a machine you trust"
            ) from error
    if not isinstance(content, dict):
        raise ModelError(f"{path}: a dictionary was expected, not {type(content).__name__}")
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, (str, int, float)):
            raise ModelError(f"{path}: entry {key!r} is not a string with a string or number")
    return content
