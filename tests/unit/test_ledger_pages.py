import html
import json
import re

import pytest
from typer.testing import CliRunner

from helpers.analyses import ledger as pages
from helpers.errors import RegistryError
from helpers.plotting import ledger as plots
from helpers.registry import commands, links
from helpers.registry.ledger import STATUSES, status_counts
from helpers.registry.published import CHECK_VERDICTS, run_checks


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    return pages.profile_ledger(tmp_path_factory.mktemp("empty"))


def test_every_claim_has_its_own_permalink(ledger):
    text = pages.claim_list(ledger)
    anchors = re.findall(r'<dt id="([^"]+)"', text)
    assert len(anchors) == len(set(anchors)) == len(ledger)
    for name in anchors:
        assert f'href="#{name}"' in text


def test_every_claim_carries_what_the_filters_read(ledger):
    text = pages.claim_list(ledger)
    for key in ("paper", "section", "status"):
        values = [html.unescape(v) for v in re.findall(rf'data-{key}="([^"]*)"', text)]
        assert values == ledger[key].tolist()
        form = re.search(rf'<select name="{key}">(.*?)</select>', text)[1]
        offered = re.findall(r"<option>([^<]*)</option>", form)
        assert {html.unescape(v) for v in offered} == set(ledger[key])
    sections = re.findall(r"<option>(3\.\d+)</option>", text)
    assert sections == [f"3.{i}" for i in range(1, 15)]


def test_claims_and_checks_link_to_pages_and_code(ledger):
    text = pages.claim_list(ledger)
    entry = re.search(r'id="claim-mediation-positive-rate".*?</dd>', text)[0]
    assert 'href="92_published_numbers.html#check-mediation-rate"' in entry
    assert 'href="../_modules/helpers/registry/published/arithmetic.html#ratio"' in entry
    assert 'href="api_registry.html#helpers.registry.published.arithmetic.ratio"' in entry
    listed = pages.check_list(run_checks())
    assert 'id="check-mediation-rate"' in listed
    assert 'href="91_claim_ledger.html#claim-mediation-positive-rate"' in listed


def test_an_answered_claim_links_to_the_place_that_links_back(tmp_path):
    stored = {"value": 0.51, "claim": "cssi/early-layers-auroc#high", "variant": "published"}
    (tmp_path / "11_cssi").mkdir()
    text = json.dumps({"key": stored | {"function": "analyses.published_cssi.table3"}})
    (tmp_path / "11_cssi" / "values.json").write_text(text, encoding="utf-8")
    ledger = pages.profile_ledger(tmp_path)
    entry = re.search(r'id="claim-cssi-early-layers-auroc".*?</dd>', pages.claim_list(ledger))[0]
    assert 'href="11_cssi.html#answer-cssi-early-layers-auroc"' in entry
    assert "cssi/early-layers-auroc" in pages.differences(ledger)
    line = links.to_claims(["cssi/early-layers-auroc", "cssi/early-layers-auroc"])
    assert line.count('id="answer-cssi-early-layers-auroc"') == 1
    assert 'href="91_claim_ledger.html#claim-cssi-early-layers-auroc"' in line


def test_without_answers_nothing_differs(ledger):
    assert pages.differences(ledger).startswith("No claim")


def test_markdown_counts_add_up(ledger):
    rows = [line.split("|") for line in pages.counts_markdown(ledger).splitlines()[2:]]
    assert [row[1].strip() for row in rows] == list(STATUSES)
    assert sum(int(row[-2]) for row in rows) == len(ledger)


def test_status_verdict_follows_the_counts(ledger):
    measured = ledger[ledger["kind"] == "measured"]
    answered = measured["status"].isin(["reproduced", "reproduced with correction"]).sum()
    assert f"{answered} ({100 * answered / len(measured):.0f} %)" in pages.status_verdict(ledger)
    changed = ledger.assign(status="reproduced")
    assert "(100 %)" in pages.status_verdict(changed)


def test_contradictions_are_the_inconsistent_checks():
    checks = run_checks()
    table = pages.contradictions(checks)
    assert len(table) == sum(c.verdict == "inconsistent" for c in checks) > 0
    counts = pages.verdict_counts(checks)
    assert list(counts.columns) == list(CHECK_VERDICTS)
    assert counts.to_numpy().sum() == len(checks)
    assert "literal" not in counts.index


def test_bars_show_every_count(ledger):
    counts = status_counts(ledger)
    figure, alt = plots.status_bars(counts)
    widths = sum(patch.get_width() for patch in figure.axes[0].patches)
    assert widths == len(ledger)
    assert alt.startswith("Stacked bars of claims")


def test_readme_numbers_are_written_between_the_markers(tmp_path, monkeypatch):
    monkeypatch.setenv("HELPERS_RESULTS_DIR", str(tmp_path / "results"))
    (tmp_path / "results" / "demo").mkdir(parents=True)
    path = tmp_path / "README.md"
    path.write_text(f"before\n{commands.BEGIN}\nold\n{commands.END}\nafter\n", encoding="utf-8")
    outcome = CliRunner().invoke(commands.app, ["readme", "--path", str(path)])
    assert outcome.exit_code == 0, outcome.output
    text = path.read_text(encoding="utf-8")
    assert text.startswith("before") and text.endswith("after\n")
    assert "old" not in text and "| no evidence available |" in text


def test_a_readme_without_markers_is_left_alone(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("text\n", encoding="utf-8")
    outcome = CliRunner().invoke(commands.app, ["readme", "--path", str(path)])
    assert isinstance(outcome.exception, RegistryError)
    assert path.read_text(encoding="utf-8") == "text\n"
