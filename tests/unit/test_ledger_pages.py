import re

import pytest
from typer.testing import CliRunner

from helpers.analyses import ledger as pages
from helpers.errors import RegistryError
from helpers.plotting import ledger as plots
from helpers.registry import commands
from helpers.registry.ledger import STATUSES, status_counts
from helpers.registry.published import CHECK_VERDICTS, run_checks


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    return pages.profile_ledger(tmp_path_factory.mktemp("empty"))


def test_every_claim_has_its_own_permalink(ledger):
    text = pages.claim_list(ledger)
    anchors = re.findall(r'<dt id="([^"]+)"', text)
    assert len(anchors) == len(set(anchors)) == len(ledger)
    assert set(pages.overview_table(ledger)["permalink"]) == {f"#{name}" for name in anchors}


def test_markdown_counts_add_up(ledger):
    rows = [line.split("|") for line in pages.counts_markdown(ledger).splitlines()[2:]]
    assert [row[1].strip() for row in rows] == list(STATUSES)
    assert sum(int(row[-2]) for row in rows) == len(ledger)


def test_status_verdict_follows_the_counts(ledger):
    assert "0 (0 %)" in pages.status_verdict(ledger)
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
