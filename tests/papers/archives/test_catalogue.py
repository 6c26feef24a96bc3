from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from helpers.datasets import artefacts
from helpers.errors import DataError
from papers.archives import (
    atlas,
    attention,
    catalogue,
    confound,
    draws,
    mediation,
    outside,
    perturbation,
)
from papers.archives.catalogue import (
    archive_files,
    archive_group,
    archive_groups,
    archive_here,
    archive_path,
    availability,
    page_files,
)
from papers.archives.locate import ATLAS, ATTENTION, CONFOUND, MEDIATION, SAE_MAP


def test_an_unknown_group_is_refused_and_the_known_ones_are_listed():
    with pytest.raises(DataError, match="known: "):
        archive_group("no-such-thing")


def test_paths_in_the_cache_are_unique():
    members = [m for group in archive_groups().values() for m in group.members.values()]
    paths = [entry.path for entry in [*artefacts().values(), *members]]
    assert len(paths) == len(set(paths))


def test_archive_groups_list_their_files():
    counts = {name: len(group.members) for name, group in archive_groups().items()}
    assert counts["Biodyn-AI__scgpt-causal-mediation-circuit-map"] == 66
    assert counts["Biodyn-AI__neuro-sae"] == 37
    assert counts["Biodyn-AI__grn-confound-audit"] == 7
    assert counts["Biodyn-AI__specialization-atlas"] == 8
    listed = archive_files("Biodyn-AI__neuro-sae", prefix="novel_method/")
    assert "novel_method/scaling_v2_results.csv" in listed


def test_every_file_that_a_reader_names_is_fetched_with_the_archives():
    pairs = [
        (ATTENTION, attention),
        (ATTENTION, draws),
        (CONFOUND, confound),
        (MEDIATION, mediation),
        (perturbation.PERTURBATION, perturbation),
    ]
    for group, module in pairs:
        reader = module.__name__.rpartition(".")[2]
        listed = [path for path, by in archive_group(group).readers.items() if by == reader]
        assert sorted(listed) == sorted(module.FILES)
    groups = [outside.MAXTOKI, outside.LEADERBOARD, outside.BCB2026]
    listed = [path for group in groups for path in archive_group(group).readers]
    assert sorted(listed) == sorted(outside.FILES)
    named = {reader for group in archive_groups().values() for reader in group.readers.values()}
    assert named == {
        "atlas",
        "attention",
        "confound",
        "draws",
        "mediation",
        "outside",
        "perturbation",
    }
    light = page_files(named - {"atlas"})
    assert sum(item.bytes for item in light) < 1_000_000
    # the annotations of all features in twelve layers, of which no smaller file is public
    listed = [path for g in (ATLAS, SAE_MAP) for path in archive_group(g).readers]
    assert sorted(listed) == sorted((*atlas.FILES, atlas.CONTROLS))
    assert sum(item.bytes for item in page_files({"atlas"})) < 18_000_000


def test_what_is_here_is_known_by_checksum(tmp_path, monkeypatch):
    content = b"archived"
    item = replace(page_files({"confound"})[0], sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(catalogue, "page_files", lambda readers=None: [item])
    monkeypatch.setenv("HELPERS_DATA_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("HELPERS_DATA_MIRROR", raising=False)
    assert availability() == {item.name: "absent"}
    place = tmp_path / "cache" / item.path
    place.parent.mkdir(parents=True)
    place.write_bytes(b"damaged!")
    assert availability() == {item.name: "absent"}
    place.write_bytes(content)
    assert availability() == {item.name: item.sha256}
    (tmp_path / "mirror" / item.path).parent.mkdir(parents=True)
    (tmp_path / "mirror" / item.path).write_bytes(b"damaged!")
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(tmp_path / "mirror"))
    assert availability() == {item.name: "absent"}, "the damaged file of the mirror goes first"


def test_a_page_reads_only_files_whose_arrival_runs_it_again(tmp_path, monkeypatch):
    monkeypatch.setenv("HELPERS_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("HELPERS_DATA_MIRROR", raising=False)
    with pytest.raises(DataError, match="helpers data fetch archives"):
        archive_here(CONFOUND, confound.FILES[0])
    unread = set(archive_files(ATTENTION)) - set(attention.FILES) - set(draws.FILES)
    with pytest.raises(DataError, match="names no reader"):
        archive_here(ATTENTION, min(unread))
    assert not any(tmp_path.iterdir())


def test_an_unregistered_archive_file_is_refused():
    with pytest.raises(DataError, match="has no registered file"):
        archive_path("Biodyn-AI__neuro-sae", "../../etc/passwd")
