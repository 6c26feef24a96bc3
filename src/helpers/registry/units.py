"""The units a test may count: the thing that would be drawn again in a repeat of the study."""

UNITS = frozenset(
    {
        "TF",
        "TF x target",
        "annotation",
        "batch",
        "cell",
        "component",
        "context",
        "donor",
        "draw",
        "feature",
        "gene",
        "head",
        "lineage",
        "model",
        "ortholog",
        "perturbation",
        "perturbation x gene",
        "registry",
        "row",
        "run",
        "screen",
        "seed",
        "study",
        "target",
        "tissue",
        "world",
    }
)
"""Units a corrected test may name."""

PUBLISHED_ONLY = frozenset({"edge", "layer", "pair"})
"""Units that only a row reproducing a published value may name: they are not independent."""

NOTEBOOK_UNITS: dict[str, frozenset[str]] = {
    "10_coexpression": frozenset({"TF x target", "TF", "gene", "model"}),
    "11_cssi": frozenset({"TF x target", "TF", "gene", "draw", "seed", "cell"}),
    "12_null_models": frozenset({"TF x target", "TF", "gene", "draw", "model", "seed", "edge"}),
    "28_leakage": frozenset({"TF x target", "cell", "donor", "batch", "draw", "seed"}),
    "30_synthetic_validation": frozenset({"TF x target", "seed", "world", "draw"}),
    "90_test_registry": frozenset({"registry", "row"}),
}
"""Narrower lists of single notebooks; a notebook that is not named may use all of `UNITS`."""


def allowed_units(notebook: str, variant: str) -> frozenset[str]:
    """Return the units that a row of this notebook and variant may name.

    Parameters
    ----------
    notebook
        File stem of the notebook, for example ``"10_coexpression"``.
    variant
        ``"corrected"`` or ``"published"``; the latter may also count pairs, edges or layers.
    """
    units = NOTEBOOK_UNITS.get(notebook, UNITS)
    return units | PUBLISHED_ONLY if variant == "published" else units
