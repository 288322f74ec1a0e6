"""Names of the engines, apart from torch."""

from typing import Final, Literal

EngineName = Literal["auto", "ddp", "fsdp2", "zero1", "zero2", "zero3"]
REPLICATED: Final[frozenset[EngineName]] = frozenset({"auto", "ddp"})
"""Engines with which each rank holds whole weights; the others shard something."""
