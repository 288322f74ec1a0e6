"""A rank that has died or hangs is noticed soon, however long the first one may work alone."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import torch.distributed as dist
import yaml
from pydantic import TypeAdapter

from hairsplit.core.errors import HairsplitError
from hairsplit.train.config import TrainConfig
from hairsplit.train.patience import first_alone, lost_ranks
from tests.train import ranks, waiting
from tests.train.processes import STOPPED
from tests.train.small import Material, config, rows

GLOO = "[/a/gloo/transport/tcp/pair.cc:553] "
CLOSED = "another rank has ended: its connection is closed"
SILENT = "another rank has died or hangs: no answer within 2 minutes"
LOST = [
    (RuntimeError(GLOO + "Connection closed by peer [10.0.0.1]:1"), CLOSED),
    (RuntimeError(GLOO + "Timed out waiting 1ms for recv"), SILENT),
    (dist.DistNetworkError("Connection reset by peer"), CLOSED),
    (dist.DistStoreError("wait timeout after 1ms"), SILENT),
]


@pytest.mark.parametrize(("error", "message"), LOST, ids=lambda value: str(value)[-22:])
def test_what_torch_says_of_a_lost_rank_is_one_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: RuntimeError, message: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "2")
    with pytest.raises(HairsplitError) as told, lost_ranks(Path("run"), timedelta(minutes=2)):
        raise error
    assert str(told.value).startswith(f"rank 2 of 4, run: {message}\n  hint: see what the others said;")
    assert ("timeout_minutes" in told.value.hint) == ("hangs" in message)
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(type(error), match=r"peer|1ms"), lost_ranks(Path("run"), timedelta(minutes=2)):
        raise error


@pytest.mark.parametrize("said", ["mat1 and mat2 cannot be multiplied", "gloo: no device", "the request timed out"])
def test_other_errors_stay_what_they_are(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match=said), lost_ranks(Path("run"), timedelta(minutes=2)):
        raise RuntimeError(said)


def test_a_process_alone_waits_for_nobody() -> None:
    with pytest.raises(ValueError, match="mine"), first_alone(timedelta(0)):
        raise ValueError("mine")


@pytest.mark.slow
def test_the_first_rank_may_work_for_longer_than_the_others_wait_for_an_answer(tmp_path: Path) -> None:
    assert ranks.launch(waiting.alone, tmp_path) == [0, 0]
    assert [(tmp_path / f"{rank}").read_text() for rank in range(2)] == ["3", "3"]


@pytest.mark.slow
def test_a_first_rank_that_hangs_in_its_work_is_noticed_in_the_usual_time(tmp_path: Path) -> None:
    def end_it(processes: list[int]) -> None:
        while not (tmp_path / "error").is_file():
            time.sleep(0.05)
        os.kill(processes[0], signal.SIGKILL)

    assert ranks.launch(waiting.silent, tmp_path, then=end_it) == [-signal.SIGKILL, STOPPED]
    seconds, _, message = (tmp_path / "error").read_text().partition("\n")
    assert "another rank has died or hangs: no answer within 3 seconds" in message
    assert float(seconds) >= waiting.SHORT.total_seconds()


@pytest.mark.slow
def test_the_others_end_with_a_first_rank_that_fails(tmp_path: Path) -> None:
    assert ranks.launch(waiting.failing, tmp_path) == [STOPPED, STOPPED]
    assert (tmp_path / "error0").read_text().startswith("a picture: no good")
    assert (tmp_path / "error1").read_text().startswith("rank 1 of 2: the first rank could not go on")


@pytest.mark.slow
def test_a_long_check_validation_and_saving_end_no_run(material: Material, tmp_path: Path) -> None:
    chosen = config(material, timeout_minutes=waiting.SHORT.total_seconds() / 60)
    assert ranks.launch(waiting.slow_training, chosen, tmp_path / "run") == [0, 0]
    slow = [(tmp_path / f"run.slow{rank}").read_text() for rank in range(2)]
    assert slow == ["check_pictures validation_metrics save_state", ""]
    assert len(rows(tmp_path / "run", "train")) == chosen.steps


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "how", "message"),
    [
        (0, signal.SIGKILL, CLOSED),
        (1, signal.SIGSTOP, "another rank has died or hangs: no answer within 6 seconds"),
    ],
)
def test_the_rank_that_is_left_says_so_in_one_line(
    material: Material, tmp_path: Path, lost: int, how: signal.Signals, message: str
) -> None:
    chosen = config(material, steps=100_000, warmup_steps=1, timeout_minutes=0.1)
    tree = TypeAdapter(TrainConfig).dump_python(chosen, mode="json")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree))
    out, left = tmp_path / "run", 1 - lost
    said = out.with_suffix(f".said{left}")
    assert ranks.launch(waiting.command, tmp_path / "run.yaml", out, then=_losing(lost, how, out, said)) == (
        [2, -signal.SIGKILL] if lost else [-signal.SIGKILL, 2]
    )
    lines = said.read_text().splitlines()
    assert lines[-2] == f"hairsplit: rank {left} of 2, {out}: {message}"
    assert lines[-1].startswith(f"  hint: see what the others said; `hairsplit train --out {out} --resume`")
    assert "Traceback" not in said.read_text()
    assert sum(line.startswith("hairsplit: ") for line in lines) == 1  # accelerate may have warned of threads before


def _losing(lost: int, how: signal.Signals, out: Path, said: Path) -> Callable[[list[int]], None]:
    def lose(processes: list[int]) -> None:
        log = out / "metrics.jsonl"
        while not log.is_file() or log.read_bytes().count(b"\n") < 4:
            time.sleep(0.01)
        os.kill(processes[lost], how)
        while "hint" not in said.read_text():
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):  # it was killed before
            os.kill(processes[lost], signal.SIGKILL)

    return lose
