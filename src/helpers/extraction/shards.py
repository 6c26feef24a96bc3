"""Extraction in pieces: shards of cells, written whole or not at all, and merged exactly."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from anndata import AnnData

from helpers.alone import remove_leftovers
from helpers.errors import DataError, ParameterError
from helpers.extraction.capture import as_dataset, make_plan, run_plan
from helpers.extraction.devices import choose, placed
from helpers.extraction.provenance import differences, digest_of, provenance
from helpers.extraction.shard_files import (
    add_shard,
    read_header,
    read_shard,
    shard_path,
    write_shard,
)
from helpers.extraction.stream import progress
from helpers.models.adapter import ModelAdapter

log = logging.getLogger(__name__)

_NAME = re.compile(r"shard-(\d{5})\.npz")


def _finished(folder: Path) -> dict[int, Path]:
    return {
        int(match[1]): path
        for path in sorted(Path(folder).glob("shard-*.npz"))
        if (match := _NAME.fullmatch(path.name))
    }


def write_shards(
    adapter: ModelAdapter,
    adata: AnnData,
    folder: Path,
    *,
    shard_cells: int = 256,
    only: Sequence[int] | None = None,
    batch_size: int | str = "auto",
    device: str = "auto",
    dtype: str = "auto",
    show_progress: bool = True,
    **choices,
) -> list[Path]:
    """Compute the shards that are missing from a folder.

    Finished shards are left alone, so a run that was interrupted goes on where it was; several
    processes may work in one folder on different shards.

    Parameters
    ----------
    adapter, adata, batch_size, device, dtype, show_progress
        As in `helpers.extraction.extract`.
    folder
        Folder of this extraction and no other.
    shard_cells
        Cells per shard.
    only
        Shard numbers to do; None for all.
    **choices
        The other arguments of `helpers.extraction.extract`.

    Returns
    -------
    list of pathlib.Path
        Files of the wanted shards, all complete.

    Raises
    ------
    DataError
        If the folder holds a shard of other weights, cells or parameters, or a damaged one.
    ParameterError
        If a shard number does not exist.
    """
    if isinstance(shard_cells, bool) or not isinstance(shard_cells, int) or shard_cells < 1:
        raise ParameterError(f"shard_cells={shard_cells!r}: a whole number, at least 1 cell")
    plan = make_plan(adapter, adata, **choices)
    about = {"device": device, "dtype": dtype, "batch_size": batch_size}
    setting = choose(adapter, plan.tokens, sums=plan.layer_bytes(adapter.n_heads), **about)
    table = provenance(adapter, plan, dtype=setting.dtype, shard_cells=shard_cells)
    shards = -(-len(plan.tokens) // shard_cells)
    wanted = list(range(shards)) if only is None else list(only)
    if any(isinstance(one, bool) or not isinstance(one, int) for one in wanted):
        raise ParameterError(f"only={wanted}: numbers of shards, such as only=[0, 3]")
    wanted = sorted(set(wanted))
    if wanted and not 0 <= wanted[0] <= wanted[-1] < shards:
        raise ParameterError(f"only={wanted}: this extraction has shards 0 to {shards - 1}")
    held = _finished(folder)
    for path in held.values():
        _refuse_foreign(path, table)
    missing = [number for number in wanted if number not in held]
    for number in wanted:
        remove_leftovers(shard_path(folder, number))
    log.info("%d of %d shards are missing in %s", len(missing), len(wanted), Path(folder).name)
    places = np.arange(len(plan.tokens))
    pieces = [places[number * shard_cells : (number + 1) * shard_cells] for number in missing]
    bar = progress(sum(map(len, pieces)), f"{adapter.name} on {setting}", show_progress)
    with placed(adapter, setting), bar:
        for number, rows in zip(missing, pieces, strict=True):
            sums, found = run_plan(adapter, plan, rows, setting, bar.update)
            done = as_dataset(adapter, plan, sums, found)
            write_shard(shard_path(folder, number), done, table, number, shards)
    return [shard_path(folder, number) for number in wanted]


def _refuse_foreign(path: Path, table: dict) -> None:
    held = read_header(path)["provenance"]
    if digest_of(held) != digest_of(table):
        raise DataError(
            f"{path}: a shard of another extraction (other {', '.join(differences(held, table))}); "
            "use an empty folder, or repeat the extraction with what it was begun with"
        )


def merge_shards(folder: Path) -> xr.Dataset:
    """Add up the shards of a folder, in the memory that the sums of one take.

    Shards are added in the order of their numbers, so the result is the same to the last bit
    whatever the order in which they were computed.

    Raises
    ------
    DataError
        If a shard is missing, damaged, foreign to the others, or under another one's number.
    """
    paths = _finished(folder)
    if not paths:
        raise DataError(f"{folder}: no shard; run the extraction first")
    first = read_header(next(iter(paths.values())))
    if len(paths) != first["shards"]:  # a number that may be anything, so nothing is made of it
        few = min(first["shards"], len(paths) + 5)
        absent = [n for n in range(few) if n not in paths][:5]
        raise DataError(
            f"{folder}: {first['shards'] - len(paths)} of {first['shards']} shards are missing "
            f"(first: {absent}); run the extraction again to resume"
        )
    for path in paths.values():
        _refuse_foreign(path, first["provenance"])
    merged = read_shard(paths[0])
    for path in list(paths.values())[1:]:
        add_shard(path, merged)
    merged.attrs["provenance"] = digest_of(first["provenance"])
    return merged


def extract_sharded(adapter: ModelAdapter, adata: AnnData, folder: Path, **choices) -> xr.Dataset:
    """Extract in shards that survive interruption, and return the merged sums.

    Parameters
    ----------
    adapter, adata, folder, **choices
        As in `write_shards`.

    Returns
    -------
    xarray.Dataset
        As `helpers.extraction.extract` returns.
    """
    write_shards(adapter, adata, folder, **choices)
    return merge_shards(folder)
