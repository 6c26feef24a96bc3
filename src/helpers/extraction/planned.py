"""Extraction as a plan, jobs and a merge, for more cells than one process should read.

A plan is made once: the cells are tokenised into files, genes and shards are chosen, and memory and
time are estimated. A job loads the model, reads its slice of the tokens and writes its sums; jobs
share nothing, so any scheduler may run them, and a lost one is run again. The merge adds the sums
in the order of their numbers, in the memory of one shard. The sums are those of `extract`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from anndata import AnnData

from helpers.alone import alone, remove_leftovers
from helpers.datasets import load
from helpers.datasets.own import open_own
from helpers.errors import DataError, ParameterError
from helpers.extraction.axes import Axes, choose_strata, known_tfs, listed, slots_of
from helpers.extraction.capture import Plan, as_dataset, run_plan
from helpers.extraction.devices import Setting, choose, placed
from helpers.extraction.provenance import FORMAT, weights_hash
from helpers.extraction.shard_files import read_header, shard_path, write_shard
from helpers.extraction.shards import merge_shards
from helpers.extraction.stream import progress
from helpers.extraction.token_store import TokenStore, cell_blocks, open_tokens, store_tokens
from helpers.files import atomic_write
from helpers.models.adapter import ModelAdapter
from helpers.models.load import load_model
from helpers.schema import Number, Text, Whole, check_fields, foreign, read_object

PLAN, TOKENS, SHARDS, MERGED = "plan.json", "tokens", "shards", "attention.zarr"
FIELDS = {
    **dict.fromkeys(
        ("model", "weights", "family", "cells", "codes_digest", "dtype", "tokens"), Text()
    ),
    **dict.fromkeys(("n_cells", "shards", "shard_cells"), Whole(1, 10**9)),
    "seed": Whole(0, 2**63),
    "megabytes": Whole(0, 10**9),
    "minutes": Number(0, 1e9),
}
FOLDER_BYTES = 20e9
"""What all shards together should take at most."""
MOST_SHARDS = 99_999
TRIED = 4
BASE_GIGABYTES = 1.2


@dataclass(frozen=True)
class ExtractionPlan:
    """What is read by which model, and what that takes.

    Parameters
    ----------
    model, weights, family
        Name as `helpers.models.load.load_model` takes it, hash of the weights, architecture.
    cells, n_cells
        Name of the cells, and how many hold a token.
    sources, targets
        Genes on the query axis and on the key axis.
    strata, codes_digest
        Names of the strata, or None, and a hash of the cells' strata.
    shards, shard_cells
        Number of shards, and cells in each but the last.
    seed, dtype, tokens
        Seed of tokenisation, number type of the forward pass, hash of the tokens.
    megabytes, minutes
        Estimated memory and time of one job.
    """

    model: str
    weights: str
    family: str
    cells: str
    n_cells: int
    sources: list[str] = field(repr=False)
    targets: list[str] = field(repr=False)
    strata: list[str] | None
    codes_digest: str
    shards: int
    shard_cells: int
    seed: int
    dtype: str
    tokens: str
    megabytes: int
    minutes: float

    def __str__(self) -> str:
        pairs = f"{len(self.sources)} x {len(self.targets)} genes"
        return (
            f"{self.n_cells} cells, {pairs}, in {self.shards} jobs of at most {self.shard_cells} "
            f"cells; a job takes about {self.minutes:.1f} minutes on this machine and "
            f"{self.megabytes / 1000:.1f} GB, all of them {self.shards * self.minutes:.0f} minutes"
        )

    @property
    def provenance(self) -> dict:
        """What decides the numbers of a shard."""
        kept = asdict(self)
        for name in ("model", "cells", "megabytes", "minutes"):
            del kept[name]
        return {"format": FORMAT, "scores": "softmax", "squares": False, **kept}


def plan_extraction(
    model: str,
    cells: str,
    folder: Path,
    *,
    sources: str | Sequence[str] = "tfs",
    targets: Sequence[str] | None = None,
    strata: str = "",
    shards: int | None = None,
    workers: int = 1,
    seed: int = 0,
    symbols: str = "",
) -> ExtractionPlan:
    """Tokenise cells into a folder and write down what its jobs do.

    Parameters
    ----------
    model
        As `helpers.models.load.load_model` takes it.
    cells
        Registered set, or a file, which is read in blocks (`helpers.datasets.own.open_own`).
    folder
        Folder of this extraction; made.
    sources, targets
        ``"tfs"``, ``"all"`` or symbols, and symbols or None for all; of genes that some cell holds.
    strata
        Column of ``obs`` by which sums are kept apart; empty for none.
    shards, workers
        Number of jobs; without it four for each of so many workers, fewer where sums are large.
    seed
        Seed of tokenisation.
    symbols
        Column of a file's ``var`` with symbols.

    Raises
    ------
    DataError, ModelError, ParameterError
        If the folder holds a plan already, or cells, model or genes do not fit.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        if (folder / PLAN).exists():
            raise DataError(f"{folder}: holds a plan already; use it, or name an empty folder")
        for name in (PLAN, TOKENS):
            remove_leftovers(folder / name)
        about = {"sources": sources, "targets": targets, "strata": strata, "shards": shards}
        return _planned(model, cells, folder, workers=workers, seed=seed, symbols=symbols, **about)


