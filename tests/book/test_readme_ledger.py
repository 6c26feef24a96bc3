"""The numbers of the README are those of the built book."""

import json

import pytest

from helpers.files import project_root, results_dir
from papers.commands import BEGIN, END
from papers.ledger_page import counts_markdown, ledger_of


def test_readme_carries_the_ledger_of_the_full_demo_book():
    results = results_dir() / "demo"
    if not (results / "50_mediation_circuits" / "values.json").is_file():
        pytest.skip("the demo book has not been run: no results/demo")
    kept = [json.loads(path.read_text()) for path in results.glob("*/values.json")]
    if any(values.get("archive/present", {}).get("value") is False for values in kept):
        pytest.skip("the demo book was built without archives: helpers data fetch archives")
    text = (project_root() / "README.md").read_text(encoding="utf-8")
    block = text.split(BEGIN)[1].split(END)[0].strip()
    assert block == counts_markdown(ledger_of(results))
