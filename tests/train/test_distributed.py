"""Two processes over gloo are one process on the whole batch: embeddings, loss, gradient, and a training."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pydantic import TypeAdapter

from hairsplit import api
from hairsplit.encoders.dual_encoder import load
from hairsplit.encoders.trainable import MODES, TrainableMode
from hairsplit.losses.objectives import OBJECTIVES, AnySpec, parse_objective
from hairsplit.train.config import TrainConfig
from tests.train import ranks
from tests.train.processes import STOPPED
from tests.train.small import Material, config, rows, state

pytestmark = pytest.mark.slow
SUM = {"name": "sum", "terms": [{"loss": "contrastive", "weight": 0.5}, {"loss": "preference"}], "l2": 0.01}


def cases() -> list[tuple[str, AnySpec, TrainableMode]]:
    """Each objective with everything learning, and each mode with one objective."""
    masked = {"hnc_l2", "standard"}
    specs = {
        name: parse_objective(
            SUM if name == "sum" else {"name": name} | ({"mask_false_negatives": True} if name in masked else {})
        )
        for name in OBJECTIVES
    }
    specs["fsc_clip_local"] = parse_objective({"name": "fsc_clip", "local_weight": 0.2})
    return [(name, spec, "full_encoder") for name, spec in specs.items()] + [
        ("hnc_kl", specs["hnc_kl"], mode) for mode in MODES if mode != "full_encoder"
    ]


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each of two ranks found on its half of the batch."""
    out = tmp_path_factory.mktemp("halves")
    assert ranks.launch(ranks.gradients, cases(), out) == [0, 0]
    return out


@pytest.mark.parametrize(("name", "spec", "mode"), cases(), ids=lambda value: value if isinstance(value, str) else "")
def test_loss_and_gradient_on_each_rank_are_those_of_one_process(
    halves: Path, name: str, spec: AnySpec, mode: TrainableMode
) -> None:
    expected = ranks.step(spec, mode, slice(0, 6), lambda module: module, 1)
    assert len(expected) > 4
    for rank in range(ranks.RANKS):
        found: dict[str, torch.Tensor] = torch.load(halves / f"{name}-{mode}-{rank}.pt", weights_only=True)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, rtol=1e-9, atol=1e-12, msg=key)


def test_a_rank_waits_for_half_an_hour_and_a_wish_to_stop_on_any_of_them_is_known_to_all(halves: Path) -> None:
    for rank in range(ranks.RANKS):
        facts: dict[str, Any] = torch.load(halves / f"facts-{rank}.pt", weights_only=True)
        assert facts == {"wait": 30 * 60, "flags": [False, True, True, True], "backend": "gloo", "total": 3}


def settings(material: Material, **changes: Any) -> TrainConfig:
    shared: dict[str, Any] = {
        "steps": 6,
        "accumulation": 2,
        "save_every": 2,
        "validate_every": 3,
        "freeze_logit_scale": False,
    }
    return config(material, **shared | changes)


def assert_close(found: Path, expected: Path, rel: float = 1e-5) -> None:
    one, two = rows(found), rows(expected)
    assert len(one) == len(two)
    for mine, theirs in zip(one, two, strict=True):
        assert mine.pop("kind") == theirs.pop("kind")
        assert mine == pytest.approx(theirs, rel=rel, abs=1e-5)
    ours, other = load(found / "checkpoints" / "last"), load(expected / "checkpoints" / "last")
    for value, wanted in zip(ours.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(value, wanted, rtol=1e-3, atol=1e-4)


def written(out: Path) -> list[str]:
    return sorted(str(file.relative_to(out)) for file in out.rglob("*"))


@pytest.mark.parametrize("name", ["hnc_kl", "contrastive_dpo_l2"])
def test_a_training_on_two_ranks_is_the_training_on_one(material: Material, tmp_path: Path, name: str) -> None:
    chosen = settings(material, objective=name)
    assert ranks.launch(ranks.train, chosen, tmp_path / "two") == [0, 0]
    api.train(chosen, tmp_path / "one", quiet=True)
    assert json.loads((tmp_path / "two" / "stamp.json").read_text())["ranks"] == 2
    assert_close(tmp_path / "two", tmp_path / "one")
    assert written(tmp_path / "two") == written(tmp_path / "one")


def test_the_launcher_trains_on_two_ranks_and_speaks_once(material: Material, tmp_path: Path) -> None:
    """As a user starts it: accelerate picks the ranks up from the launcher's environment."""
    chosen = settings(material)
    tree = TypeAdapter(TrainConfig).dump_python(chosen, mode="json")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree), "utf-8")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launcher, "-m", "hairsplit", "train", str(tmp_path / "run.yaml"), "--out", str(tmp_path / "two")]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    environment.pop("ACCELERATE_USE_CPU", None)  # a user does not set it, and without, each process trained alone
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("pairs to train on") == 1
    assert done.stdout.count("everything is in") == 1
    api.train(chosen, tmp_path / "one", quiet=True)
    assert json.loads((tmp_path / "two" / "stamp.json").read_text())["ranks"] == 2
    assert_close(tmp_path / "two", tmp_path / "one")
    assert "Warning" not in done.stderr


def test_a_signal_to_one_rank_stops_both_at_the_same_step(material: Material, tmp_path: Path) -> None:
    out, chosen = tmp_path / "two", settings(material, steps=400, warmup_steps=2)

    def interrupt(processes: list[int]) -> None:
        log = out / "metrics.jsonl"
        while not log.is_file() or log.read_bytes().count(b"\n") < 4:
            time.sleep(0.01)
        os.kill(processes[1], signal.SIGTERM)  # the one that does not write

    assert ranks.launch(ranks.train, chosen, out, then=interrupt) == [STOPPED, STOPPED]
    reached = state(out)["step"]
    for rank in range(ranks.RANKS):
        assert f"stopped at step {reached} of 400 as asked" in out.with_suffix(f".error{rank}").read_text()
    assert len(rows(out, "train")) == reached


def test_an_existing_folder_is_refused_by_the_first_rank_and_not_touched(material: Material, tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "mine.txt").write_text("mine")

    def end_the_other(processes: list[int]) -> None:  # as the launcher does when one has failed
        while not (tmp_path / "two.error0").is_file():
            time.sleep(0.01)
        os.kill(processes[1], signal.SIGKILL)

    codes = ranks.launch(ranks.train, settings(material), tmp_path / "two", then=end_the_other)
    assert codes == [STOPPED, -signal.SIGKILL]
    assert "exists already; nothing was changed" in (tmp_path / "two.error0").read_text()
    assert written(tmp_path / "two") == ["mine.txt"]


def test_ranks_that_do_not_divide_the_batch_are_refused(material: Material, tmp_path: Path) -> None:
    chosen = replace(settings(material), batch_size=9, accumulation=1)
    assert ranks.launch(ranks.train, chosen, tmp_path / "two") == [STOPPED, STOPPED]
    message = (tmp_path / "two.error0").read_text()
    assert "batch_size=9 is no multiple of accumulation=1 x 2 ranks" in message
    assert not (tmp_path / "two").exists()
