"""Training: reproducible, honest about its baseline, and what the shipped checkpoints claim."""

from __future__ import annotations

from dataclasses import replace

import models_kit as kit
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from helpers.errors import ModelError
from helpers.files import sha256_of
from helpers.models.adapter import ModelAdapter
from helpers.models.commands import app
from helpers.models.load import SHIPPED, load_model, shipped_models
from helpers.models.objectives import MASKING, Masking, baseline, evaluate, hide
from helpers.models.recipes import RECIPES, hash_of, read_card, recipe, training_cells
from helpers.models.training import (
    Schedule,
    Shape,
    corpus_dictionaries,
    new_model,
    train,
)

FAMILIES = ("scgpt", "geneformer")
SMALL = Shape(n_layers=2, n_heads=2, width=16, d_hid=32, max_length=64)
SHORT = Schedule(steps=3, batch_size=8, report_every=2, length=10, whole_every=2)


@pytest.mark.parametrize("family", FAMILIES)
def test_two_trainings_of_three_steps_are_identical(family):
    adata = kit.cells(60)
    runs = []
    for _ in range(2):
        torch.manual_seed(np.random.default_rng().integers(1000))
        model = new_model(family, adata, SMALL, 4)
        runs.append((train(model, adata, SHORT, 4), model.module.state_dict()))
    (first, weights), (second, again) = runs
    assert first.losses == second.losses and first.curve == second.curve
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    other = new_model(family, adata, SMALL, 5)
    assert train(other, adata, SHORT, 5).losses != first.losses


@pytest.mark.parametrize("family", FAMILIES)
def test_training_leaves_the_global_random_state_alone(family):
    adata = kit.cells(60)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    train(new_model(family, adata, SMALL, 0), adata, SHORT, 0)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_whole_cells_are_held_out(family):
    adata = kit.cells(60)
    result = train(new_model(family, adata, SMALL, 0), adata, SHORT, 0)
    assert not set(result.train) & set(result.test)
    assert set(result.train) | set(result.test) == set(range(59))
    assert len(result.test) == round(0.15 * 59)


@pytest.mark.parametrize("family", FAMILIES)
def test_hidden_genes_are_chosen_at_the_stated_share_and_never_special(family):
    adapter = kit.scgpt_adapter() if family == "scgpt" else kit.geneformer_adapter()
    tokens = adapter.tokenise(kit.cells(400))
    batch = adapter.collate(tokens, range(len(tokens)))
    masked = hide(adapter, batch, torch.Generator().manual_seed(0))
    genes = batch.genes >= 0
    assert not (masked.chosen & ~genes).any()
    share = masked.chosen.sum() / genes.sum()
    assert abs(share - MASKING[family].share) < 4 * np.sqrt(0.25 / int(genes.sum()))
    if family == "scgpt":
        assert (masked.batch.values[masked.chosen] == -1).all()
        assert torch.equal(masked.batch.values[~masked.chosen], batch.values[~masked.chosen])
        assert torch.equal(masked.truth, batch.values[masked.chosen])
    else:
        kept = masked.batch.ids[masked.chosen] == batch.ids[masked.chosen]
        assert 0.07 < kept.float().mean() < 0.16
        hidden = masked.batch.ids[masked.chosen] == adapter.dictionaries.tokens["<mask>"]
        assert 0.76 < hidden.float().mean() < 0.84
        assert torch.equal(masked.truth, batch.ids[masked.chosen])


def test_trading_keeps_the_tokens_of_a_cell_and_half_of_the_hidden_ones_in_place():
    adapter = kit.geneformer_adapter()
    tokens = adapter.tokenise(kit.cells(400))
    batch = adapter.collate(tokens, range(len(tokens)))
    masking = Masking(0.4, mask=0.0, other=0.0, trade=0.5)
    masked = hide(adapter, batch, torch.Generator().manual_seed(0), masking)
    assert torch.equal(masked.batch.ids.sort().values, batch.ids.sort().values)
    assert torch.equal(masked.batch.ids[~masked.chosen], batch.ids[~masked.chosen])
    assert torch.equal(masked.truth, batch.ids[masked.chosen])
    genes = batch.genes >= 0
    assert not (masked.chosen & ~genes).any()
    assert abs(masked.chosen.sum() / genes.sum() - 0.4) < 4 * np.sqrt(0.25 / int(genes.sum()))
    kept = (masked.batch.ids == batch.ids)[masked.chosen].float().mean()
    # some of those that are dealt out get their own place back
    assert masking.stay == 0.5 and 0.5 < kept < 0.75


