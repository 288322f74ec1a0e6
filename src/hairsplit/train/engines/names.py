"""Names of the engines, apart from torch."""

from typing import Literal

EngineName = Literal["auto", "ddp", "fsdp2", "zero1", "zero2", "zero3"]
