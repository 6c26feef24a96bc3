"""Extracted sums against the published scGPT model's own maps, read out by a plain loop."""

from __future__ import annotations

import json

import models_kit as kit
import numpy as np
import pytest
import torch
import xarray as xr

from helpers.datasets.cells import load
from helpers.errors import DataError
from helpers.extraction import extract
from helpers.models.attention import full_attention, tapping
from helpers.models.load import SHIPPED, load_model, shipped_models

pytestmark = [pytest.mark.official, pytest.mark.network]

TFS = kit.GENES[2:40:7]
EXACT = pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)], ids=["fp32", "fp64"]
)
QUIET = {"show_progress": False}


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    return kit.official_scgpt(tmp_path_factory.mktemp("scgpt_wheel"))


def pair(official, folder, variant: str, dtype: torch.dtype):
    """The published model with random weights, and ours loaded from its checkpoint."""
    options = {"pad_value": -2, **kit.OFFICIAL_VARIANTS[variant]}
    torch.manual_seed(0)
    theirs = official.model.TransformerModel(
        len(kit.VOCABULARY), 32, 4, 48, 3, vocab=kit.VOCABULARY, do_mvc=True, **options
    )
    with torch.no_grad():  # peaked attention, so that a wrong row or column shows
        for layer in theirs.transformer_encoder.layers:
            layer.self_attn.in_proj_weight.mul_(3)
    for name, buffer in theirs.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 2)
    mask_value = 51 if variant == "category" else -1
    args = {"nlayers_cls": 3, **options, "mask_value": mask_value}
    folder = kit.write_scgpt(folder, theirs.state_dict(), args)
    return theirs.eval().to(dtype), load_model(f"scgpt:{folder}", dtype=dtype)


def maps_of_cells(theirs, ours, tokens):
    """Attention output and weights by cell and layer; cells go one by one, so none is padded."""
    cells = []
    for row in range(len(tokens)):
        batch = ours.collate(tokens, [row])
        labels = batch.batch_labels
        if labels is None and theirs.domain_spec_batchnorm:
            labels = torch.zeros(1)  # asked for, though a plain batch normalisation ignores them
        with torch.no_grad():
            layers = kit.published_layers(theirs, batch.ids, batch.values, batch.padding, labels)
        cells.append([(out[0].detach(), weights[0].detach()) for out, weights in layers])
    return cells


def summed_by_loop(cells, tokens, sources, targets) -> xr.Dataset:
    """Sums over cells of whole maps, one pair of tokens at a time."""
    layers, heads = len(cells[0]), cells[0][0][1].shape[0]
    total = np.zeros((layers, heads, len(sources), len(targets)))
    count = np.zeros((len(sources), len(targets)), dtype=int)
    for cell, genes in zip(cells, tokens.genes, strict=True):
        symbols = [tokens.gene_names[g] if g >= 0 else "" for g in genes]
        for a, source in enumerate(sources):
            for b, target in enumerate(targets):
                if source in symbols and target in symbols:
                    query, key = symbols.index(source), symbols.index(target)
                    for layer, (_, weights) in enumerate(cell):
                        total[layer, :, a, b] += weights[:, query, key].double().numpy()
                    count[a, b] += 1
    full = ("layer", "head", "source", "target")
    return xr.Dataset({"sum": (full, total), "count": (full[2:], count)})


@pytest.mark.parametrize("variant", sorted(set(kit.OFFICIAL_VARIANTS) - {"scaling"}))
@EXACT
def test_sums_equal_those_of_the_published_models_maps(
    official, tmp_path, variant, dtype, tolerance, capsys
):
    theirs, ours = pair(official, tmp_path, variant, dtype)
    adata = kit.cells()
    tokens = ours.tokenise(adata)
    targets = kit.GENES[:-1]
    expected = summed_by_loop(maps_of_cells(theirs, ours, tokens), tokens, TFS, targets)
    order = np.random.default_rng(1).permutation(adata.n_vars)
    for cells, batch_size in ((adata, 1), (adata, 11), (adata[::-1, order].copy(), 4)):
        if cells is not adata and ours.config.n_batches:
            # Batch labels are numbered by name, so the order of cells changes nothing here either.
            assert list(cells.obs["batch"].astype("category").cat.categories) == ["b0", "b1", "b2"]
        found = extract(
            ours, cells, sources=TFS, genes=targets, batch_size=batch_size, device="cpu", **QUIET
        )
        np.testing.assert_allclose(found["sum"], expected["sum"], atol=tolerance, rtol=0)
        np.testing.assert_array_equal(found["count"], expected["count"])
    assert int(expected["count"].max()) > 3
    square = expected["sum"].values[..., [targets.index(tf) for tf in TFS]]
    assert np.abs(square - square.swapaxes(2, 3)).max() > 1e-2, "a transposed sum would show"


@EXACT
def test_weights_times_values_rebuild_the_published_layers_output(
    official, tmp_path, dtype, tolerance, capsys
):
    """softmax(QK')V W_O from what our tap sees is what the published attention puts out."""
    theirs, ours = pair(official, tmp_path, "plain", dtype)
    tokens = ours.tokenise(kit.cells())
    batch, rebuilt = ours.collate(tokens, range(len(tokens))), []

    def read(layer, query, key, value, mask, scaling, module):
        heads = full_attention(query, key, mask, scaling) @ value
        rebuilt.append(ours.layers()[layer].projection(heads.transpose(1, 2).flatten(2)))

    with torch.no_grad(), tapping(read):
        ours.forward(batch)
    assert batch.padding.any() and len(rebuilt) == 3
    for row, cell in enumerate(maps_of_cells(theirs, ours, tokens)):
        for mine, (output, _) in zip(rebuilt, cell, strict=True):
            torch.testing.assert_close(mine[row, : len(output)], output, rtol=0, atol=tolerance)


@EXACT
def test_a_trained_checkpoint_gives_the_published_models_sums_on_real_cells(
    official, dtype, tolerance, capsys
):
    if "scgpt-baron" not in shipped_models():
        pytest.skip("scgpt-baron is not in this checkout")
    try:
        adata = load("baron-human")
    except DataError as error:
        pytest.skip(f"Baron is neither cached nor reachable: {error}")
    ours = load_model("scgpt-baron", dtype=dtype)
    folder = SHIPPED / "scgpt-baron"
    args = json.loads((folder / "args.json").read_text())
    sizes = [args[name] for name in ("embsize", "nheads", "d_hid", "nlayers")]
    theirs = official.model.TransformerModel(
        len(ours.vocabulary), *sizes, vocab=ours.vocabulary, pad_value=args["pad_value"]
    )
    state = ours.module.state_dict()
    wanted = {name for name in theirs.state_dict() if not name.startswith("cls_decoder")}
    theirs.load_state_dict({name: state[name] for name in wanted}, strict=False)
    theirs = theirs.eval().to(dtype)
    known = [gene for gene in adata.var_names if gene in ours.vocabulary]
    adata = adata[:5, known].copy()
    tokens = ours.tokenise(adata)
    held = np.bincount(np.concatenate([g[g >= 0] for g in tokens.genes]), minlength=len(known))
    common = np.array(known)[np.argsort(-held, kind="stable")[:40]].tolist()
    expected = summed_by_loop(maps_of_cells(theirs, ours, tokens), tokens, common[:6], common)
    found = extract(ours, adata, sources=common[:6], genes=common, **QUIET)
    np.testing.assert_allclose(found["sum"], expected["sum"], atol=tolerance, rtol=0)
    np.testing.assert_array_equal(found["count"], expected["count"])
    assert int(expected["count"].min()) > 0
