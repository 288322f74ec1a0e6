"""A rank that is killed costs nothing: torchrun starts the ranks again, and they go on from the last state."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from pydantic import TypeAdapter

from hairsplit import api
from hairsplit._verbs import train as verb
from hairsplit.core import run
from hairsplit.core.errors import HairsplitError
from hairsplit.train.config import TrainConfig
from hairsplit.train.elastic import launch, restarted
from tests.train import processes
from tests.train.small import Material, config, rows, same, state

STEPS = 30


def test_only_the_launch_that_began_a_run_goes_on_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    assert launch() is None
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert not restarted(tmp_path)  # killed before there was a run
    (tmp_path / "config.yaml").write_text("")
    for stamp, expected in (({}, False), ({"launch": None}, False), ({"launch": "b"}, False), ({"launch": "a"}, True)):
        (tmp_path / "stamp.json").write_text(json.dumps(stamp))
        assert restarted(tmp_path) is expected
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")
    assert not restarted(tmp_path)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert str(os.getppid()) in str(launch())


def first_start(kill: str, config: TrainConfig, out: Path) -> None:
    """A run under torchrun that is killed before it can be resumed: as it writes the file `kill`, or just after it."""

    @contextlib.contextmanager
    def deadly(path: Path) -> Iterator[Path]:
        with run.atomic_file(path) as temporary:
            yield temporary
            if path.name == kill:
                os.kill(os.getpid(), signal.SIGKILL)
        if path.name == kill.removeprefix("after "):
            os.kill(os.getpid(), signal.SIGKILL)

    os.environ |= {"TORCHELASTIC_RUN_ID": "a", "TORCHELASTIC_RESTART_COUNT": "0"}
    setattr(verb, "atomic_file", deadly)  # noqa: B010 - in a process of its own
    write = run.write_json

    def write_json(path: Path, value: Any) -> None:
        if path.name == "stamp.json" and kill == "stamp.json":
            (path.parent / ".stamp.json.torn").write_text("{")
            os.kill(os.getpid(), signal.SIGKILL)
        write(path, value)

    setattr(verb, "write_json", write_json)  # noqa: B010
    api.train(config, out, quiet=True)


def second_start(launched: str, config: TrainConfig, out: Path) -> None:
    """The same command, started again by a torchrun."""
    os.environ |= {"TORCHELASTIC_RUN_ID": launched, "TORCHELASTIC_RESTART_COUNT": "1"}
    try:
        api.train(config, out, quiet=True)
    except HairsplitError as error:
        out.with_suffix(".error").write_text(str(error))
        os._exit(processes.STOPPED)


def in_process(function: Callable[..., None], *arguments: Any) -> int | None:
    child = processes.CONTEXT.Process(target=function, args=arguments)
    child.start()
    child.join(100)
    return child.exitcode


@pytest.mark.slow
@pytest.mark.parametrize("kill", ["stamp.json", "config.yaml", "after config.yaml"])
def test_a_kill_before_a_run_has_begun_does_not_stop_the_restart(material: Material, tmp_path: Path, kill: str) -> None:
    chosen, out = config(material), tmp_path / "run"
    assert in_process(first_start, kill, chosen, out) == -signal.SIGKILL
    left = {file.name for file in out.iterdir()}
    assert ("config.yaml" in left) == kill.startswith("after")
    assert in_process(second_start, "b", chosen, out) == processes.STOPPED  # not its folder
    assert "exists already; nothing was changed" in out.with_suffix(".error").read_text()
    assert {file.name for file in out.iterdir()} == left
    assert in_process(second_start, "a", chosen, out) == 0
    assert len(rows(out, "train")) == chosen.steps
    assert not list(out.glob(".*"))


def train(file: Path, out: Path, *, kill_at: int | None) -> str:
    """Two ranks under torchrun; as soon as the log has `kill_at` lines, the second is killed. Returns what was said."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--max-restarts", "1"]
    command = [*launcher, "--standalone", "-m", "hairsplit", "train", str(file), "--out", str(out)]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    environment.pop("ACCELERATE_USE_CPU", None)
    with (out.with_suffix(".said")).open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        log = out / "metrics.jsonl"
        while kill_at and process.poll() is None and (not log.is_file() or log.read_bytes().count(b"\n") < kill_at):
            time.sleep(0.005)
        if kill_at:
            workers = [c for c in psutil.Process(process.pid).children() if c.environ().get("RANK") == "1"]
            workers[0].send_signal(signal.SIGKILL)
        assert process.wait(200) == 0, out.with_suffix(".said").read_text()
    return out.with_suffix(".said").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ddp", "fsdp2"])
def test_a_killed_rank_costs_no_bit(material: Material, tmp_path: Path, engine: str) -> None:
    chosen = config(material, model=str(material.dropout_model), steps=STEPS, save_every=5, engine=engine)
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(TypeAdapter(TrainConfig).dump_python(chosen, mode="json")))
    train(tmp_path / "run.yaml", tmp_path / "whole", kill_at=None)
    said = train(tmp_path / "run.yaml", tmp_path / "killed", kill_at=13)
    assert said.count("pairs to train on") == 2  # it was started twice
    found, expected = state(tmp_path / "killed"), state(tmp_path / "whole")
    for key in expected.keys() - {"log_bytes"}:
        assert same(found[key], expected[key]), key
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")
