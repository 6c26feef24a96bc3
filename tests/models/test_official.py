"""Parity with the published scGPT code, read from its wheel (never installed)."""

from __future__ import annotations

import json

import models_kit as kit
import numpy as np
import pytest
import torch

from helpers.datasets.cells import load
from helpers.errors import DataError
from helpers.models.adapter import Batch
from helpers.models.load import load_model
from helpers.models.scgpt_tokens import bin_values, tokenise

pytestmark = [pytest.mark.official, pytest.mark.network]


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    return kit.official_scgpt(tmp_path_factory.mktemp("scgpt_wheel"))


@pytest.fixture(params=["baron-human", pytest.param("kang", marks=pytest.mark.mirror)])
def real(request, monkeypatch):
    """200 cells of a real set."""
    if request.param == "kang":
        monkeypatch.setenv("HELPERS_DATA_MIRROR", str(request.getfixturevalue("mirror_dir")))
    try:
        adata = load(request.param)
    except DataError as error:
        pytest.skip(f"{request.param} is neither cached nor reachable: {error}")
    rows = np.sort(np.random.default_rng(0).choice(adata.n_obs, 200, replace=False))
    return adata[rows].copy()


@pytest.mark.parametrize("variant", kit.OFFICIAL_VARIANTS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)], ids=["fp32", "fp64"]
)
def test_states_maps_and_predictions_equal_the_published_model(
    official, tmp_path, variant, dtype, tolerance, capsys
):
    options = {"pad_value": -2, **kit.OFFICIAL_VARIANTS[variant]}
    torch.manual_seed(0)
    theirs = official.model.TransformerModel(
        len(kit.VOCABULARY), 32, 4, 48, 3, vocab=kit.VOCABULARY, do_mvc=True, **options
    )
    for name, buffer in theirs.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 2)
    theirs = theirs.eval().to(dtype)
    mask_value = 51 if variant == "category" else -1
    args = {"nlayers_cls": 3, **options, "mask_value": mask_value}
    ours = load_model(f"scgpt:{kit.write_scgpt(tmp_path, theirs.state_dict(), args)}", dtype=dtype)
    rng = np.random.default_rng(0)
    ids = torch.from_numpy(rng.integers(0, 40, (4, 20)))
    values = torch.from_numpy(rng.integers(1, 51, (4, 20))).to(dtype)
    if variant == "scaling":
        values = values / 50  # this style multiplies by them and expects numbers up to 1
    padding = torch.zeros(4, 20, dtype=torch.bool)
    padding[1, 15:] = padding[3, 9:] = True
    ids[padding], values[padding] = kit.VOCABULARY["<pad>"], options["pad_value"]
    needs_labels = "use_batch_labels" in options or "domain_spec_batchnorm" in options
    labels = torch.full((4,), 2) if needs_labels else None
    batch = Batch(ids, values, padding, ids, np.arange(4), labels)
    with torch.no_grad():
        expected = theirs(ids, values, padding, labels, MVC=True)
        hidden = theirs._encode(ids, values, padding, labels)
        output = ours.forward(batch)
        from_cell = ours.module.predict_from_cell(output.hidden, ids, labels)
        maps = kit.attention_maps(ours, batch)
        published = kit.published_maps(theirs, ids, values, padding, labels)
    keep = ~padding
    for mine, full in (
        (output.hidden, hidden),
        (output.prediction, expected["mlm_output"]),
        (from_cell, expected["mvc_output"]),
    ):
        torch.testing.assert_close(mine[keep], full[keep], rtol=0, atol=tolerance)
    for mine, full in zip(maps, published, strict=True):
        torch.testing.assert_close(
            mine.transpose(1, 2)[keep], full.transpose(1, 2)[keep], rtol=0, atol=tolerance
        )


def test_binning_equals_the_published_function_on_200_real_cells(official, real):
    np.random.seed(5)  # noqa: NPY002 - the published function draws from the global stream
    ours_stream = np.random.RandomState(5)
    counts = real.layers["counts"]
    ties = 0
    for row in range(real.n_obs):
        values = np.asarray(counts[row].data, dtype=np.float32)
        expected = official.preprocess.binning(values.copy(), n_bins=51)
        got = bin_values(values, 51, ours_stream)
        assert np.array_equal(got, expected)
        # Equal counts in different bins: the random part was really exercised.
        ties += len(set(zip(values.tolist(), got.tolist(), strict=True))) > len(
            set(values.tolist())
        )
    assert real.n_obs == 200 and ties > 100


def test_tokens_equal_the_published_collator_on_200_real_cells(official, real, monkeypatch):
    vocabulary = {name: i for i, name in enumerate([*sorted(real.var_names), "<pad>", "<cls>"])}
    adata = real[:, sorted(real.var_names)].copy()
    tokens = tokenise(adata, vocabulary, max_length=10_000, seed=3)
    streams = []
    real = np.random.RandomState

    def recording(seed):
        streams.append(seed)
        return real(seed)

    monkeypatch.setattr(np.random, "RandomState", recording)
    tokenise(adata, vocabulary, max_length=10_000, seed=3)
    monkeypatch.undo()
    collator = official.collator.DataCollator(
        pad_token_id=vocabulary["<pad>"], pad_value=-2, do_mlm=False, max_length=10_000
    )
    counts = np.asarray(adata.layers["counts"].todense(), dtype=np.float32)
    for place, cell in enumerate(tokens.cells):
        expressed = np.flatnonzero(counts[cell])
        np.random.seed(streams[place])  # noqa: NPY002 - as above
        made = collator(
            [
                {
                    "genes": torch.from_numpy(np.insert(expressed, 0, vocabulary["<cls>"])),
                    "expressions": torch.from_numpy(np.insert(counts[cell, expressed], 0, -2)),
                }
            ]
        )
        assert np.array_equal(made["gene"][0].numpy(), tokens.ids[place])
        assert np.array_equal(made["expr"][0].numpy(), tokens.values[place])


def test_the_published_loader_takes_what_we_write(official, tmp_path):
    folder = kit.write_small_scgpt(tmp_path / "small")
    from safetensors.torch import load_file

    stored = load_file(folder / "model.safetensors")
    assert "transformer_encoder.layers.0.self_attn.Wqkv.weight" in stored
    args = json.loads((folder / "args.json").read_text())
    theirs = official.model.TransformerModel(
        len(kit.VOCABULARY),
        args["embsize"],
        args["nheads"],
        args["d_hid"],
        args["nlayers"],
        vocab=json.loads((folder / "vocab.json").read_text()),
        pad_value=args["pad_value"],
        do_mvc=True,
    )
    plain = {name.replace("Wqkv.", "in_proj_"): tensor for name, tensor in stored.items()}
    missing, unexpected = theirs.load_state_dict(plain, strict=False)
    assert unexpected == [] and all(name.startswith("cls_decoder") for name in missing)
