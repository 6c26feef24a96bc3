"""Every shipped positive control is found by the pages that ask for what it was trained to hold."""

import json

import pytest
import yaml
from page_runs import result_of

from helpers.models.registered import SHIPPED

pytestmark = pytest.mark.slow
CARDS = {
    folder.name: yaml.safe_load((folder / "card.yaml").read_text(encoding="utf-8"))
    for folder in sorted(SHIPPED.glob("control-*"))
}
FOUND_BY = {
    "10_coexpression": "10.3",
    "12_null_models": "12.1",
    "13_beyond_attention": "13.1",
    "41_head_ablation": "41.0",
    "50_mediation_circuits": "50.24",
}
"""Page -> the test that must say yes of a model that holds the edges."""
HIDDEN = ("41_head_ablation", "50_mediation_circuits")
"""Pages that hide a target and read what a model says of it."""


def asked(page: str, name: str) -> bool:
    """Return whether the page can ask: no `<mask>` was ever shown to some Geneformer controls."""
    masked = CARDS[name]["training"]["masking"]["mask"]
    return page not in HIDDEN or CARDS[name]["family"] == "scgpt" or masked > 0


def test_there_are_controls_and_they_rank_their_edges():
    assert "control-scgpt" in CARDS
    rows = result_of("10_coexpression")
    for name in CARDS:
        found = _tests(rows, f"10.3/{name}/")
        assert max(one["estimate"] for one in found) >= 0.5
        values = json.loads((rows / "values.json").read_text(encoding="utf-8"))
        ways = [values[f"control/{name}/{way}"]["value"] for way in ("forward", "transpose")]
        assert max(ways) >= 0.9, name


@pytest.mark.parametrize(("page", "test"), FOUND_BY.items())
@pytest.mark.parametrize("name", CARDS)
def test_the_page_finds_the_control(page, test, name):
    found = _tests(result_of(page), f"{test}/{name}/")
    if not asked(page, name):
        assert not found, "a page that reads hidden targets now asks this control: say what it finds"
        return
    assert found, f"{page} does not ask {name}"
    # Pages 41 and 50 judge several sets of pairs; one that is found is enough for a control.
    assert min(one["p"] for one in found if one["estimable"]) <= 0.05


def _tests(folder, start):
    lines = (folder / "tests.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [one for one in rows if one["test_id"].startswith(start)]
