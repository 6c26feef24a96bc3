"""Simulated worlds: cells, attention and screens whose network is known."""

from helpers.lazy import exports

EXPORTS = {
    "attention": ("coexpression",),
    "catalogue": ("WORLDS", "world_spec"),
    "cssi": (
        "Configuration",
        "T2Draw",
        "T2_CONFIGURATIONS",
        "T2_EXPECT",
        "T4Draw",
        "t2_draw",
        "t4_draw",
    ),
    "spec": ("WorldSpec",),
    "worlds": ("World", "control_world", "draw", "training_world", "world"),
}

__getattr__, __dir__, __all__ = exports(__name__, EXPORTS)
