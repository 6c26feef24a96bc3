"""Cells of a set or a file, and attention of models on them; public names of rooms."""

import subprocess
import sys

import numpy as np
import pytest

import helpers.evaluation
import helpers.plotting
import helpers.statistics
from bookkit import dependencies
from helpers.edges import edge_scores, pool
from helpers.errors import DataError, ParameterError
from helpers.evaluation import EvaluationSet, candidate_pairs
from helpers.extraction import extract
from helpers.models.load import load_model
from helpers.reading import choose_genes, draw_cells, models_for, read_attention


@pytest.fixture(scope="module")
def cells():
    drawn = draw_cells("sim", 60, 0)
    drawn.obs["half"] = np.where(np.arange(60) < 30, "A", "B")
    drawn.obs["third"] = np.arange(60) % 3
    return drawn


@pytest.fixture(scope="module")
def reading(cells):
    (one,) = read_attention("scgpt", cells, 40, [], ("half", "third"))
    return one


def test_a_draw_is_nested_and_repeatable():
    few, many = draw_cells("sim", 20, 1), draw_cells("sim", 50, 1)
    assert list(many.obs_names[:20]) == list(few.obs_names)
    with pytest.raises(ParameterError, match="holds"):
        draw_cells("sim", 10**9, 0)


def test_strata_add_up_to_one_extraction(cells, reading):
    adapter = load_model("scgpt-sim")
    whole = extract(adapter, cells, sources=reading.genes, genes=reading.genes, show_progress=False)
    expected = pool(edge_scores(whole, min_count=5))
    np.testing.assert_allclose(reading.scores(5), expected, rtol=1e-12)
    first = cells[cells.obs["half"] == "A"]
    some = extract(adapter, first, sources=reading.genes, genes=reading.genes, show_progress=False)
    np.testing.assert_array_equal(reading.part(half="A")["count"], some["count"])
    both = reading.part(half="A", third=[0, 1])["count"] + reading.part(half="A", third=2)["count"]
    np.testing.assert_array_equal(both, some["count"])


def test_unknown_columns_and_empty_parts_say_so(cells, reading):
    with pytest.raises(ParameterError, match=r"kept apart by \['half', 'third'\]"):
        reading.part(donor=1)
    with pytest.raises(DataError, match="no cell"):
        reading.part(half="C")
    with pytest.raises(DataError, match="no column"):
        read_attention("scgpt", cells, 40, [], ("donors",))


def test_models_share_genes_and_only_rank_tokenisers_have_an_order(cells):
    trained = read_attention("both", cells, 40, [])
    fresh = read_attention("both", cells, 40, [], random=True)
    assert [one.model for one in trained] == ["scgpt", "geneformer"]
    assert trained[0].genes == trained[1].genes == fresh[0].genes
    assert trained[0].order is None
    order = trained[1].order
    off = ~np.eye(len(order), dtype=bool)
    np.testing.assert_allclose((order.values + order.values.T)[off], 1)
    assert not np.allclose(trained[0].scores(5), fresh[0].scores(5), equal_nan=True)
    assert trained[0].references["network"].shape[0] > 0


def test_half_of_the_genes_are_regulators(reading):
    tfs = set(reading.references["network"]["source"])
    genes = choose_genes([reading.tokens], 20, tfs)
    assert len(genes) == 20 and len(set(genes) & tfs) >= 10


def test_regulators_alone_can_be_sources(cells):
    (one,) = read_attention("scgpt", cells, 40, [], tfs_only=True)
    assert set(one.sums["source"].values) <= set(one.references["network"]["source"])
    assert len(one.genes) == 40


def test_names_of_models():
    assert models_for("both", "kang") == {
        "scgpt": "scgpt-baron",
        "geneformer": "geneformer-baron",
    }
    assert models_for("scgpt:/x", "baron") == {"own-scgpt": "scgpt:/x"}
    assert set(models_for("scgpt:/x", "sim")) == {"scgpt", "geneformer"}


def test_pairs_that_one_score_lacks_are_missing_in_all(reading):
    edges = reading.references["network"]
    score = reading.scores(5)
    other = score.copy()
    other[3, :] = np.nan
    pairs, (a, b) = candidate_pairs(edges, score, other[:, 2:])
    assert isinstance(pairs, EvaluationSet)
    assert np.isnan(a[pairs.source == str(score["source"].values[3])]).all()
    np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
    assert not set(pairs.target) & set(score["target"].values[:2])
    k = int(np.flatnonzero(~np.isnan(a))[0])
    assert a[k] == score.sel(source=pairs.source[k], target=pairs.target[k])


@pytest.mark.parametrize("room", [helpers.evaluation, helpers.plotting, helpers.statistics])
def test_public_names_of_a_room_exist_and_are_followed(room):
    for name in room.__all__:
        assert getattr(room, name) is not None
        files = dependencies.files_of({f"{room.__name__}.{name}"})
        home = [module for module, names in room.EXPORTS.items() if name in names]
        assert any(path.stem == home[0] for path in files), name
    with pytest.raises(AttributeError, match="no attribute"):
        room.no_such_name  # noqa: B018


def test_a_room_loads_only_what_is_used():
    code = "import sys, helpers.statistics; print('helpers.statistics.qap' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
