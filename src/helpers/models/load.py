"""Load a model by name or directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import yaml

from helpers.errors import ModelError
from helpers.models.adapter import ModelAdapter

FAMILIES = ("cell-sentence", "geneformer", "scgpt")
SHIPPED = Path(__file__).parent / "shipped"
"""Folder of the small checkpoints that come with the package.

:meta hide-value:
"""


def shipped_models() -> list[str]:
    """Return the names of the shipped checkpoints."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/card.yaml"))


def resolve(spec: str) -> tuple[str, Path]:
    """Return the family and directory that `spec` names.

    Parameters
    ----------
    spec
        ``"scgpt:/path"``, ``"geneformer:/path"``, ``"cell-sentence:/path"``, or a shipped name.

    Raises
    ------
    ModelError
        If the name or family is unknown or the directory does not exist.
    """
    family, colon, rest = spec.partition(":")
    if not colon:
        if spec not in shipped_models():
            raise ModelError(
                f"model {spec!r}: not a shipped checkpoint ({', '.join(shipped_models())}); "
                "name your own as scgpt:/path, geneformer:/path or cell-sentence:/path"
            )
        text = (SHIPPED / spec / "card.yaml").read_text(encoding="utf-8")
        card = yaml.load(text, yaml.CSafeLoader)  # safe_load takes six times as long
        return card["family"], SHIPPED / spec
    if family not in FAMILIES:
        raise ModelError(f"model {spec!r}: family {family!r} is not one of {sorted(FAMILIES)}")
    directory = Path(rest).expanduser()
    if not directory.is_dir():
        raise ModelError(f"model {spec!r}: {directory} is not a directory")
    return family, directory


def load_model(
    spec: str, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> ModelAdapter:
    """Load a checkpoint, check every tensor, and return it in evaluation mode.

    Parameters
    ----------
    spec
        ``"scgpt:/path"``, ``"geneformer:/path"``, ``"cell-sentence:/path"``, or a shipped name such
        as ``"scgpt-baron"``.
    device, dtype
        Where the weights go and their type.

    Raises
    ------
    ModelError
        If the directory is incomplete, unsafe, or does not fit its own configuration.
    """
    family, directory = resolve(spec)
    adapter = _loader(family)(directory)
    adapter.module.to(device=device, dtype=dtype).eval()
    return adapter


def _loader(family: str) -> Callable[[Path], ModelAdapter]:
    # Imported here so that one family's dependencies are not paid for by the others.
    if family == "scgpt":
        from helpers.models.scgpt import load_scgpt as found
    elif family == "geneformer":
        from helpers.models.geneformer import load_geneformer as found
    else:
        from helpers.models.cell_sentence import load_cell_sentence as found
    return found
