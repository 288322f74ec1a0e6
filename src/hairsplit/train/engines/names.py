"""Names of the engines, apart from torch."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator


def _built(name: Any) -> Any:
    if name in {"zero1", "zero2", "zero3"}:
        raise ValueError(f"{name} (DeepSpeed's ZeRO) is not built in yet: `engine: fsdp2` shards as ZeRO-3 does")
    return name


EngineName = Annotated[Literal["auto", "ddp", "fsdp2"], BeforeValidator(_built)]
