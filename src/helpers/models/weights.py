"""Read and write weight files without running anything that is in them."""

from __future__ import annotations

import json
import pickle
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.overrides import TorchFunctionMode

from helpers.datasets.safe_pickle import load_primitives
from helpers.errors import DataError, ModelError
from helpers.files import atomic_write
from helpers.schema import read_object

WHOLE = ("position_ids", "token_type_ids", "num_batches_tracked", "attention.bias", "masked_bias")
"""Endings of names whose tensors may hold whole numbers or truth values: counters and masks."""


class _Undrawn(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (torch.Tensor.normal_, torch.nn.init.normal_):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


@contextmanager
def shapes_only() -> Iterator[None]:
    """Make modules inside the block without memory.

    Normal weights are not drawn: to draw nothing there PyTorch would import sympy, a second's work.
    """
    with torch.device("meta"), _Undrawn():
        yield


def find_weights(directory: Path, names: tuple[str, ...]) -> Path:
    """Return the first of `names` that exists in `directory`.

    Raises
    ------
    ModelError
        If none does.
    """
    for name in names:
        if (directory / name).is_file():
            return directory / name
    raise ModelError(f"{directory}: no weights; expected one of {', '.join(names)}")


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read the named tensors of a safetensors or PyTorch file.

    PyTorch files go through ``torch.load(weights_only=True)``, whose unpickler builds tensors and
    containers only.

    Raises
    ------
    ModelError
        If the file would run code, is truncated, is not a table of tensors, or holds a number that
        is not finite; the message names the tensor where there is one.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        tensors = _read_safetensors(path)
    else:
        tensors = _read_torch(path)
    for name, tensor in tensors.items():
        _check_kind(path, name, tensor)
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            bad = int((~torch.isfinite(tensor)).sum())
            raise ModelError(
                f"{path}: tensor {name!r} holds {bad} values that are NaN or infinite; "
                "fetch the checkpoint again"
            )
    return tensors


def _check_kind(path: Path, name: str, tensor: torch.Tensor) -> None:
    """Refuse what no checkpoint needs: sparse, quantised, complex, and more than the file holds."""
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
    if not plain or tensor.is_quantized or tensor.is_complex():
        raise ModelError(
            f"{path}: tensor {name!r} is of layout {tensor.layout}, type {tensor.dtype} on "
            f"{tensor.device}; save dense numbers"
        )
    if not tensor.is_floating_point() and not name.endswith(WHOLE):
        raise ModelError(
            f"{path}: tensor {name!r} holds {tensor.dtype}, no floating-point numbers; "
            "fetch the checkpoint again"
        )
    if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
        raise ModelError(
            f"{path}: tensor {name!r} claims {tensor.numel():,} numbers, more than are stored; "
            "fetch the checkpoint again"
        )


def check_layers(path: Path, tensors: Mapping[str, torch.Tensor], prefix: str, n: int) -> None:
    """Refuse a configuration of other than the stored layers, before anything of it is built.

    Parameters
    ----------
    path
        Named in the message.
    tensors
        Tensors of the checkpoint.
    prefix
        What stands before a layer's number in their names.
    n
        Layers of the configuration.

    Raises
    ------
    ModelError
        If the numbers differ.
    """
    found = {name[len(prefix) :].partition(".")[0] for name in tensors if name.startswith(prefix)}
    if len(found) != n:
        raise ModelError(
            f"{path}: {len(found)} layers are stored and the configuration asks for {n}; "
            "the weights do not belong to this configuration"
        )


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write named tensors as safetensors, all or nothing."""
    contiguous = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    with atomic_write(Path(path)) as temporary:
        save_file(contiguous, temporary, metadata={"format": "pt"})


def check_fit(path: Path, found: Mapping[str, torch.Tensor], wanted: Mapping[str, tuple]) -> None:
    """Compare a checkpoint's tensors with what the architecture needs.

    Parameters
    ----------
    path
        Named in the message.
    found
        Tensors of the checkpoint.
    wanted
        Shape of every tensor of the architecture.

    Raises
    ------
    ModelError
        Listing every missing, unexpected and wrong-shape tensor.
    """
    missing = [f"missing {name} {list(wanted[name])}" for name in wanted if name not in found]
    unexpected = [
        f"unexpected {name} {list(found[name].shape)}" for name in found if name not in wanted
    ]
    wrong = [
        f"wrong shape {name}: {list(found[name].shape)}, needed {list(wanted[name])}"
        for name in wanted
        if name in found and tuple(found[name].shape) != tuple(wanted[name])
    ]
    if problems := [*missing, *unexpected, *wrong]:
        raise ModelError(
            f"{path}: {len(missing)} missing, {len(unexpected)} unexpected, {len(wrong)} "
            "wrong-shape tensors; the weights do not belong to this configuration:\n  "
            + "\n  ".join(problems)
        )


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except (KeyError, ValueError, OSError, AttributeError, TypeError) as error:
        raise ModelError(f"{path}: not readable as safetensors ({error!r})") from error
    except SafetensorError as error:
        outside = _first_tensor_outside(path)
        where = f"tensor {outside!r} lies outside the file" if outside else str(error)
        raise ModelError(
            f"{path}: truncated or corrupt: {where}; fetch the checkpoint again"
        ) from error


def _first_tensor_outside(path: Path) -> str | None:
    """Return the first tensor whose bytes the file does not reach, from the readable header."""
    with path.open("rb") as handle:
        prefix = handle.read(8)
        if len(prefix) < 8:
            return None
        (length,) = struct.unpack("<Q", prefix)
        if length > path.stat().st_size - 8:
            return None
        try:
            header = json.loads(handle.read(length))
        except ValueError:
            return None
    available = path.stat().st_size - 8 - length
    ends = sorted(
        (entry["data_offsets"][1], name)
        for name, entry in header.items()
        if name != "__metadata__" and isinstance(entry, dict) and "data_offsets" in entry
    )
    return next((name for end, name in ends if end > available), None)


def _check_archive(path: Path) -> None:
    """Refuse a zipped PyTorch file of which a byte has changed: torch does not look."""
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise ModelError(f"{path}: truncated or damaged ({error}); fetch it again") from error
    if damaged is not None:
        raise ModelError(f"{path}: damaged, {damaged} has another checksum; fetch it again")


def _read_torch(path: Path) -> dict[str, torch.Tensor]:
    _check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"(?:GLOBAL|global|class|type) ([\w.]+\.[\w.]+)", str(error))
        what = f" ({named.group(1)})" if named else ""
        raise ModelError(
            f"{path}: refused, the pickle asks for code that is not a tensor{what}; "
            "use a safetensors copy of the weights"
        ) from error
    except Exception as error:  # a damaged pickle fails in any way
        raise ModelError(
            f"{path}: truncated or not a PyTorch file ({type(error).__name__}); "
            "fetch the checkpoint again"
        ) from error
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor)
        for name, tensor in content.items()
    ):
        raise ModelError(f"{path}: not a table of named tensors (a state dict); save it as one")
    return dict(content)


def read_json(path: Path) -> dict:
    """Read a JSON object of a checkpoint (see `helpers.schema.read_object`).

    Raises
    ------
    ModelError
        If the file is missing, no regular one, or is not a JSON object.
    """
    return read_object(path, ModelError)


def write_json(path: Path, content: Mapping, indent: int | None = None) -> None:
    """Write a JSON object, all or nothing."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=indent) + "\n", encoding="utf-8")


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
        except OSError as error:
            raise ModelError(f"{path}: missing or not readable; fetch it again") from error
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
