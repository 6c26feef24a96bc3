"""A plan, its jobs and the merge give the sums of one extraction, whoever ran which job."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from extraction_models import TFS, cells, save_geneformer, save_scgpt
from typer.testing import CliRunner

from helpers.cli import app
from helpers.errors import DataError, ParameterError
from helpers.extraction import extract
from helpers.extraction.planned import merge_jobs, plan_extraction, read_plan, run_jobs
from helpers.extraction.token_store import cell_blocks, open_tokens, store_tokens
from helpers.files import sha256_of
from helpers.models.load import load_model


@pytest.fixture(scope="module", params=["scgpt", "geneformer"])
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    {"scgpt": save_scgpt, "geneformer": save_geneformer}[request.param](folder)
    return f"{request.param}:{folder}"


@pytest.fixture
def held(monkeypatch):
    """Thirteen cells under the name of a registered set: their genes are no human ones."""
    made = cells(13)
    monkeypatch.setattr("helpers.extraction.planned.load", lambda name: made)
    return made


def test_stored_tokens_are_those_of_one_call(model, tmp_path):
    adapter, adata = load_model(model), cells(13)
    store = store_tokens(adapter, cell_blocks(adata, 5), tmp_path / "tokens")
    whole = adapter.tokenise(adata)
    assert len(store) == len(whole) and (store.cells == whole.cells).all()
    part = store.rows(3, 11)
    for name in ("ids", "genes", "values"):
        wanted, found = getattr(whole, name), getattr(part, name)
        assert (wanted is None) == (found is None)
        for one, other in zip(found or [], (wanted or [])[3:11], strict=True):
            np.testing.assert_array_equal(one, other)
    seen = np.zeros(adata.n_vars, bool)
    seen[np.unique(np.concatenate(whole.genes))[1:]] = True
    present = np.concatenate(whole.genes)
    assert (store.occurring() == np.isin(np.arange(adata.n_vars), present)).all()


def test_jobs_add_up_to_one_extraction(model, held, tmp_path):
    about = {"sources": TFS, "strata": "donor", "shards": 4}
    plan = plan_extraction(model, "held", tmp_path, **about)
    assert plan.shards == 4 and plan.shard_cells == 4 and plan == read_plan(tmp_path)
    run_jobs(tmp_path, [2], show_progress=False)
    with pytest.raises(DataError, match="3 of 4 shards are missing"):
        merge_jobs(tmp_path)
    done = sha256_of(tmp_path / "shards" / "shard-00002.npz")
    run_jobs(tmp_path, show_progress=False)
    assert sha256_of(tmp_path / "shards" / "shard-00002.npz") == done
    merged = merge_jobs(tmp_path)
    choice = {"sources": TFS, "strata": "donor", "squares": False, "show_progress": False}
    whole = extract(load_model(model), held, **choice)
    assert set(merged.data_vars) == set(whole.data_vars)
    for name in whole.data_vars:
        np.testing.assert_allclose(merged[name], whole[name], atol=2e-4, rtol=1e-5)
    again = xr.open_zarr(tmp_path / "attention.zarr", consolidated=False)
    np.testing.assert_array_equal(again["sum"], merged["sum"])
    assert again["source"].values.tolist() == TFS


def test_a_lost_shard_is_made_again_to_the_bit(model, held, tmp_path):
    plan_extraction(model, "held", tmp_path, sources=TFS, shards=3)
    paths = run_jobs(tmp_path, show_progress=False)
    before = {path.name: sha256_of(path) for path in paths}
    paths[1].unlink()
    run_jobs(tmp_path, [1], show_progress=False)
    assert {path.name: sha256_of(path) for path in paths} == before


def test_what_does_not_belong_together_is_refused(model, held, tmp_path):
    folder = tmp_path / "one"
    plan_extraction(model, "held", folder, sources=TFS, shards=2)
    with pytest.raises(DataError, match="holds a plan already"):
        plan_extraction(model, "held", folder)
    with pytest.raises(ParameterError, match="this plan has jobs 0 to 1"):
        run_jobs(folder, [2])
    run_jobs(folder, show_progress=False)
    other = tmp_path / "two"
    plan_extraction(model, "held", other, sources=TFS, shards=2, seed=5)
    shutil.copytree(folder / "shards", other / "shards")
    with pytest.raises(DataError, match="another extraction"):
        run_jobs(other)
    with pytest.raises(DataError, match=r"(an)?other extraction"):
        merge_jobs(other)
    with pytest.raises(ParameterError, match="shards is 99; 1 to 13"):
        plan_extraction(model, "held", tmp_path / "three", sources=TFS, shards=99)


def test_other_weights_than_planned_are_refused(held, tmp_path):
    save_scgpt(tmp_path / "model")
    plan_extraction(f"scgpt:{tmp_path / 'model'}", "held", tmp_path / "out", sources=TFS)
    save_scgpt(tmp_path / "model", seed=9)
    with pytest.raises(DataError, match="other weights"):
        run_jobs(tmp_path / "out", show_progress=False)


@pytest.mark.parametrize(
    "change",
    [
        {"shards": "3"},
        {"shards": 0},
        {"sources": "TF1"},
        {"targets": [1, 2]},
        {"minutes": float("inf")},
        {"more": 1},
        {"tokens": None},
    ],
)
def test_a_damaged_plan_gives_one_clear_error(held, tmp_path, change):
    save_scgpt(tmp_path / "model")
    plan_extraction(f"scgpt:{tmp_path / 'model'}", "held", tmp_path / "out", sources=TFS)
    path = tmp_path / "out" / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=r"plan\.json"):
        read_plan(tmp_path / "out")


@pytest.mark.parametrize("damage", ["short", "gone", "meta"])
def test_damaged_tokens_give_one_clear_error(held, tmp_path, damage):
    save_scgpt(tmp_path / "model")
    plan_extraction(f"scgpt:{tmp_path / 'model'}", "held", tmp_path / "out", sources=TFS)
    folder = tmp_path / "out" / "tokens"
    if damage == "short":
        (folder / "ids.bin").write_bytes((folder / "ids.bin").read_bytes()[:-4])
    elif damage == "gone":
        (folder / "ends.npy").unlink()
    else:
        (folder / "tokens.json").write_text("{]")
    with pytest.raises(DataError, match=r"(no readable tokens|not readable as JSON).* plan again"):
        open_tokens(folder)


def test_the_command_plans_reads_and_merges(held, tmp_path):
    save_scgpt(tmp_path / "model")
    command = ["extract", f"scgpt:{tmp_path / 'model'}", "--cells", "held", "--sources", "all"]
    command += ["--out", str(tmp_path / "out"), "--shards", "3", "--min-count", "1"]
    planned = CliRunner().invoke(app, [*command, "--plan"])
    assert planned.exit_code == 0 and "in 3 jobs of at most 5 cells" in planned.output
    one = CliRunner().invoke(app, [*command, "--only", "1"])
    assert one.exit_code == 0 and len(list((tmp_path / "out" / "shards").iterdir())) == 1
    assert not (tmp_path / "out" / "edges.parquet").exists()
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    edges = pd.read_parquet(tmp_path / "out" / "edges.parquet")
    assert list(edges) == ["source", "target", "score"] and len(edges) > 50
    assert np.isfinite(edges["score"]).all() and (edges["source"] != edges["target"]).all()
    other = CliRunner().invoke(app, [*command, "--seed", "4"])
    assert other.exit_code == 1 and "holds a plan with seed 0, not 4" in other.output
