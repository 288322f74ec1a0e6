"""A run whose ranks share the weights goes on as if not stopped, on any number of ranks, whatever failed in saving."""

import contextlib
import importlib.util
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from hairsplit import api
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder, load
from hairsplit.train import saving
from hairsplit.train.checkpoint import load_state, save_state
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import engine
from hairsplit.train.engines import EngineName, choose
from hairsplit.train.optimizer import make_optimizer
from hairsplit.train.sharded_state import Saved, save_part
from tests.train import ranks
from tests.train.engines import sharded
from tests.train.processes import STOPPED
from tests.train.small import Material, rows, same, state
from tests.train.test_distributed import settings

pytestmark = pytest.mark.slow


def chosen(material: Material) -> TrainConfig:
    """Six steps with dropout, saved after every second and third one."""
    return settings(material, engine="fsdp2", model=str(material.dropout_model))


@pytest.fixture(scope="module")
def whole(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing happens to."""
    out = tmp_path_factory.mktemp("whole") / "run"
    assert ranks.launch(ranks.train, chosen(material), out) == [0, 0]
    return out


def files(run: Path) -> list[str]:
    """What is in its state."""
    folder = run / "state"
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def shards(step: int, size: int = 2) -> list[str]:
    return ["state.pt", *(f"step_{step:06d}/rank_{rank:05d}.safetensors" for rank in range(size))]


def assert_equal(found: Path, expected: Path) -> None:
    one, two = state(found), state(expected)
    for key in one.keys() - {"log_bytes"}:
        assert same(one[key], two[key]), key
    assert rows(found) == rows(expected)
    for name in ("best", "last"):
        ours, theirs = (run / "checkpoints" / name / "model.safetensors" for run in (found, expected))
        assert ours.read_bytes() == theirs.read_bytes(), name


def broken(rank: int, config: TrainConfig, out: Path, how: Callable[[int, int], None]) -> None:
    """`ranks.train`, in which `how(rank, step)` comes before a rank writes its part, or between that and the state."""

    def breaking_part(folder: Path, *arguments: Any, step: int, rank: int) -> None:
        if how is second_rank_finds_no_room:
            how(rank, step)
        save_part(folder, *arguments, step=step, rank=rank)

    def breaking_state(run: Path, found: Any) -> None:
        if how is first_rank_dies:
            how(rank, found.step)
        save_state(run, found)

    setattr(saving, "save_part", breaking_part)  # noqa: B010 - in a process of its own
    setattr(saving, "save_state", breaking_state)  # noqa: B010
    ranks.train(rank, config, out)


def second_rank_finds_no_room(rank: int, step: int) -> None:
    if (rank, step) == (1, 4):
        raise OSError(28, "No space left on device")


def first_rank_dies(rank: int, step: int) -> None:
    if (rank, step) == (0, 4):
        os.kill(os.getpid(), signal.SIGKILL)


def test_each_rank_writes_half_and_the_state_beside_it_is_small(whole: Path) -> None:
    assert files(whole) == shards(6)
    parts = [(whole / "state" / name).stat().st_size for name in shards(6)]
    tree = state(whole)
    numbers = sum(value.numel() for value in tree["model"].values())
    learning = sum(entry["exp_avg"].numel() for entry in tree["optimizer"]["state"].values())
    assert 4 * (numbers + 2 * learning) < sum(parts[1:]) < 4.4 * (numbers + 2 * learning) + 60_000
    assert max(parts[1:]) < 1.3 * min(parts[1:])
    assert parts[0] < 60_000
    assert same(load(whole / "checkpoints" / "last").state_dict(), tree["model"])


def test_a_rank_without_room_ends_all_with_one_error_and_the_state_before_is_whole(
    material: Material, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert ranks.launch(broken, chosen(material), out, second_rank_finds_no_room) == [STOPPED, STOPPED]
    said = [out.with_suffix(f".error{rank}").read_text() for rank in range(2)]
    assert said[0] == said[1]
    assert "checkpoint of step 4 could not be written by rank 1 (No space left on device)" in said[0]
    assert "the one before is whole" in said[0]
    assert files(out) == shards(3)
    assert ranks.launch(sharded.resumed, chosen(material), out) == [0, 0]
    assert_equal(out, whole)
    assert files(out) == shards(6)


def test_a_kill_between_the_shards_and_the_state_leaves_the_state_before(
    material: Material, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"

    def end_the_other(processes: list[int]) -> None:  # as the launcher does when one has died
        while psutil.pid_exists(processes[0]):
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.kill(processes[1], signal.SIGKILL)

    codes = ranks.launch(broken, chosen(material), out, first_rank_dies, then=end_the_other)
    assert codes[0] == -signal.SIGKILL
    assert files(out) == sorted({*shards(3), *shards(4)})
    assert state(out)["step"] == 3
    assert ranks.launch(sharded.resumed, chosen(material), out) == [0, 0]
    assert_equal(out, whole)
    assert files(out) == shards(6)


def adam(made: DualEncoder) -> torch.optim.AdamW:
    return make_optimizer(made, lr=0.1, weight_decay=0.01)


def resaved(rank: int, ways: list[tuple[EngineName, Path, Path]]) -> None:
    """States, each taken up by an engine and saved as it is."""
    accelerator = engine()
    for name, source, out in ways:
        made, taken = ranks.encoder("text_encoder", seed=5).float(), choose(name, accelerator)
        taken.prepare(made, partial(adam, made))
        taken.load(Saved(source, load_state(source, config_hash="c"), rank=rank))
        sharded.save(taken, 3, out)


def trained(out: Path) -> dict[str, Any]:
    """What one process saves after some steps."""
    made, alone = ranks.encoder("text_encoder").float(), choose("auto", engine())
    _, optimizer = alone.prepare(made, lambda: adam(made))
    random = torch.Generator().manual_seed(0)
    for _ in range(3):
        for p in made.parameters():
            p.grad = torch.randn(p.shape, generator=random) if p.requires_grad else None
        optimizer.step()
    sharded.save(alone, 3, out)
    return state(out)


def test_any_number_of_ranks_and_any_engine_take_up_a_state_to_the_last_bit(tmp_path: Path) -> None:
    """From one process to two ranks, to four, back to two, and to whole weights; by ZeRO too where it is at hand."""
    expected = trained(tmp_path / "one")
    names = ("one", "two", "four", "again", "whole", "zero1", "zero2", "zero3", "four_zero3", "from_zero2")
    at = {name: tmp_path / name for name in names}
    zero = importlib.util.find_spec("deepspeed") is not None
    two: list[tuple[EngineName, Path, Path]] = [("fsdp2", at["one"], at["two"])]
    four: list[tuple[EngineName, Path, Path]] = [("fsdp2", at["two"], at["four"])]
    back: list[tuple[EngineName, Path, Path]] = [("fsdp2", at["four"], at["again"]), ("ddp", at["again"], at["whole"])]
    if zero:
        two += [("zero1", at["two"], at["zero1"]), ("zero2", at["one"], at["zero2"])]
        four += [("zero3", at["zero1"], at["four_zero3"])]
        back += [("zero3", at["four_zero3"], at["zero3"]), ("fsdp2", at["zero2"], at["from_zero2"])]
    for size, ways in ((2, two), (4, four), (2, back)):
        assert ranks.launch(resaved, ways, size=size) == [0] * size
        for name, _, out in ways:
            found = state(out)
            assert (found["shards"] is None) == (name == "ddp")
            assert name == "ddp" or found["shards"]["ranks"] == size
            for key in ("model", "optimizer"):
                assert same(found[key], expected[key]), (name, size, key)
    with pytest.raises(HairsplitError, match="the part of rank 3 is missing"):
        (at["four"] / "state" / "step_000003" / "rank_00003.safetensors").unlink()
        state(at["four"])


def test_a_run_of_shards_goes_on_in_one_process_and_is_then_saved_whole(
    material: Material, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert ranks.launch(sharded.stopped_at_the_third_step, chosen(material), out) == [STOPPED, STOPPED]
    assert files(out) == shards(3)
    part = out / "state" / shards(3)[2]
    content = part.read_bytes()
    part.write_bytes(content[:1_000])
    alone = replace(chosen(material), engine="auto")
    with pytest.raises(HairsplitError, match="torn state") as caught:
        api.train(alone, out, resume=True, quiet=True)
    assert caught.value.where == str(part)
    part.write_bytes(content)
    api.train(alone, out, resume=True, quiet=True)
    assert files(out) == ["state.pt"]
    assert len(rows(out)) == len(rows(whole))
    assert [row["step"] for row in rows(out, "train")] == [1, 2, 3, 4, 5, 6]
