"""What accelerate's launcher was told becomes an engine that does it, or one clear error."""

import os

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.train.distributed import engine
from hairsplit.train.engines import EngineName
from hairsplit.train.engines.launcher import asked, told, without_plugins

FSDP = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}
ZERO = {"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3"}


def environment(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"ACCELERATE_USE_FSDP": "false", "FSDP_VERSION": "2"}, None),
        (FSDP | {"FSDP_OFFLOAD_PARAMS": "false", "FSDP_ACTIVATION_CHECKPOINTING": "false"}, "fsdp2"),
        (ZERO | {"ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE": "none"}, "zero3"),
        (ZERO | {"ACCELERATE_DEEPSPEED_ZERO_STAGE": "1"}, "zero1"),
        (ZERO | {"ACCELERATE_DEEPSPEED_ZERO_STAGE": "0"}, "ddp"),
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, "zero2"),
    ],
)
def test_what_the_launcher_was_told_is_an_engine(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: EngineName | None
) -> None:
    environment(monkeypatch, variables)
    assert asked() == expected
    assert engine().num_processes == 1
    assert {name: os.environ[name] for name in variables} == variables


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (FSDP | {"FSDP_VERSION": "1"}, "FSDP of version 1"),
        ({"ACCELERATE_USE_FSDP": "1"}, "FSDP of version 1"),
        (FSDP | {"FSDP_OFFLOAD_PARAMS": "true"}, "offloads weights"),
        (FSDP | {"FSDP_ACTIVATION_CHECKPOINTING": "true"}, "set `activation_checkpointing: true` instead"),
        (FSDP | {"ACCELERATE_USE_PARALLELISM_CONFIG": "true"}, "PARALLELISM_CONFIG, for which there is no engine"),
        (ZERO | {"ACCELERATE_DEEPSPEED_CONFIG_FILE": "ds.json"}, "a file of DeepSpeed's, which is not read"),
        (ZERO | {"ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE": "cpu"}, "offloads the optimiser's state"),
        (ZERO | {"ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE": "nvme"}, "offloads weights"),
        (ZERO | {"ACCELERATE_DEEPSPEED_ZERO_STAGE": "4"}, "ZeRO of stage 4"),
        ({"ACCELERATE_USE_MEGATRON_LM": "true"}, "MEGATRON_LM, for which there is no engine"),
    ],
)
def test_what_no_engine_does_is_refused_before_accelerate_is_set_up(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    environment(monkeypatch, variables)
    with pytest.raises(HairsplitError, match="the launcher was told to") as error:
        engine()
    assert message in str(error.value)
    assert "torchrun" in error.value.hint


def test_accelerate_sees_no_plugin_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, FSDP)
    with without_plugins():
        assert "ACCELERATE_USE_FSDP" not in os.environ
    assert os.environ["ACCELERATE_USE_FSDP"] == "true"


def test_the_user_is_told_what_of_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told("auto", "fp32") == []
    environment(monkeypatch, FSDP | {"ACCELERATE_MIXED_PRECISION": "bf16"})
    assert told("fsdp2", "bf16") == [
        "engine: fsdp2, as accelerate's launcher was told; its other settings (accumulation, clipping, "
        "wrapping) are not used"
    ]
    engine_line, precision_line = told("auto", "fp32")
    assert engine_line.startswith("engine: auto, but one process has nothing to shard")
    assert precision_line == "precision: fp32, and not the launcher's mixed_precision=bf16"
