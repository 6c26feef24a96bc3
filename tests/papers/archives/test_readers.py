"""Readers of the mediation archive on files made here."""

import json

import pytest

from helpers.errors import DataError
from papers.archives import attention, confound, from_folder, mediation, missing_message
from papers.archives.catalogue import archive_group
from papers.archives.locate import ATTENTION, CONFOUND, MEDIATION
from papers.archives.mediation import FILES, TIERS, read_components, read_effects


def _archive(root, tier="initial"):
    for tissue in ("kidney", "lung", "immune"):
        for folder in ("heads", "mlp"):
            kind = "head:0:1" if folder == "heads" else "mlp:3"
            run = {
                "processed_pairs": ["AA||BB"],
                "pair_stats": {"AA||BB": {"ablation": {"count": 4, "mean": 0.5, "m2": 0.12}}},
                "component_stats": {"AA||BB": {kind: {"count": 4, "mean": 1.0, "m2": 0.48}}},
            }
            path = root / TIERS[tier] / tissue / folder / "checkpoint.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(run))
    return from_folder(root)


def test_components_are_read_with_place_and_spread(tmp_path):
    table = read_components(_archive(tmp_path), "initial")
    row = table.query("tissue == 'lung' and granularity == 'blocks'").iloc[0]
    assert (row["component"], row["layer"], row["block"]) == ("L0:B1", 0, 1)
    assert row["sd"] == pytest.approx(0.4)
    assert row["se"] == pytest.approx(0.2)
    assert read_effects(_archive(tmp_path / "b"), "initial")["se"].iloc[0] == pytest.approx(0.1)


def test_wrong_files_are_named(tmp_path):
    locate = from_folder(tmp_path)
    assert "no file" in missing_message(locate, *FILES)
    with pytest.raises(DataError, match="No tier"):
        read_components(locate, "third")
    path = tmp_path / "implementation/results/kidney/heads/checkpoint.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(DataError, match="not JSON"):
        read_components(locate, "initial")


def test_one_missing_file_of_an_archive_is_named(tmp_path):
    for name in FILES[:-1]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    locate = from_folder(tmp_path)
    assert missing_message(locate, *FILES[:-1]) == ""
    assert FILES[-1] in missing_message(locate, *FILES)


def test_files_of_every_archive_are_in_the_data_registry():
    for group, module in ((MEDIATION, mediation), (ATTENTION, attention), (CONFOUND, confound)):
        assert set(module.FILES) <= set(archive_group(group).members)
