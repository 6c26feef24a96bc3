"""Every shipped positive control is found by the pages that ask for what it was trained to hold."""

import json

import pytest
from page_runs import result_of

from helpers.models.load import shipped_models

pytestmark = pytest.mark.slow
CONTROLS = [name for name in shipped_models() if name.startswith("control-")]
FOUND_BY = {
    "10_coexpression": "10.3",
    "12_null_models": "12.1",
    "13_beyond_attention": "13.1",
    "41_head_ablation": "41.0",
    "50_mediation_circuits": "50.24",
}
"""Page -> the test that must say yes of a model that holds the edges; p before any correction."""


def test_there_are_controls_and_they_rank_their_edges():
    assert "control-scgpt" in CONTROLS
    rows = result_of("10_coexpression")
    for name in CONTROLS:
        values = json.loads((rows / "values.json").read_text(encoding="utf-8"))
        ways = [values[f"control/{name}/{way}"]["value"] for way in ("forward", "transpose")]
        assert max(ways) >= 0.9, name


@pytest.mark.parametrize(("page", "test"), FOUND_BY.items())
@pytest.mark.parametrize("name", CONTROLS)
def test_the_page_finds_the_control(page, test, name):
    found = _tests(result_of(page), f"{test}/{name}/")
    assert found, f"{page} does not ask {name}"
    # Page 50 traces several pairs; a mediator of one is enough.
    assert min(one["p"] for one in found if one["estimable"]) <= 0.05


def _tests(folder, start):
    lines = (folder / "tests.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [one for one in rows if one["test_id"].startswith(start)]
