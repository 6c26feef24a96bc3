import html
import json
import re

import pytest
from typer.testing import CliRunner

from helpers.errors import RegistryError
from papers import commands, ledger_page, links, plots
from papers.checks import CHECK_VERDICTS, run_checks
from papers.ledger import NO
from papers.standing import STANDINGS, standing_counts


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    return ledger_page.ledger_of(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def listed(ledger):
    return ledger_page.claim_list(ledger)


def test_every_claim_has_its_own_permalink(ledger, listed):
    anchors = re.findall(r'<dt id="([^"]+)"', listed)
    assert len(anchors) == len(set(anchors)) == len(ledger)
    for name in anchors:
        assert f'href="#{name}"' in listed


def test_every_claim_carries_what_the_filters_read(ledger, listed):
    columns = {"paper": "paper", "section": "section", "agrees": "standing", "evidence": "evidence"}
    for key, column in columns.items():
        values = [html.unescape(v) for v in re.findall(rf'data-{key}="([^"]*)"', listed)]
        assert values == ledger[column].tolist()
        form = re.search(rf'<select name="{key}">(.*?)</select>', listed)[1]
        offered = re.findall(r"<option>([^<]*)</option>", form)
        assert {html.unescape(v) for v in offered} == set(ledger[column])
    sections = re.findall(r"<option>(3\.\d+)</option>", listed)
    assert sections == [f"3.{i}" for i in range(1, 15)]


def test_every_contradiction_is_spelled_out(ledger, listed):
    expected = ledger["contradictions"].map(lambda text: len(text.splitlines())).sum()
    assert listed.count("<li>") == expected > 40


def test_claims_and_checks_link_to_pages_and_code(listed):
    entry = re.search(r'id="claim-mediation-positive-rate".*?</dd>', listed)[0]
    assert 'href="92_published_numbers.html#check-mediation-rate"' in entry
    assert 'href="../_modules/papers/checks/arithmetic.html#ratio"' in entry
    assert 'href="api_papers.html#papers.checks.arithmetic.ratio"' in entry
    checks = ledger_page.check_list(run_checks())
    assert 'id="check-mediation-rate"' in checks
    assert 'href="91_claim_ledger.html#claim-mediation-positive-rate"' in checks


def test_an_answered_claim_links_to_the_place_that_links_back(tmp_path):
    stored = {"value": 0.51, "claim": "cssi/early-layers-auroc#high", "variant": "published"}
    (tmp_path / "11_cssi").mkdir()
    text = json.dumps({"key": stored | {"function": "papers.compare.compare"}})
    (tmp_path / "11_cssi" / "values.json").write_text(text, encoding="utf-8")
    ledger = ledger_page.ledger_of(tmp_path)
    text = ledger_page.claim_list(ledger)
    entry = re.search(r'id="claim-cssi-early-layers-auroc".*?</dd>', text)[0]
    assert 'href="11_cssi.html#answer-cssi-early-layers-auroc"' in entry
    assert "cssi/early-layers-auroc" in ledger_page.differing(ledger)
    line = links.to_claims(["cssi/early-layers-auroc", "cssi/early-layers-auroc"])
    assert line.count('id="answer-cssi-early-layers-auroc"') == 1
    assert 'href="91_claim_ledger.html#claim-cssi-early-layers-auroc"' in line


def test_every_claim_that_differs_is_listed_with_its_figures(ledger):
    text = ledger_page.differing(ledger)
    assert text.count("\n- ") + 1 == ledger["agrees"].eq(NO).sum()


def test_the_short_table_has_seven_columns_and_no_machine_words(ledger):
    table = ledger_page.overview(ledger)
    assert len(table.columns) == 7 and len(table) == len(ledger)
    assert not {"_", "#"} & set("".join(table.columns))


def test_markdown_counts_add_up_and_name_the_archives(ledger):
    text = ledger_page.counts_markdown(ledger)
    first, second, archives = text.split("\n\n")
    for block in (first, second):
        rows = [line.split("|") for line in block.splitlines()[2:]]
        assert sum(int(row[-2]) + int(row[-3]) for row in rows) == len(ledger)
    assert "not fetched in this build" in archives


def test_contradictions_are_the_inconsistent_checks():
    checks = run_checks()
    table = ledger_page.contradictions(checks)
    assert len(table) == sum(c.verdict == "inconsistent" for c in checks) > 0
    counts = ledger_page.verdict_counts(checks)
    assert list(counts.columns) == list(CHECK_VERDICTS)
    assert counts.to_numpy().sum() == len(checks)
    assert "literal" not in counts.index
    with pytest.raises(RegistryError, match="no checks"):
        ledger_page.verdict_counts([])


def test_bars_show_every_measured_claim(ledger):
    counts = standing_counts(ledger)
    figure, alt = plots.standing_bars(counts)
    widths = sum(patch.get_width() for patch in figure.axes[0].patches)
    assert widths == ledger["kind"].eq("measured").sum()
    assert alt.startswith("Stacked bars of claims")
    assert set(plots.COLOURS) == set(STANDINGS)


def test_readme_numbers_are_written_between_the_markers(tmp_path, monkeypatch):
    monkeypatch.setenv("HELPERS_RESULTS_DIR", str(tmp_path / "results"))
    (tmp_path / "results" / "demo").mkdir(parents=True)
    path = tmp_path / "README.md"
    path.write_text(f"before\n{commands.BEGIN}\nold\n{commands.END}\nafter\n", encoding="utf-8")
    outcome = CliRunner().invoke(commands.app, ["readme", "--path", str(path)])
    assert outcome.exit_code == 0, outcome.output
    text = path.read_text(encoding="utf-8")
    assert text.startswith("before") and text.endswith("after\n")
    assert "old" not in text and "| not compared |" in text


def test_a_readme_without_markers_is_left_alone(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("text\n", encoding="utf-8")
    outcome = CliRunner().invoke(commands.app, ["readme", "--path", str(path)])
    assert isinstance(outcome.exception, RegistryError)
    assert path.read_text(encoding="utf-8") == "text\n"
