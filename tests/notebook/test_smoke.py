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
