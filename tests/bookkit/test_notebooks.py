"""Which pages may read the results of which."""

from __future__ import annotations

from bookkit import notebooks


def test_a_page_reads_those_before_it_and_nobody_reads_in_a_circle():
    names = notebooks.names()
    earlier = {name: set(notebooks.upstream(name, names)) for name in names}
    assert {name for name, found in earlier.items() if found} == {
        "90_test_registry",
        "91_claim_ledger",
        "94_claim_to_evidence",
    }
    for name, found in earlier.items():
        assert name not in found
        assert all(name not in earlier[other] for other in found), "each would wait for the other"
        assert all(earlier[other] <= found for other in found), "it runs after what those read"
    # The registry holds the tests of page 93 in a first build as in any later one.
    assert {"10_coexpression", "93_outside_evidence"} <= earlier["90_test_registry"]
    assert "90_test_registry" in earlier["91_claim_ledger"]


def test_a_page_without_the_call_reads_nobody(tmp_path, monkeypatch, root):
    source = root / "tests" / "fixture_book" / "notebooks"
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(tmp_path))
    for path in source.glob("*.md"):
        (tmp_path / path.name).write_text(path.read_text())
    assert notebooks.upstream("90_last") == ["00_first", "01_second"]
    text = (source / "90_last.md").read_text().replace("run.earlier", "[]")
    (tmp_path / "95_aside.md").write_text(text)
    assert notebooks.upstream("95_aside") == []
    assert notebooks.upstream("90_last") == ["00_first", "01_second", "95_aside"]
