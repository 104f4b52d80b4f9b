"""What pages and API show of an image: its parts, its config in words, and the commands that fetch it. Pure."""

from repositories.images.artifacts import HELM_CONFIG
from repositories.images.shown.commands import Command, pull_command, pull_commands
from repositories.images.shown.parts import Layer, Part, Step, part_of, part_of_entry

__all__ = [
    "HELM_CONFIG",
    "Command",
    "Layer",
    "Part",
    "Step",
    "part_of",
    "part_of_entry",
    "pull_command",
    "pull_commands",
]
