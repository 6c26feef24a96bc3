"""Simulated worlds: cells, attention and screens whose network is known."""

from helpers.datasets.simulate.attention import coexpression
from helpers.datasets.simulate.catalogue import WORLDS, world_spec
from helpers.datasets.simulate.cssi import (
    T2_CONFIGURATIONS,
    T2_EXPECT,
    Configuration,
    T2Draw,
    T4Draw,
    t2_draw,
    t4_draw,
)
from helpers.datasets.simulate.spec import WorldSpec
from helpers.datasets.simulate.world import World, control_world, draw, training_world, world

__all__ = [
    "T2_CONFIGURATIONS",
    "T2_EXPECT",
    "WORLDS",
    "Configuration",
    "T2Draw",
    "T4Draw",
    "World",
    "WorldSpec",
    "coexpression",
    "control_world",
    "draw",
    "t2_draw",
    "t4_draw",
    "training_world",
    "world",
    "world_spec",
]
