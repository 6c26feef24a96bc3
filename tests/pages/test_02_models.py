"""The functions of the page on models that look at cells of one's own."""

from types import SimpleNamespace

import numpy as np
import pytest

from bookkit import definitions
from helpers.datasets import load
from helpers.models.load import load_model


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """80 cells of the pancreas with columns of other names, and genes that no model knows."""
    cells = load("baron-human")[:80].copy()
    cells.obs = cells.obs[["cell_type", "donor"]].rename(columns={"donor": "who"})
    cells.var, cells.uns = cells.var[[]], {}
    path = tmp_path_factory.mktemp("own") / "mine.h5ad"
    cells.write_h5ad(path)
    return path


@pytest.fixture(scope="module")
def page():
    return definitions("02_models", donor="who", most_cells=60)


def test_own_cells_are_drawn_with_their_roles(page, file):
    mine, n_obs = page["own_cells"](str(file))
    assert (mine.n_obs, n_obs) == (60, 80)
    assert {"cell_type", "donor"} <= set(mine.obs) and mine.uns["source"]["species"] == "human"
    page |= {"most_cells": 5000}
    assert page["own_cells"](str(file))[0].n_obs == 80  # no more than there are


def test_what_a_model_reads_is_what_it_knows_and_a_cell_shows(page, file):
    mine, _ = page["own_cells"](str(file))
    adapter = load_model("scgpt-baron")
    kept, lengths = page["read_of"](mine, adapter)
    given = mine[:, mine.var["read_by_models"]]
    known = given[:, given.var_names.isin(adapter.vocabulary)]
    assert kept["given to the model"] == given.n_vars and kept["known to it"] == known.n_vars
    shown = np.asarray((known.X > 0).sum(axis=1)).ravel()
    longest = adapter.max_length - 1  # one place is that of <cls>
    np.testing.assert_array_equal(lengths, np.minimum(shown, longest))
    assert kept["genes read per cell"] == np.median(lengths)


def test_a_cell_without_a_token_counts_as_one_that_reads_nothing(page, file):
    mine, _ = page["own_cells"](str(file))

    def tokenise(adata, seed):
        genes = [np.array([-1, 0, 1])] * (adata.n_obs - 1)
        rows, report = np.arange(1, adata.n_obs), {"genes_in_vocabulary": 2}
        return Read(genes=genes, cells=rows, report=report)

    kept, lengths = page["read_of"](mine, SimpleNamespace(tokenise=tokenise))
    assert kept["cells with a token"] == mine.n_obs - 1
    assert lengths.tolist() == [0] + [2] * (mine.n_obs - 1)


class Read(SimpleNamespace):
    def __len__(self):
        return len(self.genes)


@pytest.mark.parametrize("name", ["control-scgpt", "control-geneformer"])
def test_cells_move_coexpression_and_leave_the_attention_of_a_control_alone(page, name):
    model = load_model(name)
    settings = {"free": (0.0, 60), "correlated": (0.95, 60), "few": (0.8, 10)}
    found = {}
    for key, (r, n) in settings.items():
        one = page["ranked"](model, page["new_cells"](r, n))
        found[key] = {score: estimate.value for score, estimate in one.items()}
        assert all(e.detail["n_positive"] == 200 for e in one.values())
    rival = {key: one.pop("size of co-expression") for key, one in found.items()}
    assert rival["free"] > 0.95 and rival["few"] < 0.75
    assert rival["free"] - rival["correlated"] > 0.1
    for score in found["free"]:
        values = [one[score] for one in found.values()]
        assert min(values) > 0.85 and np.ptp(values) < 0.03
