"""Every notebook of the book runs to its end with the smallest parameters."""

from __future__ import annotations

import json

import pytest

from helpers.running import runner, sources

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def smoke_results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("smoke")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELPERS_RESULTS_DIR", str(folder))
        yield folder


@pytest.mark.parametrize("name", sources.names())
def test_notebook(smoke_results, name):
    done = runner.run(name, profile="smoke")
    assert done.ran
    assert json.loads((done.folder / "values.json").read_text()), "a page without any value"
    log = (done.folder / "log").read_text()
    for sign in ("RuntimeWarning", "ConvergenceWarning", "FutureWarning: helpers"):
        assert sign not in log, log[-2000:]


# One that trains and draws from torch, one that simulates, one that permutes and resamples.
@pytest.mark.parametrize("name", ["02_models", "20_scaling", "10_coexpression"])
def test_the_same_seed_gives_the_same_values_twice(smoke_results, name):
    if not (smoke_results / "smoke" / name / "values.json").is_file():
        runner.run(name, profile="smoke")
    again = runner.run(name, profile="smoke", into="again", force=True)
    assert again.ran
    for file in ("values.json", "tests.jsonl"):
        first = (smoke_results / "smoke" / name / file).read_text()
        assert (again.folder / file).read_text() == first


def test_another_seed_runs_aside_and_gives_other_values(smoke_results):
    first = runner.run("20_scaling", profile="smoke")
    before = (first.folder / "values.json").read_text()
    assert not runner.run("20_scaling", profile="smoke").ran
    other = runner.run("20_scaling", profile="smoke", given={"seed": 1})
    assert other.ran and other.folder != first.folder
    assert (first.folder / "values.json").read_text() == before
    assert (other.folder / "values.json").read_text() != before
    assert not runner.run("20_scaling", profile="smoke").ran
