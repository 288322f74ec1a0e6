"""The engine that is asked for is the one that runs, or there is one clear error."""

import pytest
from accelerate import Accelerator

from hairsplit.core.errors import HairsplitError
from hairsplit.train.engines import EngineName, Replicated, choose


def test_a_process_alone_needs_no_engine() -> None:
    assert type(choose("auto", Accelerator(cpu=True))) is Replicated


@pytest.mark.parametrize("name", ["ddp", "fsdp2", "zero1", "zero2", "zero3"])
def test_an_engine_for_several_ranks_is_refused_in_one_process(name: EngineName) -> None:
    with pytest.raises(
        HairsplitError, match=f"{name} shares the work of several ranks, and this process is alone"
    ) as e:
        choose(name, Accelerator(cpu=True))
    assert "torchrun" in str(e.value)
    assert "starts one process" in str(e.value)
