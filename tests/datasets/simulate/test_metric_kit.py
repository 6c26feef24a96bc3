"""Scores whose answer is known: closed forms against our measures, and the exported files."""

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from helpers.cli import app
from helpers.datasets.simulate.metric_kit import SAYS, answers, export_world, five_scores
from helpers.errors import DataError
from helpers.statistics.auroc import auroc
from helpers.statistics.curveball import curveball
from helpers.statistics.ranking import average_precision, precision_at

NAME = "null-expression"  # 100 genes


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return export_world(NAME, tmp_path_factory.mktemp("kit"), seed=1)


@pytest.mark.parametrize("shape", [(5, 12), (10, 40)])
def test_answers_equal_our_measures(shape):
    rng = np.random.default_rng(0)
    truth = rng.random(shape) < 0.2
    known, y = answers(truth.size, int(truth.sum())), truth.ravel()
    ours = {
        "auroc": lambda s: auroc(s, y).value,
        "average_precision": lambda s: average_precision(s, y),
        "early_precision": lambda s: precision_at(s, y, int(y.sum())),
    }
    for name, score in five_scores(truth, rng).items():
        for kind in known[name].keys() & ours.keys():
            if name != "noise":
                assert ours[kind](score.ravel()) == pytest.approx(known[name][kind], abs=1e-9)


def test_noise_scatters_as_it_is_said_to():
    rng = np.random.default_rng(0)
    truth = rng.random((10, 40)) < 0.2
    said = answers(truth.size, int(truth.sum()))["noise"]
    drawn = [
        auroc(five_scores(truth, rng)["noise"].ravel(), truth.ravel()).value for _ in range(800)
    ]
    assert np.mean(drawn) == pytest.approx(0.5, abs=4 * said["auroc_se"] / np.sqrt(800))
    assert np.std(drawn) == pytest.approx(said["auroc_se"], rel=0.1)


def test_hubs_rank_edges_and_yet_every_network_of_the_same_degrees_as_well():
    rng = np.random.default_rng(0)
    truth = rng.random((12, 40)) < np.linspace(0.05, 0.6, 40)
    hubs = five_scores(truth, rng)["hubs"].ravel()
    observed = auroc(hubs, truth.ravel()).value
    assert observed > 0.7
    drawn = curveball(truth, rng, 20)
    for b in range(20):
        assert auroc(hubs, drawn.network(b).ravel()).value == pytest.approx(observed)


@pytest.mark.parametrize("edges", [0, 20])
def test_a_network_without_edges_or_without_others_has_no_answer(edges):
    with pytest.raises(DataError, match="candidate pairs"):
        answers(20, edges)


def test_exported_files_hold_the_world_and_its_answers(kit):
    cells = ad.read_h5ad(kit / "cells.h5ad")
    counts = pd.read_csv(kit / "ExpressionData.csv", index_col=0)
    assert counts.shape == cells.shape[::-1]
    assert np.array_equal(counts.to_numpy().T, cells.to_df().to_numpy())
    network = pd.read_csv(kit / "GroundTruthNetwork.csv")
    assert not network.duplicated(["Gene1", "Gene2"]).any()
    assert (network["Gene1"] != network["Gene2"]).all()
    said = json.loads((kit / "answers.json").read_text())
    assert said["edges"] == len(network) and said["scores"].keys() == SAYS.keys()
    true = set(zip(network["Gene1"], network["Gene2"], strict=True))
    for name, known in said["scores"].items():
        ranked = pd.read_csv(kit / "scores" / name / "rankedEdges.csv", sep="\t")
        assert len(ranked) == said["pairs"]
        assert ranked["EdgeWeight"].is_monotonic_decreasing
        y = [pair in true for pair in zip(ranked["Gene1"], ranked["Gene2"], strict=True)]
        assert sum(y) == said["edges"]
        if "auroc" in known:
            off = 4 * known.get("auroc_se", 1e-12)
            assert roc_auc_score(y, ranked["EdgeWeight"]) == pytest.approx(known["auroc"], abs=off)


def test_the_command_writes_lists_and_refuses(kit, tmp_path):
    run = CliRunner().invoke
    assert NAME in run(app, ["worlds", "list"]).output
    done = run(app, ["worlds", "export", NAME, "--to", str(tmp_path)])
    assert done.exit_code == 0 and (tmp_path / NAME / "answers.json").is_file()
    again = run(app, ["worlds", "export", NAME, "--to", str(tmp_path)])
    assert again.exit_code == 1 and "exists" in again.output
    assert run(app, ["worlds", "export", "no-world", "--to", str(tmp_path)]).exit_code == 1


@pytest.mark.parametrize(
    ("score", "words"),
    [
        ("edges", "Above chance, beyond degree, beyond prominence, beyond co-expression."),
        ("hubs", "Above chance. Not shown to be beyond degree."),
        ("noise", "Absent within the margin"),
    ],
)
def test_helpers_score_says_of_an_exported_world_what_is_true(tmp_path, score, words):
    kit = export_world("pair-signal", tmp_path)
    network = ["--reference", str(kit / "GroundTruthNetwork.csv")]
    about = [*network, "--cells", str(kit / "cells.h5ad")]
    few = ["--permutations", "399", "--rewired", "199"]
    edges = str(kit / "scores" / score / "rankedEdges.csv")
    done = CliRunner().invoke(app, ["score", edges, *about, "--organism", "other", *few])
    assert done.exit_code == 0 and words in " ".join(done.output.split())
    named = CliRunner().invoke(app, ["score", edges, *about, *few])
    assert named.exit_code == 1 and "organism=other" in named.output
