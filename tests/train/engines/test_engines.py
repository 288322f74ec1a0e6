"""The engine that is asked for is the one that runs, or there is one clear error."""

import pytest
from accelerate import Accelerator

from hairsplit.core.errors import HairsplitError
from hairsplit.train.distributed import engine
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


@pytest.mark.parametrize(("variable", "name"), [("FSDP", "FSDP"), ("DEEPSPEED", "DeepSpeed")])
def test_a_plugin_of_the_launcher_is_refused_before_it_is_set_up(
    monkeypatch: pytest.MonkeyPatch, variable: str, name: str
) -> None:
    monkeypatch.setenv(f"ACCELERATE_USE_{variable}", "true")
    with pytest.raises(HairsplitError, match=f"accelerate's {name}, and the engine is chosen here"):
        engine()
    monkeypatch.setenv(f"ACCELERATE_USE_{variable}", "false")
    assert engine().num_processes == 1
