"""Pages 22, 41, 50 and 51 on folders of one's own: published shapes at full size, random weights."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from bookkit.page_functions import definitions
from helpers.datasets.own_genes import known_symbols
from helpers.estimates import Estimate, NotEstimable
from helpers.interventions import Replay, heads, mlps
from helpers.models.geneformer import save_geneformer
from helpers.models.load import load_model
from helpers.models.scgpt import save_scgpt
from helpers.models.training import Shape, new_model
from helpers.reading import draw_cells, models_for, references_for
from helpers.statistics.results import Outcome

pytestmark = pytest.mark.slow
SHAPES = {
    "scgpt": Shape(n_layers=12, n_heads=8, width=512, d_hid=512, max_length=1200),
    "geneformer": Shape(n_layers=6, n_heads=4, width=256, d_hid=512, max_length=2048),
}
SAVE = {"scgpt": save_scgpt, "geneformer": save_geneformer}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Cells, a network, and a folder of each family that knows their genes."""
    folder, rng = tmp_path_factory.mktemp("own"), np.random.default_rng(0)
    plain = sorted(name for name in known_symbols("human") if name.isalnum() and name.isupper())
    genes, counts = plain[:400], rng.poisson(3.0, (24, 400)).astype(np.float32)
    adata = ad.AnnData(counts, var=pd.DataFrame(index=genes))
    adata.obs_names = [f"cell{i}" for i in range(24)]
    adata.write_h5ad(folder / "cells.h5ad")
    edges = {"source": rng.choice(genes[:150], 3000), "target": rng.choice(genes[150:], 3000)}
    pd.DataFrame(edges).drop_duplicates().to_csv(folder / "edges.csv", index=False)
    for family, shape in SHAPES.items():
        SAVE[family](new_model(family, adata, shape, 0), folder / family)
    return folder


@pytest.mark.parametrize("family", SHAPES)
def test_page_22_restores_every_set_of_parts_of_a_folder(own, family):
    cells, edges = str(own / "cells.h5ad"), str(own / "edges.csv")
    page = definitions("22_mediation_bias", references=[edges], real_cells=24, n_genes=40)
    ((name, spec),) = models_for(f"{family}:{own / family}", cells).items()
    model, tokens, known = page["prepared"](cells, name, spec)
    (row,) = page["strongest"](known, tokens, 1).itertuples()
    clean, changed, read = page["traced"](model, tokens, row.source, row.target, 3)
    groups = page["parts_of"](model, clean)
    assert len(groups) == 6, "four bands of heads, the MLPs, the embedding"
    v = page["every_set"](Replay(model, changed, read), groups)
    np.testing.assert_allclose(v[:, -1], Replay(model, clean, read).base[:, 0], atol=1e-3)
    assert isinstance(page["bias_test"](v), Outcome | NotEstimable)


@pytest.mark.parametrize("family", SHAPES)
def test_page_50_traces_a_pair_in_a_folder(own, family):
    cells, edges = str(own / "cells.h5ad"), str(own / "edges.csv")
    about = {"references": [edges], "real_cells": 24, "n_genes": 40, "screened": 2}
    about |= {"screen_cells": 6, "trace_cells": 12, "live_pairs": 1}
    page = definitions("50_mediation_circuits", **about)
    page["alpha"] = 0.05
    page["LIVE"] = tuple(f"50.{n}" for n in range(21, 26))
    page["CONTEXTS"] = {"50.21": "cells", "50.22": "donor", "50.23": "cell_type"}
    ((name, spec),) = models_for(f"{family}:{own / family}", cells).items()
    assert name == f"own-{family}"
    model, tokens, obs, known = page["prepared"](cells, spec)
    assert (model.n_layers, model.n_heads) == (SHAPES[family].n_layers, SHAPES[family].n_heads)
    (edge,) = page["strongest_pairs"](model, tokens, known).head(1).itertuples()
    tests, row, shares = page["judged_pair"](model, tokens, obs, edge)
    assert len(shares) == len(heads(model)) + len(mlps(model)) and np.isfinite(shares).all()
    assert row["cells"] == 12 and set(tests) == set(page["LIVE"])
    assert all(isinstance(one, Outcome | Estimate | NotEstimable) for one in tests.values())


@pytest.mark.parametrize("family", SHAPES)
def test_page_41_removes_heads_of_a_folder(own, family):
    page = definitions("41_head_ablation", n_genes=40, real_cells=3, hidden=4)
    cells = draw_cells(str(own / "cells.h5ad"), 20, 0)
    (edges,) = references_for(str(own / "cells.h5ad"), [str(own / "edges.csv")]).values()
    ((_, spec),) = models_for(f"{family}:{own / family}", str(own / "cells.h5ad")).items()
    bench, table = page["real_bench"]("own", spec, cells, edges)
    model = load_model(spec)
    assert len(table) == model.n_layers * model.n_heads
    top = page["top_heads"](table, "transpose", len(table) // 8)
    found = page["change"](bench, top)
    assert isinstance(found, Outcome | NotEstimable)
    last = [c for c in heads(model) if c.layer == model.n_layers - 1]
    hidden, said, nats = page["fidelity"](bench, last)
    assert hidden > 0 and said >= 0 and nats > 0


@pytest.mark.parametrize("family", SHAPES)
def test_page_51_takes_features_out_of_a_folder(own, family):
    small = {"layers": [0, 3], "length": 40, "n_tokens": 1000, "n_features": 48, "steps": 50}
    page = definitions("51_sae_circuits", **small, k=4, traced=24, n_sources=5)
    ((_, spec),) = models_for(f"{family}:{own / family}", str(own / "cells.h5ad")).items()
    model, tokens, states = page["read_tokens"](spec, draw_cells(str(own / "cells.h5ad"), 24, 0))
    assert model.width == SHAPES[family].width and list(states["layer"].values) == [0, 3]
    dictionaries, second, rows = page["learned"](states)
    assert len(rows) == len(second) == 2 and (rows["dictionary"] < 1).all()
    traces = page["traces_of"](model, tokens, dictionaries, np.random.default_rng(0))
    features, effects, _ = traces[0]
    assert effects.code[3].shape == (len(features), 24, 48)
