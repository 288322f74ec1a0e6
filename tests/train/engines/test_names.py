"""An engine is known by its name before anything is loaded."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from hairsplit.train.config import TrainConfig
from hairsplit.train.engines import EngineName


def test_another_word_gets_the_list_of_names() -> None:
    with pytest.raises(ValidationError, match="'auto', 'ddp', 'fsdp2', 'zero1', 'zero2' or 'zero3'"):
        TrainConfig(train=Path("t"), engine="fsdp")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["fsdp2", "zero1", "zero2", "zero3"])
def test_what_needs_whole_weights_is_refused_where_they_are_shards(name: EngineName) -> None:
    assert TrainConfig(train=Path("t"), engine=name).engine == name
    with pytest.raises(ValidationError, match=f"ema averages whole weights, and {name} shards"):
        TrainConfig(train=Path("t"), engine=name, ema=0.9)
    with pytest.raises(ValidationError, match=f"chunk needs whole weights on each rank, and {name} shards"):
        TrainConfig(train=Path("t"), engine=name, chunk=4)


def test_a_moving_average_goes_with_whole_weights() -> None:
    assert TrainConfig(train=Path("t"), engine="ddp", ema=0.9).engine == "ddp"
