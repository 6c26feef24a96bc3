"""One style; every figure is a function of a table."""

from helpers.lazy import exports

EXPORTS = {
    "shapes": (
        "bars",
        "density_and_null",
        "forest",
        "heatmap",
        "histogram",
        "intervals",
        "lines",
        "points",
        "scatter",
    ),
    "style": (
        "BLACK",
        "BLUE",
        "GREEN",
        "GREY",
        "ORANGE",
        "PALETTE",
        "PURPLE",
        "SKY",
        "VERMILLION",
        "YELLOW",
        "use_style",
    ),
}

__getattr__, __dir__, __all__ = exports(__name__, EXPORTS)
