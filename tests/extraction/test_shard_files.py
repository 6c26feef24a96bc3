"""A shard is added in blocks to the same bits as in memory, and only where it fits."""

import numpy as np
import pytest
import xarray as xr

from helpers.errors import DataError
from helpers.extraction import shard_files
from helpers.extraction.shard_files import add_shard, read_shard, shard_path, write_shard


def shard(seed: int, genes: int = 9) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    data = {
        "sum": (("layer", "source", "target"), rng.random((2, genes, 5)).transpose(0, 1, 2)),
        "outside": (("source", "layer"), rng.random((2, genes)).T),  # stored by column in memory
        "count": (("source", "target"), rng.integers(0, 9, (genes, 5))),
        "n_cells": ((), np.int64(seed)),
    }
    names = np.array([f"g{n}" for n in range(genes)], dtype=object)
    return xr.Dataset(data, {"source": names}, {"model": "m"})


@pytest.mark.parametrize("block", [7, 10**6])
def test_blocks_add_up_to_the_bits_of_whole_arrays(tmp_path, monkeypatch, block):
    monkeypatch.setattr(shard_files, "BLOCK_VALUES", block)
    parts = [shard(seed) for seed in range(3)]
    for number, part in enumerate(parts):
        write_shard(shard_path(tmp_path, number), part, {"a": 1}, number, 3)
    merged = read_shard(shard_path(tmp_path, 0))
    xr.testing.assert_identical(merged, parts[0])
    for number in (1, 2):
        add_shard(shard_path(tmp_path, number), merged)
    for name in merged.data_vars:
        expected = parts[0][name].values + parts[1][name].values + parts[2][name].values
        np.testing.assert_array_equal(merged[name].values, expected)


def test_two_writes_are_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_shard(shard_path(tmp_path / name, 0), shard(1), {}, 0, 1)
    first, second = (shard_path(tmp_path / name, 0).read_bytes() for name in "ab")
    assert first == second


def test_a_shard_of_other_genes_is_not_added(tmp_path):
    write_shard(shard_path(tmp_path, 1), shard(1, genes=8), {}, 1, 2)
    with pytest.raises(DataError, match=r"shard-00001\.npz: .* not int64 \(9, 5\)"):
        add_shard(shard_path(tmp_path, 1), shard(0))