def test_the_baseline_of_trading_mixes_the_token_shown_with_the_shares():
    adapter, adata = kit.geneformer_adapter(), kit.cells(80)
    tokens = adapter.tokenise(adata)
    masking = Masking(0.4, mask=0.0, other=0.0, trade=0.5)
    found = baseline(adapter, tokens, np.arange(50), np.arange(50, 79), 100, 3, masking)
    ids = np.concatenate([tokens.ids[r][tokens.genes[r] >= 0] for r in range(50)])
    genes = {int(i) for t, g in zip(tokens.ids, tokens.genes, strict=True) for i in t[g >= 0]}
    generator = torch.Generator().manual_seed(3)
    masked = hide(adapter, adapter.collate(tokens, range(50, 79)), generator, masking)
    losses = []
    shown_ids = masked.batch.ids[masked.chosen].tolist()
    for shown, truth in zip(shown_ids, masked.truth.tolist(), strict=True):
        share = (np.sum(ids == truth) + 1) / (len(ids) + len(genes))
        losses.append(-np.log(0.5 * (shown == truth) + 0.5 * share))
    assert found == pytest.approx(np.mean(losses), rel=1e-6)


def test_what_is_measured_in_training_stands_beside_the_curve_and_changes_nothing():
    adata = kit.cells(60)
    plain, watched = (new_model("scgpt", adata, SMALL, 0) for _ in range(2))
    seen = []

    def measure(adapter):
        seen.append(adapter)
        return {"number": float(len(seen))}

    first = train(plain, adata, SHORT, 0)
    second = train(watched, adata, SHORT, 0, measure)
    assert first.losses == second.losses and first.measured == []
    assert second.measured == [{"number": 1.0}, {"number": 2.0}] and seen == [watched, watched]
    assert len(second.curve) == 2


def test_a_model_without_the_cell_decoder_is_made_and_trained():
    adata = kit.cells(60)
    model = new_model("scgpt", adata, replace(SMALL, mvc=False), 0)
    assert not any("mvc" in name for name in model.module.state_dict())
    assert len(train(model, adata, SHORT, 0).losses) == 3


def test_the_baselines_are_the_cell_blind_optimum():
    """On one hand-made set: mean bin per gene, and token shares with one added to each count."""
    adata = kit.cells(80)
    for make in (kit.scgpt_adapter, kit.geneformer_adapter):
        adapter: ModelAdapter = make()
        tokens = adapter.tokenise(adata)
        train_rows, test_rows = np.arange(50), np.arange(50, 79)
        found = baseline(adapter, tokens, train_rows, test_rows, 7, seed=3)
        generator = torch.Generator().manual_seed(3)
        losses = []
        seen: dict[int, list[float]] = {}
        for row in train_rows:
            for place in np.flatnonzero(tokens.genes[row] >= 0):
                value = 0.0 if tokens.values is None else float(tokens.values[row][place])
                seen.setdefault(int(tokens.ids[row][place]), []).append(value)
        genes = {
            int(i) for ids, g in zip(tokens.ids, tokens.genes, strict=True) for i in ids[g >= 0]
        }
        total = sum(map(len, seen.values()))
        for start in range(0, len(test_rows), 7):
            batch = adapter.collate(tokens, test_rows[start : start + 7])
            masked = hide(adapter, batch, generator)
            ids = batch.ids[masked.chosen].tolist()
            for token, truth in zip(ids, masked.truth.tolist(), strict=True):
                if adapter.family == "scgpt":
                    losses.append((truth - np.mean(seen[token])) ** 2)
                else:
                    losses.append(-np.log((len(seen[token]) + 1) / (total + len(genes))))
        assert found == pytest.approx(np.mean(losses), rel=1e-6)


def test_corpus_medians_are_those_of_scaled_nonzero_counts():
    adata = kit.cells(50)
    tables = corpus_dictionaries(adata)
    counts = np.asarray(adata.X, dtype=float)
    scaled = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * 1e4
    for column in (0, 7, 39):
        values = scaled[:, column][scaled[:, column] > 0]
        assert tables.medians[kit.ENSEMBL[column]] == pytest.approx(np.median(values))


