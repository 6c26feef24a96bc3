"""Attention rollout, a reference that follows attention through all layers at once."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr
from anndata import AnnData

from helpers.extraction.capture import as_dataset, make_plan
from helpers.extraction.counts import add_counts
from helpers.extraction.devices import choose, placed
from helpers.extraction.layout import lay_out
from helpers.extraction.rows import merge_words
from helpers.extraction.stream import progress
from helpers.extraction.sums import empty_sums, prepare
from helpers.models.adapter import ModelAdapter
from helpers.models.attention import full_attention, tapping


def rollout(
    adapter: ModelAdapter,
    adata: AnnData,
    *,
    batch_size: int | str = "auto",
    device: str = "auto",
    dtype: str = "auto",
    show_progress: bool = True,
    **choices,
) -> xr.Dataset:
    r"""Sum attention rollout over cells.

    Per cell, :math:`\hat A_l = (I + \bar A_l) / 2` with :math:`\bar A_l` the mean map over heads,
    and the rollout is :math:`\hat A_L \cdots \hat A_1` (Abnar and Zuidema, 2020). It needs whole
    maps and a product of them in every layer, so its cost grows with the square and cube of the
    tokens: use it on few or short cells.

    Parameters
    ----------
    adapter, adata, batch_size, device, dtype, show_progress
        As in `helpers.extraction.extract`.
    **choices
        ``sources``, ``genes``, ``strata``, ``squares``, ``max_length``, ``seed``, as there.

    Returns
    -------
    xarray.Dataset
        ``sum``, ``sum_sq`` (source, target), ``count``, ``outside`` and ``cells``, with
        ``stratum`` in front if strata are given.
    """
    plan = make_plan(adapter, adata, **choices)
    setting = choose(adapter, plan.tokens, device=device, dtype=dtype, batch_size=batch_size)
    sources, targets = len(plan.axes.sources), len(plan.axes.targets)
    sums = empty_sums(
        scores=1,
        layers=1,
        strata=1 if plan.strata is None else len(plan.strata),
        heads=1,
        sources=sources,
        targets=targets,
        squares=plan.squares,
        device=setting.device,
        causal=adapter.causal,
    )
    with (
        placed(adapter, setting),
        torch.inference_mode(),
        progress(len(plan.tokens), f"{adapter.name} rollout on {setting}", show_progress) as bar,
    ):
        for start in range(0, len(plan.tokens), setting.batch_size):
            rows = np.arange(start, min(start + setting.batch_size, len(plan.tokens)))
            batch = adapter.collate(plan.tokens, rows).to(setting.device)
            means: list[torch.Tensor] = []

            def read(layer, query, key, value, mask, scaling, module, means=means):
                if query.dtype == torch.bfloat16:
                    query, key = query.float(), key.float()
                means.append(full_attention(query, key, mask, scaling).mean(dim=1))

            with tapping(read):
                adapter.forward(batch)
            layout = lay_out(batch, plan.axes, plan.codes[rows], setting.device)
            # From the last layer down, only the wanted rows: a product of whole maps costs more.
            rolled = torch.nn.functional.one_hot(layout.rows, means[0].shape[-1]).to(means[0].dtype)
            for mean in reversed(means):
                rolled = (rolled @ mean + rolled) / 2
            values = rolled[:, None], layout.source, layout.target
            if layout.repeated:
                dumps = {"source_dump": sources, "target_dump": targets}
                values = merge_words(*values, over_keys="sum", **dumps)
            prepare(
                values[0],
                layout.stratum,
                *values[1:],
                sums.total[0, 0],
                None if sums.squares is None else sums.squares[0, 0],
            )()
            add_counts(sums, plan.axes, plan.tokens, rows, plan.codes[rows])
            bar.update(len(rows))
    return as_dataset(adapter, plan, sums, None).isel(layer=0, head=0, drop=True)
