"""Simulated worlds: cells, attention and screens whose network is known."""

from helpers.datasets.simulate.attention import coexpression
from helpers.datasets.simulate.catalogue import WORLDS, world_spec, world_table
from helpers.datasets.simulate.spec import WorldSpec
from helpers.datasets.simulate.world import World, draw, training_world, world

__all__ = [
    "WORLDS",
    "World",
    "WorldSpec",
    "coexpression",
    "draw",
    "training_world",
    "world",
    "world_spec",
    "world_table",
]
