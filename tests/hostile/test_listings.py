"""Lists that people edit, records of tests, and the listing of a mirror, damaged."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
from hostile_kit import JUNK, refuses

from bookkit import bookkeeping, notebooks
from bookkit.findings import Results
from helpers.datasets import fetch
from helpers.errors import DataError
from papers import claims, evidence
from papers.checks import audit

CLAIM = "{id: a/b, paper: A, section: '1', quantity: q, kind: k"
YAML = {
    **JUNK,
    "a text": b"claims: text\nchecks: text\n",
    "an object": b"claims: {a: 1}\nchecks: {a: 1}\n",
    "a number in the list": b"claims: [3]\nchecks: [3]\n",
    "a list in the list": b"claims: [[]]\nchecks: [[]]\n",
    "nothing in the list": b"claims: [null]\nchecks: [null]\n",
    "an object of nothing": b"claims: [{}]\nchecks: [{}]\n",
    "tabs": b"claims:\n\t- {}\n",
    "stairs": b"claims: " + b"- " * 100_000,
    "steps": b"\n".join(b" " * k + b"a:" for k in range(2500)),
    "code": b"claims: !!python/object/apply:os.mkdir [RUN]\n",
    "another tag": b"claims: !!binary x\nchecks: !!binary x\n",
    "no such anchor": b"claims: *a\n",
    "two documents": b"claims: []\n---\nclaims: []\n",
    "itself": b"claims: &a [*a]\nchecks: *a\n",
}
BOMB = "x: &a [" + "1, " * 9 + "1]\n"
for name, before in zip("bcdefghi", "abcdefgh", strict=True):
    BOMB += f"x{name}: &{name} [" + f"*{before}, " * 9 + f"*{before}]\n"
CLAIMS = {
    **YAML,
    "an id that is a number": f"claims: [{CLAIM.replace('a/b', '3')}}}]",
    "a quantity that is a list": f"claims: [{CLAIM.replace(': q', ': [q]')}}}]",
    "a range of three": f"claims: [{CLAIM}, range: [1, 2, 3]}}]",
    "a range that is a number": f"claims: [{CLAIM}, range: 3}}]",
    "twice": f"claims: [{CLAIM}}}, {CLAIM}}}]",
    "a billion in few lines": BOMB + f"claims: [{CLAIM.replace('a/b', '*i')}}}]",
}
CHECKS = {
    **YAML,
    "no function": "checks: [{id: a, question: q}]",
    "no such function": "checks: [{id: a, question: q, function: os}]",
    "a hidden function": "checks: [{id: a, question: q, function: __import__}]",
    "no such figure": "checks: [{id: a, question: q, function: ratio, figures: {a: b/c}}]",
    "figures that are a list": "checks: [{id: a, question: q, function: ratio, figures: [1]}]",
    "each of nothing": "checks: [{id: '{x}', each: {x: 3}}]",
    "an attribute": "checks: [{id: '{x.__class__.y}', each: {x: [1]}, function: ratio}]",
}
TARGETS = {
    **{name: content for name, content in JUNK.items() if name != "empty"},
    "a claim without a name": b"paper,section\nA,1\n",
    "a target of nothing": b"id,paper,section,quantity,kind,repeats\na,A,1,q,k,no/such\n",
    "a line too long": b"id,paper,section,quantity,kind,repeats\na,A,1,q,k,,too,many\n",
    "a field too long": b"id\n" + b"9" * 200_000,
}


@pytest.fixture
def lists(tmp_path, root, monkeypatch):
    """A copy of the lists, from which claims and checks are read."""
    for path in ("claims.yaml", "targets.csv", "ledger_notes.yaml", "checks/checks.yaml"):
        (tmp_path / "papers" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / "src" / "papers" / path, tmp_path / "papers" / path)
    where = {"papers": tmp_path / "papers", "papers.checks": tmp_path / "papers" / "checks"}
    monkeypatch.setattr(claims, "files", where.__getitem__)
    return tmp_path / "papers"


def damage(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("case", CLAIMS)
def test_claims(lists, case):
    damage(lists / "claims.yaml", CLAIMS[case])
    refuses(claims.load_claims.__wrapped__, lists, "claim")


@pytest.mark.parametrize("case", TARGETS)
def test_targets(lists, case):
    damage(lists / "targets.csv", TARGETS[case])
    refuses(claims.load_claims.__wrapped__, lists)


@pytest.mark.parametrize("case", CHECKS)
def test_checks(lists, case):
    damage(lists / "checks" / "checks.yaml", CHECKS[case])
    refuses(audit.run_checks, lists, "check|No claim")


@pytest.mark.parametrize("case", YAML)
def test_notes_on_the_ledger(lists, case):
    damage(lists / "ledger_notes.yaml", YAML[case])
    refuses(evidence.load_notes, lists, "ledger_notes")


RECORD = {"test_id": "10.1/a", "notebook": "10_coexpression"}
RECORDS = {
    **{name: content for name, content in JUNK.items() if name != "empty"},
    "an object of nothing": b"{}",
    "few fields": json.dumps(RECORD).encode(),
    "unknown fields": json.dumps(RECORD | {"x": 1}).encode(),
    "not a number": b'{"test_id": NaN}',
    "half a line": b'{"test_id": "10.1/a"}\n{"test_id"',
}


@pytest.mark.parametrize("case", RECORDS)
def test_records_of_tests(tmp_path, case, monkeypatch):
    monkeypatch.setenv("HELPERS_RESULTS_DIR", str(tmp_path))
    folder = tmp_path / "demo" / "10_coexpression"
    folder.mkdir(parents=True)
    (folder / "values.json").write_text("{}")
    (folder / "tests.jsonl").write_bytes(RECORDS[case])
    number = next(iter(Results("demo").declared("10_coexpression").tests))
    for read in (
        lambda: Results("demo").findings(number),
        lambda: bookkeeping.registry_of(tmp_path / "demo", ["10_coexpression"]),
    ):
        assert "helpers run 10_coexpression --force" in refuses(read, tmp_path)
    assert "10_coexpression" in notebooks.names()


LISTINGS = {
    **JUNK,
    "other columns": b"a\tb\n1\t2\n",
    "a field too long": b"sha256\tpath\n" + b"9" * 200_000,
    "a path elsewhere": b"path\tsha256\n../../etc/passwd\t%s\n",
    "a path with a NUL byte": b"path\tsha256\na\0b\t%s\n",
    "a path too long": b"path\tsha256\n" + b"a" * 5000 + b"\t%s\n",
    "a folder": b"path\tsha256\n.\t%s\n",
}


@pytest.mark.parametrize("case", LISTINGS)
def test_the_listing_of_a_mirror(tmp_path, case, monkeypatch):
    monkeypatch.setenv(fetch.VARIABLE, str(tmp_path))
    wanted = hashlib.sha256(b"wanted").hexdigest()
    listing = tmp_path / "MANIFEST.tsv"
    listing.write_bytes(LISTINGS[case].replace(b"%s", wanted.encode()))
    try:
        assert fetch.find_in_mirror("a/b.csv", wanted, 7) is None
    except DataError as error:
        assert str(listing) in str(error) and "remove it" in str(error)
