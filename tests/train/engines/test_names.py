"""An engine is known by its name before anything is loaded."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from hairsplit.train.config import TrainConfig


@pytest.mark.parametrize("name", ["zero1", "zero2", "zero3"])
def test_what_is_not_built_in_is_said(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} .*is not built in yet: `engine: fsdp2`"):
        TrainConfig(train=Path("t"), engine=name)  # type: ignore[arg-type]


def test_another_word_gets_the_list_of_names() -> None:
    with pytest.raises(ValidationError, match="'auto', 'ddp' or 'fsdp2'"):
        TrainConfig(train=Path("t"), engine="fsdp")  # type: ignore[arg-type]


def test_an_average_of_shards_is_refused() -> None:
    assert TrainConfig(train=Path("t"), engine="ddp", ema=0.9).engine == "ddp"
    with pytest.raises(ValidationError, match="ema averages whole weights"):
        TrainConfig(train=Path("t"), engine="fsdp2", ema=0.9)