def test_only_known_families_and_recipes():
    with pytest.raises(ModelError, match="only scgpt and geneformer"):
        new_model("esm", kit.cells(), SMALL, 0)
    with pytest.raises(ModelError, match="scgpt-baron"):
        recipe("nothing")


def test_every_recipe_has_its_checkpoint_and_all_are_small():
    assert set(shipped_models()) == set(RECIPES)
    files = [path for path in SHIPPED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 15_000_000
    assert {path.suffix for path in files} == {".json", ".yaml", ".safetensors"}


@pytest.mark.parametrize("name", RECIPES)
def test_shipped_checkpoints_beat_their_baseline_and_match_their_card(name):
    card, plan, model = read_card(name), recipe(name), load_model(name)
    assert card["loss"]["held_out"] < 0.97 * card["loss"]["baseline"]
    assert card["loss"]["ratio"] == pytest.approx(
        card["loss"]["held_out"] / card["loss"]["baseline"], abs=1e-4
    )
    assert card["training"]["steps"] == plan.schedule.steps == card["curve"]["rows"][-1][0]
    assert card["training"]["seed"] == plan.seed
    assert (model.n_layers, model.n_heads, model.width) == (
        plan.shape.n_layers,
        plan.shape.n_heads,
        plan.shape.width,
    )
    assert sum(p.numel() for p in model.module.parameters()) == card["architecture"]["parameters"]


@pytest.mark.network
@pytest.mark.parametrize("name", RECIPES)
def test_held_out_loss_is_found_again_on_the_recipe_cells(name):
    """The card's data are still the recipe's data, and some held-out cells are predicted better."""
    card, plan, model = read_card(name), recipe(name), load_model(name)
    adata, _ = training_cells(plan.data)
    assert hash_of(adata) == card["data"]["hash_of_counts"]
    tokens = model.tokenise(adata, seed=plan.seed)
    order = np.random.default_rng(plan.seed).permutation(len(tokens))
    held_out = round(plan.schedule.held_out * len(tokens))
    assert held_out == card["data"]["cells"]["held_out"]
    size = plan.schedule.batch_size
    few, train_rows = np.sort(order[:held_out])[: 4 * size], np.sort(order[held_out:])
    masking = plan.schedule.masking
    loss = evaluate(model, tokens, few, size, plan.seed, masking)
    assert loss == pytest.approx(card["curve"]["rows"][-1][2], rel=1e-3)
    assert loss < baseline(model, tokens, train_rows, few, size, plan.seed, masking)


def test_training_goes_on_from_a_loaded_checkpoint():
    from helpers.datasets.simulate import training_world

    adata = training_world().adata[:400].copy()
    model = load_model("scgpt-sim")
    before = {name: t.clone() for name, t in model.module.state_dict().items()}
    result = train(model, adata, Schedule(steps=3, learning_rate=2e-4, report_every=1), 0)
    assert [row[0] for row in result.curve] == [1, 2, 3]
    assert result.held_out_loss < result.baseline_loss
    after = model.module.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_commands_list_inspect_and_train(tmp_path, monkeypatch):
    runner = CliRunner()
    listed = runner.invoke(app, ["list"])
    assert listed.exit_code == 0
    assert all(name in listed.output for name in RECIPES)
    shown = runner.invoke(app, ["inspect", "geneformer-sim"])
    assert shown.exit_code == 0, shown.output
    assert "4 x 4 x 128" in shown.output and "held_out" in shown.output
    own = kit.write_scgpt(tmp_path / "own")
    shown = runner.invoke(app, ["inspect", f"scgpt:{own}"])
    assert "genes in the vocabulary  40" in shown.output
    (own / "best_model.pt").write_bytes(b"")
    assert isinstance(runner.invoke(app, ["inspect", f"scgpt:{own}"]).exception, ModelError)
    monkeypatch.setattr(
        "helpers.models.recipes.training_cells", lambda data: (kit.cells(60), {"genes": "toy"})
    )
    for folder in ("one", "two"):
        done = runner.invoke(
            app, ["train", "scgpt-sim", "--to", str(tmp_path / folder), "--steps", "2"]
        )
        assert done.exit_code == 0, done.output
    first, second = (sha256_of(tmp_path / f / "model.safetensors") for f in ("one", "two"))
    assert first == second
    assert load_model(f"scgpt:{tmp_path / 'one'}").max_length == 512
