"""Readers of the mediation archive on files made here, and cell checks."""

import json

import pytest

from helpers.analyses.archive_cells import absent, cells_table, check
from helpers.analyses.archive_values import key_of
from helpers.archives import attention, confound, from_folder, mediation, missing_message
from helpers.archives.locate import ATTENTION, CONFOUND, MEDIATION
from helpers.archives.mediation import FILES, TIERS, read_components, read_effects
from helpers.datasets.published import archive_group
from helpers.errors import DataError
from helpers.registry.records import NOT_FETCHED


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


def test_a_changed_digit_is_found():
    path = "b/table4[Heads Kidney-Lung].jaccard"
    assert check("b/table4", {path: 0.33929}, function="f").n_match == 1
    found = check("b/table4", {path: 0.3394}, function="f")
    assert found.n_match == 0
    assert path in found.sentence()


def test_printed_figures_stand_beside_recomputed_ones():
    paths = {"b/table4[Heads Kidney-Lung].jaccard": 0.3394, "b/max-jaccard": 0.714}
    table = cells_table(
        [check(path.split("[")[0], {path: v}, function="f") for path, v in paths.items()]
    )
    assert table["figure"].tolist() == list(paths)
    assert table["printed"].tolist() == [0.3393, 0.71]
    assert table["agrees"].tolist() == ["no", "yes"]


def test_keys_follow_the_printed_table():
    path = "b/table4[Heads Kidney-Lung].jaccard"
    assert key_of(path, alone=True) == "table4/heads/kidney-lung"
    path = "b/table2[KLF2->CXCR4 Kidney].ci_lo"
    assert key_of(path, alone=False) == "table2/klf2-cxcr4/kidney/ci_lo"
    assert key_of("b/top5-mass-mlp#low", alone=True) == "top5-mass-mlp/low"


def test_absent_archive_gives_declared_records_with_a_reason():
    records = absent(["50.1"], "50_mediation_circuits", "F50", "no network")
    assert not records[0].estimable
    assert records[0].reason == f"{NOT_FETCHED}: no network"
