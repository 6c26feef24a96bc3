"""Shards: exact merge, resume, refusal, and survival of kill -9."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from extraction_models import TFS, build, cells, save_scgpt

from helpers.errors import DataError, ParameterError
from helpers.extraction import extract, extract_sharded, merge_shards, write_shards
from helpers.files import sha256_of
from helpers.models.load import load_model

CHOICE = {"sources": TFS, "strata": "donor", "show_progress": False}


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    return build("scgpt", tmp_path_factory.mktemp("model"))


def test_shards_sum_to_the_whole(adapter, tmp_path):
    adata = cells(13)
    choice = CHOICE | {"scores": ("softmax", "qk"), "activations": ("residual",)}
    whole = extract(adapter, adata, **choice)
    merged = extract_sharded(adapter, adata, tmp_path, shard_cells=4, **choice)
    assert len(list(tmp_path.iterdir())) == 4
    assert set(merged.data_vars) == set(whole.data_vars)
    for name in whole.data_vars:
        assert merged[name].dims == whole[name].dims
        # A batch of another width rounds differently in the seventh digit of float32.
        np.testing.assert_allclose(merged[name], whole[name], atol=2e-4, rtol=1e-5)
        if whole[name].dtype.kind == "i":
            np.testing.assert_array_equal(merged[name], whole[name])
    assert list(merged["source"].values) == TFS


def test_any_order_of_shards_gives_the_same_bits(adapter, tmp_path):
    adata = cells(13)
    for name, order in (("a", [0, 1, 2, 3]), ("b", [3, 1, 0, 2])):
        for number in order:
            write_shards(adapter, adata, tmp_path / name, shard_cells=4, only=[number], **CHOICE)
    xr.testing.assert_identical(merge_shards(tmp_path / "a"), merge_shards(tmp_path / "b"))


def test_finished_shards_are_not_touched_on_resume(adapter, tmp_path):
    adata = cells(13)
    first = write_shards(adapter, adata, tmp_path, shard_cells=4, only=[0, 2], **CHOICE)
    with pytest.raises(DataError, match=r"2 of 4 shards are missing \(first: \[1, 3\]\)"):
        merge_shards(tmp_path)
    before = [(path.stat().st_mtime_ns, sha256_of(path)) for path in first]
    merged = extract_sharded(adapter, adata, tmp_path, shard_cells=4, batch_size=2, **CHOICE)
    assert before == [(path.stat().st_mtime_ns, sha256_of(path)) for path in first]
    assert int(merged["n_cells"].sum()) == 13


def test_shards_of_other_weights_cells_or_parameters_are_refused(adapter, tmp_path):
    adata = cells(9)
    write_shards(adapter, adata, tmp_path, shard_cells=4, only=[0], **CHOICE)
    other = load_model(f"scgpt:{save_scgpt(tmp_path / 'other', seed=1)}")
    with pytest.raises(DataError, match=r"other weights\)"):
        write_shards(other, adata, tmp_path, shard_cells=4, **CHOICE)
    with pytest.raises(DataError, match=r"other shard_cells\)"):
        write_shards(adapter, adata, tmp_path, shard_cells=5, **CHOICE)
    with pytest.raises(DataError, match=r"other sources\)"):
        write_shards(adapter, adata, tmp_path, shard_cells=4, **CHOICE | {"sources": TFS[1:]})
    with pytest.raises(DataError, match="other cells, n_cells, strata, tokens"):
        write_shards(adapter, adata[:8].copy(), tmp_path, shard_cells=4, **CHOICE)
    with pytest.raises(ParameterError, match="shards 0 to 2"):
        write_shards(adapter, adata, tmp_path, shard_cells=4, only=[3], **CHOICE)


def test_copied_damaged_and_foreign_shards_stop_the_merge(adapter, tmp_path):
    adata = cells(9)
    paths = write_shards(adapter, adata, tmp_path / "a", shard_cells=3, **CHOICE)
    shutil.copy(paths[0], paths[1])
    with pytest.raises(DataError, match="a copied shard counts cells twice"):
        merge_shards(tmp_path / "a")
    paths[1].write_bytes(paths[2].read_bytes()[:-300])
    with pytest.raises(DataError, match=r"shard-00001.npz: not a readable shard .* delete it"):
        merge_shards(tmp_path / "a")
    theirs = write_shards(adapter, cells(9, seed=5), tmp_path / "b", shard_cells=3, **CHOICE)
    shutil.copy(theirs[1], paths[1])
    with pytest.raises(DataError, match="a shard of another extraction"):
        merge_shards(tmp_path / "a")
    with pytest.raises(DataError, match="no shard"):
        merge_shards(tmp_path / "nowhere")


# Imports once, then forks one child per line of input: only the children compute.
WORKER = """
import os, sys
from pathlib import Path
from extraction_models import TFS, cells
from helpers.extraction import extract_sharded
from helpers.models.load import load_model
folder = Path(sys.argv[1])
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        adapter = load_model(f"scgpt:{folder / 'model'}")
        extract_sharded(adapter, cells(40), folder / "shards", shard_cells=2, sources=TFS,
                        batch_size=1, show_progress=False)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_kill_at_random_points_loses_at_most_one_shard(tmp_path):
    """Kill a run several times at random moments; what is merged in the end is exact."""
    save_scgpt(tmp_path / "model")
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[1] / "kits"),
        "OMP_NUM_THREADS": "1",
    }
    rng = np.random.default_rng(0)
    folder, held, codes = tmp_path / "shards", {}, []
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    with subprocess.Popen(command, env=environment, **pipes) as server:
        for attempt in range(4):
            server.stdin.write("go\n")
            child = int(server.stdout.readline())
            if attempt < 3:
                target = len(held) + int(rng.integers(1, 6))
                while len(list(folder.glob("shard-*.npz"))) < target:
                    time.sleep(0.001)
                time.sleep(float(rng.uniform(0, 0.03)))
                os.kill(child, signal.SIGKILL)
            codes.append(int(server.stdout.readline()))
            now = {path.name: sha256_of(path) for path in folder.glob("shard-*.npz")}
            assert held.items() <= now.items(), "a finished shard was lost or written again"
            held = now
        server.stdin.close()
    assert codes == [-signal.SIGKILL] * 3 + [0]
    assert len(held) == 20
    merged = merge_shards(tmp_path / "shards")
    adapter = load_model(f"scgpt:{tmp_path / 'model'}")
    undisturbed = extract_sharded(
        adapter,
        cells(40),
        tmp_path / "again",
        shard_cells=2,
        sources=TFS,
        batch_size=1,
        show_progress=False,
    )
    # Another process may form products in another order: float32 sums agree to rounding, and one
    # shard too many or too few would change them by a twentieth.
    xr.testing.assert_allclose(merged, undisturbed, rtol=1e-5, atol=1e-7)
    xr.testing.assert_identical(merged["count"], undisturbed["count"])
    assert int(merged["n_cells"]) == 40
