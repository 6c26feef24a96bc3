"""Cost of judging every head and MLP of a 12-layer, 8-head model with random weights.

Three ways to the same table, component -> drop of what is predicted at one token of each cell when
the component's output is set to 0: one whole forward pass per component with a plain hook; the
package's, which restarts at the component's layer and computes the last layer at the token that is
read alone; and attribution, one backward pass, which is no exact answer but ranks them. Times are
processor seconds of one thread; only ratios within one run mean anything.

    python benchmarks/interventions.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch
from scipy import stats

from helpers.interventions import (
    Component,
    Replay,
    attribution,
    grad_drop,
    heads,
    mlps,
    target_readout,
)
from helpers.interventions.effects import each
from helpers.models.adapter import Tokens
from helpers.models.scgpt import ScGPTAdapter
from helpers.models.scgpt_module import ScGPT, ScGPTConfig

LAYERS, HEADS, GENES = 12, 8, 2000


def build(width: int, length: int, cells: int):
    """Return a random model, random cells and the readout of one token of each."""
    torch.manual_seed(0)
    config = ScGPTConfig(
        n_tokens=GENES + 1, width=width, n_heads=HEADS, n_layers=LAYERS, d_hid=width, pad_id=GENES
    )
    model = ScGPTAdapter("random", ScGPT(config).eval(), {}, {})
    rng = np.random.default_rng(0)
    held = [rng.permutation(GENES)[:length] for _ in range(cells)]
    values = [rng.integers(1, 51, length).astype(np.float32) for _ in held]
    tokens = Tokens(held, values, held, np.arange(GENES).astype(str), np.arange(cells))
    batch = model.collate(tokens, range(cells))
    return model, batch, target_readout(model, batch, torch.zeros(cells, dtype=torch.long))


def one_pass_each(model, batch, readout, components: list[Component]) -> np.ndarray:
    """Return the same table from whole passes with plain hooks."""
    size = model.width // model.n_heads
    rows = []
    with torch.no_grad():
        base = readout(model.forward(batch))
        for component in components:
            part = model.layers()[component.layer]
            if component.place == "mlp":
                hook = part.mlp_out.register_forward_hook(lambda _m, _x, y: y * 0)
            else:
                first = component.head * size

                def without(_module, inputs, first=first):
                    z = inputs[0].clone()
                    z[..., first : first + size] = 0
                    return (z,)

                hook = part.projection.register_forward_pre_hook(without)
            rows.append((readout(model.forward(batch)) - base)[:, 0].double().numpy())
            hook.remove()
    return np.stack(rows)


def seconds(run, repeats: int):
    """Return the median of processor seconds, and the last result."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        found = run()
        times.append(time.process_time() - start)
    return float(np.median(times)), found


def main() -> None:
    """Print a table and a line of ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a smaller model, fewer cells")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    width, length, cells, repeats = (64, 100, 2, 1) if quick else (128, 300, 4, 2)
    model, batch, readout = build(width, length, cells)
    components = [*heads(model), *mlps(model)]
    values = dict.fromkeys(components, 0.0)

    def replayed(prune: bool) -> np.ndarray:
        return each(Replay(model, batch, readout, prune), values).to_numpy()

    def guessed() -> np.ndarray:
        return attribution(Replay(model, batch, readout), values).to_numpy()

    def forward() -> torch.Tensor:
        with torch.no_grad():
            return readout(model.forward(batch))

    one_pass_each(model, batch, readout, components[:2])  # what every run shares
    plain, wanted = seconds(lambda: one_pass_each(model, batch, readout, components), repeats)
    whole, same = seconds(lambda: replayed(False), repeats)
    pruned, close = seconds(lambda: replayed(True), repeats)
    turns = [(*seconds(guessed, 1), seconds(forward, 1)[0]) for _ in range(3 if quick else 9)]
    screen, once = (float(np.median([turn[i] for turn in turns])) for i in (0, 2))
    guess = turns[0][1]
    assert (wanted == same).all(), "restarted passes must be equal to the last bit"
    assert np.allclose(wanted, close, atol=1e-5), "pruned passes must agree"
    dropping = seconds(lambda: grad_drop(Replay(model, batch, readout), values), 1)[0]
    agreement = stats.spearmanr(guess.mean(1), wanted.mean(1)).statistic
    sizes = stats.spearmanr(np.abs(guess.mean(1)), np.abs(wanted.mean(1))).statistic
    rows = {"one pass each": plain, "restarted": whole, "and pruned": pruned, "screened": screen}
    print(f"{len(components)} components, width {width}, {length} tokens, {cells} cells")
    for name, value in rows.items():
        print(f"{name:15s} {value:8.3f} s  {plain / value:6.1f}x")
    ratios = {
        "restarted": plain / whole,
        "restarted_and_pruned": plain / pruned,
        "screened_to_one_pass_each": plain / screen,
        "screened_to_pruned": pruned / screen,
        "screening_in_forwards": screen / once,
        "grad_drop_in_forwards": dropping / once,
        "rank_agreement": float(agreement),
        "rank_agreement_of_sizes": float(sizes),
        "largest_gap_of_pruned": float(np.abs(wanted - close).max()),
    }
    print(json.dumps({k: round(v, 7 if "gap" in k else 3) for k, v in ratios.items()}))


if __name__ == "__main__":
    main()