def _planned(
    model, cells, folder, *, sources, targets, strata, shards, workers, seed, symbols
) -> ExtractionPlan:
    adapter = load_model(model)
    held = open_own(cells, symbols=symbols) if "/" in cells or "." in cells else load(cells)
    codes, names = choose_strata(_obs_only(held), strata or None)
    store = store_tokens(adapter, cell_blocks(held), folder / TOKENS, seed)
    np.save(folder / "codes.npy", codes[store.cells])
    axes = _axes(store, held, sources, targets)
    per_shard = _sum_bytes(adapter, axes, 1 if names is None else len(names))
    number = shards or min(4 * workers, max(int(FOLDER_BYTES / per_shard), 1), len(store))
    most = min(len(store), MOST_SHARDS)
    if isinstance(number, bool) or not 1 <= number <= most:
        raise ParameterError(f"shards is {number}; 1 to {most} for {len(store)} cells")
    size = -(-len(store) // number)
    setting = _setting(adapter, store, per_shard)
    seconds = _seconds_per_cell(adapter, store, axes, setting)
    weight = sum(p.numel() * p.element_size() for p in adapter.module.parameters())
    plan = ExtractionPlan(
        model=str(model),
        weights=weights_hash(adapter),
        family=adapter.family,
        cells=str(cells),
        n_cells=len(store),
        sources=axes.sources.tolist(),
        targets=axes.targets.tolist(),
        strata=None if names is None else names.tolist(),
        codes_digest=hashlib.sha256(codes[store.cells].tobytes()).hexdigest(),
        shards=-(-len(store) // size),
        shard_cells=size,
        seed=seed,
        dtype=setting.dtype,
        tokens=store.digest,
        megabytes=int(1000 * BASE_GIGABYTES + (2 * weight + 3 * per_shard) / 1e6),
        minutes=round((10 + size * seconds) / 60, 2),
    )
    with atomic_write(folder / PLAN) as temporary:
        temporary.write_text(json.dumps(asdict(plan), indent=1), encoding="utf-8")
    return plan


def read_plan(folder: Path) -> ExtractionPlan:
    """Read the plan of a folder.

    Raises
    ------
    DataError
        If there is none, or it is damaged.
    """
    path = Path(folder) / PLAN
    if not path.exists():
        raise DataError(f"{path}: missing; plan the extraction first")
    content = read_object(path)
    names = {one.name for one in fields(ExtractionPlan)}
    check_fields(content, FIELDS, path, needed=tuple(FIELDS))
    genes = [content.get("sources"), content.get("targets"), content.get("strata") or []]
    texts = all(isinstance(one, list) and all(isinstance(n, str) for n in one) for one in genes)
    if set(content) != names or not texts:
        raise DataError(f"{path}: not a plan of this version; plan again in an empty folder")
    return ExtractionPlan(**content)


def run_jobs(
    folder: Path, only: Sequence[int] | None = None, show_progress: bool = True
) -> list[Path]:
    """Do the jobs of a plan that are not done; one of a cluster names its number.

    Parameters
    ----------
    folder
        Folder of the plan.
    only
        Numbers of jobs, from 0; None for all.
    show_progress
        Show a bar with the time left.

    Raises
    ------
    DataError, ParameterError
        If the model has other weights than the planned one, a finished shard is of another
        extraction, or there is no job of a number.
    """
    folder = Path(folder)
    plan = read_plan(folder)
    wanted = sorted(set(range(plan.shards) if only is None else only))
    if wanted and not 0 <= wanted[0] <= wanted[-1] < plan.shards:
        raise ParameterError(f"only={wanted}: this plan has jobs 0 to {plan.shards - 1}")
    paths = {number: shard_path(folder / SHARDS, number) for number in wanted}
    for path in paths.values():
        if path.exists() and read_header(path)["provenance"] != plan.provenance:
            raise DataError(f"{path}: a shard of another extraction; use an empty folder")
        if path.exists():  # killed between the last two steps of writing it
            remove_leftovers(path)
    missing = [number for number, path in paths.items() if not path.exists()]
    if missing:
        _run(folder, plan, missing, paths, show_progress)
    return list(paths.values())


def merge_jobs(folder: Path) -> xr.Dataset:
    """Add up the shards of a plan and keep the sums as ``attention.zarr``, which is replaced.

    Raises
    ------
    DataError
        If a shard is missing or damaged, or not of this plan.
    """
    folder = Path(folder)
    plan, found = read_plan(folder), merge_shards(folder / SHARDS)
    first = read_header(shard_path(folder / SHARDS, 0))
    if first["provenance"] != plan.provenance:
        raise DataError(f"{folder / SHARDS}: shards of another extraction than {PLAN} says")
    remove_leftovers(folder / MERGED)
    found.attrs |= {"model": plan.model, "cells": plan.cells}
    names = {name: c.astype(str) for name, c in found.coords.items() if c.dtype == object}
    kept = found.assign_coords(names)
    with atomic_write(folder / MERGED) as temporary:
        kept.to_zarr(temporary, mode="w", consolidated=False, zarr_format=2)
    return found


def _run(folder: Path, plan: ExtractionPlan, missing, paths, show_progress: bool) -> None:
    adapter = load_model(plan.model)
    if weights_hash(adapter) != plan.weights:
        raise DataError(f"{plan.model}: other weights than {folder / PLAN} was made with")
    store = open_tokens(folder / TOKENS)
    if store.digest != plan.tokens:
        raise DataError(f"{folder / TOKENS}: other tokens than the plan's; plan again")
    codes = _read_codes(folder / "codes.npy", plan)
    names = np.asarray(store.gene_names, dtype=object)
    axes = _axes_of(names, np.array(plan.sources, object), np.array(plan.targets, object))
    cuts = {n: slice(n * plan.shard_cells, (n + 1) * plan.shard_cells) for n in missing}
    sizes = [len(range(*cut.indices(len(store)))) for cut in cuts.values()]
    strata = 1 if plan.strata is None else len(plan.strata)
    setting = _setting(adapter, store, _sum_bytes(adapter, axes, strata), plan.dtype)
    bar = progress(sum(sizes), f"{adapter.name} on {setting}", show_progress)
    with placed(adapter, setting), bar:
        for (number, cut), size in zip(cuts.items(), sizes, strict=True):
            with alone(folder, number + 1):
                remove_leftovers(paths[number])
                part = _plan_of(store, cut.start, cut.start + size, axes, codes[cut], plan)
                sums, found = run_plan(adapter, part, np.arange(size), setting, bar.update)
                done = as_dataset(adapter, part, sums, found)
                write_shard(paths[number], done, plan.provenance, number, plan.shards)


def _read_codes(path: Path, plan: ExtractionPlan) -> np.ndarray:
    with foreign(path):
        codes = np.load(path, allow_pickle=False, mmap_mode="r")
        if hashlib.sha256(np.ascontiguousarray(codes).tobytes()).hexdigest() != plan.codes_digest:
            raise DataError(f"{path}: other strata than the plan's; plan again in an empty folder")
        return np.array(codes)


def _plan_of(store: TokenStore, start, stop, axes: Axes, codes, plan) -> Plan:
    names = None if plan is None or plan.strata is None else np.array(plan.strata, object)
    return Plan(
        tokens=store.rows(start, stop),
        axes=axes,
        codes=codes,
        left_out=0,
        strata=names,
        kinds=("softmax",),
        scalar=True,
        squares=False,
        sites=(),
        seed=0 if plan is None else plan.seed,
    )


def _axes(store: TokenStore, held, sources, targets) -> Axes:
    """As `helpers.extraction.axes.choose_axes`, from files."""
    names = np.asarray(store.gene_names, dtype=object)
    seen = names[store.occurring()]
    known = pd.Index(names)
    if isinstance(sources, str) and sources not in ("tfs", "all"):
        raise ParameterError(f"sources={sources!r}: use 'tfs', 'all' or a list of symbols")
    chosen = seen if isinstance(sources, str) else listed(sources, known, "sources")
    if isinstance(sources, str) and sources == "tfs":
        first = held[:1] if isinstance(held, AnnData) else held.take(np.arange(1))
        chosen = seen[np.isin(seen, known_tfs(first))]
    wanted = seen if targets is None else listed(targets, known, "targets")
    if not len(chosen) or not len(wanted):
        raise DataError(f"{len(chosen)} sources and {len(wanted)} targets occur as tokens")
    return _axes_of(names, chosen, wanted)


def _axes_of(names: np.ndarray, sources: np.ndarray, targets: np.ndarray) -> Axes:
    return Axes(sources, targets, slots_of(names, sources), slots_of(names, targets))


def _sum_bytes(adapter: ModelAdapter, axes: Axes, strata: int) -> int:
    pairs = len(axes.sources) * (len(axes.targets) + 1)
    return 8 * adapter.n_layers * adapter.n_heads * strata * pairs


def _setting(adapter: ModelAdapter, store: TokenStore, sums: int, dtype: str = "auto") -> Setting:
    first = store.rows(0, min(64, len(store)))
    return choose(adapter, first, dtype=dtype, sums=sums // adapter.n_layers)


def _seconds_per_cell(adapter: ModelAdapter, store: TokenStore, axes: Axes, setting) -> float:
    few, best = min(TRIED, len(store)), np.inf
    part = _plan_of(store, 0, few, axes, np.zeros(few, np.int64), None)
    with placed(adapter, setting):
        for _ in range(2):  # the first loads and compiles
            begun = time.perf_counter()
            run_plan(adapter, part, np.arange(few), setting)
            best = min(best, (time.perf_counter() - begun) / few)
    return best


def _obs_only(held) -> AnnData:
    return held if isinstance(held, AnnData) else AnnData(obs=held.obs)
