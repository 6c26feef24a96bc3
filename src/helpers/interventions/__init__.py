"""Change one part of a model while it runs, and read what it says then.

Attention is a description; to replace a head's output and see the prediction move is a test.
A *component* is a head, the feed-forward part (MLP) of a layer, or the residual stream after a
layer. A head is replaced where it is still a head: before the output projection, which mixes all
heads of a layer, so that 64 columns of the projected output belong to no head at all. Three choices
make an intervention, and each is an argument: *what* is written in the component's place (zero, the
mean of the same gene's tokens, those of another cell, what another run had there), *where* (at the
TF's token, at the target's, at all), and *what is read* (the predicted value of a target in scGPT,
its logit in Geneformer). Two of its uses have names:

- *ablation*: in the clean run a component is replaced; the drop is clean minus ablated. It is what
  the component adds when all others are there (last in).
- *restoration*: in a run on changed input (a TF knocked out), a component is given what it had in
  the clean run. It is what the component restores when no other does (first in).

The two differ where components interact or stand in for each other, and neither is *the* effect: a
redundant head has no drop, and half a path restores nothing. Sets of components answer that:
`all_sets` gives what every set does, and `helpers.statistics.set_functions` its interactions and
Shapley values.

Causal order decides what can be found at all. What happens at the source's token in the last layer
can no longer reach the target's token; such a zero is structural, and `reaches` tells.

>>> with intervene(model, {Component("head", 3, 1): 0.0}):  # doctest: +SKIP
...     model.forward(batch)
>>> drops = ablate(model, batch, readout, heads(model), how="mean")  # doctest: +SKIP

A table of effects has one row per component and one column per cell. Behind it stands `Replay`: one
pass keeps the residual stream before every layer, a component of layer l is judged by layers l and
later alone, and the last layer is computed only at the tokens that are read. `screened` ranks all
components from one backward pass (attribution patching; Nanda 2023, Kramar et al. 2024) and judges
the first of them exactly; `with_part` and `grad_drop` are what AtP* adds to the ranking.
"""

from helpers.lazy import exports

EXPORTS = {
    "atp_star": ("grad_drop", "part_attribution", "with_part"),
    "components": ("Component", "heads", "mlps", "reaches"),
    "edits": ("intervene",),
    "effects": ("ablate", "restore", "share_of_total"),
    "inputs": ("hide_tokens", "knock_out", "places_of"),
    "knock_outs": ("KnockOuts",),
    "pairs": ("traced",),
    "readouts": ("Readout", "target_readout"),
    "replacements": ("recorded", "replacement"),
    "replay": ("Replay",),
    "screening": ("Screened", "attribution", "screened"),
    "sets": ("all_sets", "sampled_shares"),
}

__getattr__, __dir__, __all__ = exports(__name__, EXPORTS)
