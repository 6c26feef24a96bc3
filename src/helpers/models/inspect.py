"""Check a checkpoint and describe it in a few lines; show one cell as a model reads it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from anndata import AnnData

from helpers.errors import ModelError, ParameterError
from helpers.models.adapter import ModelAdapter
from helpers.models.cells import counts_by_cell
from helpers.models.load import load_model, resolve

ORDINARY = ("ACTB", "CD74", "FOXP3", "GAPDH", "HLA-DRA", "INS", "MALAT1", "RPL3", "STAT1", "TP53")
"""Genes of the made-up cell for a model that spells names."""


def inspect_model(spec: str) -> dict[str, object]:
    """Load a checkpoint, run one made-up cell through it, and return what was found.

    Loading checks every tensor (name, shape, finite numbers) and every dictionary. The cell
    expresses at most 64 genes of the vocabulary, or a few well-known ones if any name will do.

    Parameters
    ----------
    spec
        As for `helpers.models.load.load_model`.

    Raises
    ------
    ModelError
        If anything does not fit or the forward pass gives a number that is not finite.
    """
    family, directory = resolve(spec)
    adapter = load_model(spec)
    genes = _genes(adapter)
    tokens = adapter.tokenise(_one_cell(genes))
    with torch.inference_mode():
        output = adapter.forward(adapter.collate(tokens, [0]))
        finite = bool(torch.isfinite(output.hidden).all())
        prediction = output.prediction
    if not (finite and torch.isfinite(prediction).all()):
        raise ModelError(f"{directory}: one cell gives NaN or infinite states; the weights are bad")
    state = adapter.module.state_dict()
    return {
        "model": spec,
        "family": family,
        "layers x heads x width": f"{adapter.n_layers} x {adapter.n_heads} x {adapter.width}",
        "longest cell (tokens)": adapter.max_length,
        "tensors": len(state),
        "parameters": sum(parameter.numel() for parameter in adapter.module.parameters()),
        "genes in the vocabulary": len(genes) if _is_closed(adapter) else "any name, spelled out",
        "special tokens": ", ".join(f"{name} {n}" for name, n in _special(adapter).items()),
        "tokens of the test cell": len(tokens.ids[0]),
        "hidden states": f"finite, standard deviation {float(output.hidden.std()):.3f}",
        "prediction": f"finite, {' x '.join(map(str, prediction.shape))}",
    }


def token_table(adapter: ModelAdapter, adata: AnnData, cell: int) -> pd.DataFrame:
    """Return one cell's tokens in the order in which the model reads them.

    Parameters
    ----------
    adapter
        A loaded model.
    adata
        Cells with counts.
    cell
        Row of the cell.

    Returns
    -------
    pandas.DataFrame
        ``position, gene, count`` and, for scGPT, ``bin``; for Geneformer, ``median`` (the gene's
        typical expression) and ``count / median``, by which tokens are ranked. Special tokens
        have their own name and no count.
    """
    if not 0 <= cell < adata.n_obs:
        raise ParameterError(f"cell={cell}: the data have cells 0 to {adata.n_obs - 1}")
    tokens = adapter.tokenise(adata[[cell]].copy())
    counts = counts_by_cell(adata[[cell]]).toarray()[0]
    genes = tokens.genes[0]
    table = pd.DataFrame({"position": np.arange(len(genes))})
    names = {number: name for name, number in _special(adapter).items()}
    table["gene"] = [
        tokens.gene_names[g] if g >= 0 else names[int(i)]
        for g, i in zip(genes, tokens.ids[0], strict=True)
    ]
    table["count"] = np.where(genes >= 0, counts[genes], np.nan)
    if tokens.values is not None:
        table["bin"] = np.where(genes >= 0, tokens.values[0], np.nan)
    else:
        known = adapter.dictionaries.identify(adata)
        medians = [adapter.dictionaries.medians[known[g]] if g >= 0 else np.nan for g in genes]
        table["median"] = medians
        table["count / median"] = table["count"] / table["median"]
    return table


def _vocabulary(adapter: ModelAdapter) -> dict[str, int]:
    if not _is_closed(adapter):
        return adapter.tokenizer.get_added_vocab()
    return adapter.vocabulary if adapter.family == "scgpt" else adapter.dictionaries.tokens


def _is_closed(adapter: ModelAdapter) -> bool:
    return adapter.family != "cell-sentence"


def _genes(adapter: ModelAdapter) -> list[str]:
    if not _is_closed(adapter):
        return list(ORDINARY)
    names = [name for name in _vocabulary(adapter) if not name.startswith("<")]
    if adapter.family == "geneformer":
        names = [name for name in names if name in adapter.dictionaries.medians]
    return names


def _special(adapter: ModelAdapter) -> dict[str, int]:
    return {name: n for name, n in _vocabulary(adapter).items() if name.startswith("<")}


def _one_cell(genes: list[str]) -> AnnData:
    chosen = genes[:: max(1, len(genes) // 64)][:64]
    counts = np.arange(1, len(chosen) + 1, dtype=np.float32)[None, :]
    var = pd.DataFrame({"ensembl_id": chosen}, index=pd.Index(chosen, dtype=str))
    obs = pd.DataFrame({"batch": ["only"]}, index=["cell"])
    return AnnData(counts, obs=obs, var=var)
