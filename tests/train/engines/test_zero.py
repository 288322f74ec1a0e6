"""Two ranks that share the work by DeepSpeed's ZeRO are one process: steps, clipping, saving, a whole training."""

import importlib.util
import math
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from accelerate import Accelerator

from hairsplit import api
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import load
from hairsplit.train.distributed import engine
from hairsplit.train.engines import EngineName, choose
from hairsplit.train.engines.zero import Zero
from tests.train import ranks
from tests.train.engines import sharded
from tests.train.processes import STOPPED
from tests.train.small import Material, rows, state
from tests.train.test_distributed import assert_close, cases, settings, written

needs_deepspeed = pytest.mark.skipif(
    importlib.util.find_spec("deepspeed") is None, reason='needs DeepSpeed: pip install "hairsplit[deepspeed]"'
)
CASES: list[tuple[EngineName, sharded.Case]] = [
    # Stage 1 differs from 2 in when gradients are exchanged alone, so one objective with a penalty says it.
    *(("zero1", case) for case in cases() if case[0] == "hnc_l2"),
    *(("zero2", case) for case in cases()),
    *(("zero3", case) for case in cases()),
]


def of(name: EngineName) -> list[sharded.Case]:
    return [case for engine_name, case in CASES if engine_name == name]


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> dict[EngineName, Path]:
    """What each rank found, by engine."""
    found: dict[EngineName, Path] = {}
    for name in dict.fromkeys(name for name, _ in CASES):
        found[name] = tmp_path_factory.mktemp(name)
        assert ranks.launch(sharded.all_cases, name, of(name), found[name]) == [0, 0]
    return found


@needs_deepspeed
@pytest.mark.slow
@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda value: value if isinstance(value, str) else value[0])
def test_steps_of_two_ranks_are_those_of_one_process(
    halves: dict[EngineName, Path], name: EngineName, case: sharded.Case, tmp_path: Path
) -> None:
    """In single precision, next to one process in double precision; `sharded` sees that each rank holds half."""
    expected = sharded.updates("auto", case, slice(0, 6), engine(), tmp_path)
    assert [norm for norm in expected["norms"] if norm > 0.05]  # else nothing is said about clipping
    for rank in range(ranks.RANKS):
        found = torch.load(halves[name] / f"{case[0]}-{case[2]}-{rank}.pt", weights_only=True)
        assert found["finite"]
        torch.testing.assert_close(found["carry"], expected["carry"], rtol=1e-5, atol=1e-6, check_dtype=False)
        assert found["norms"] == pytest.approx(expected["norms"], rel=1e-5)
        for mine, theirs in zip(found["parts"], expected["parts"], strict=True):
            assert mine == pytest.approx(theirs, rel=1e-5, abs=1e-6, nan_ok=True)
        if rank:
            assert found["model"] == {}
            continue
        close: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-6, "check_dtype": False}
        torch.testing.assert_close(found["model"], expected["model"], **close)
        momenta = [
            {index: entry["momentum_buffer"] for index, entry in one["optimizer"]["state"].items()}
            for one in (found, expected)
        ]
        # What has no gradient has one of zero under ZeRO, and so a state.
        unused = {index: momenta[0].pop(index) for index in momenta[0].keys() - momenta[1].keys()}
        assert not any(momentum.count_nonzero() for momentum in unused.values())
        torch.testing.assert_close(*momenta, **close)
        groups = [one["optimizer"]["param_groups"] for one in (found, expected)]
        assert groups[0] == groups[1]
        assert found["model"]["model.logit_scale"].shape == ()


@needs_deepspeed
@pytest.mark.slow
@pytest.mark.parametrize(("name", "objective"), [("zero2", "hnc_kl"), ("zero3", "contrastive_dpo_l2")])
def test_a_training_is_that_of_one_process_and_goes_on_as_if_not_stopped(
    material: Material, tmp_path: Path, name: EngineName, objective: str
) -> None:
    chosen = settings(material, objective=objective)
    one = tmp_path / "one"
    api.train(chosen, one, quiet=True)
    two = tmp_path / "two"
    assert ranks.launch(ranks.train, replace(chosen, engine=name), two) == [0, 0]
    assert_close(two, one, rel=1e-4)  # as for FSDP2: AdamW in single precision
    assert sharded.unsharded(two) == written(one)
    assert (two / "trainable.json").read_text() == (one / "trainable.json").read_text()
    assert load(two / "checkpoints" / "best").scale.shape == ()
    shapes: list[Any] = [
        {index: {key: value.shape for key, value in entries.items()} for index, entries in tree.items()}
        for tree in (state(out)["optimizer"]["state"] for out in (two, one))
    ]
    assert shapes[0] == shapes[1]
    for row in rows(two, "train"):
        assert math.isfinite(row["grad_norm"])
    again = tmp_path / "again"
    assert ranks.launch(sharded.stopped_at_the_third_step, replace(chosen, engine=name), again) == [STOPPED, STOPPED]
    assert state(again)["step"] == 3
    assert ranks.launch(sharded.resumed, replace(chosen, engine=name), again) == [0, 0]
    for file in ("last", "best"):
        resumed, whole = (load(out / "checkpoints" / file).parameters() for out in (again, two))
        assert all(torch.equal(mine, wanted) for mine, wanted in zip(resumed, whole, strict=True))
    ours, theirs = (state(out)["optimizer"] for out in (again, two))
    torch.testing.assert_close(ours["state"], theirs["state"], rtol=0, atol=0)
    assert ours["param_groups"] == theirs["param_groups"]


def test_without_deepspeed_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    two = cast(Accelerator, SimpleNamespace(num_processes=2, device="cpu", process_index=0, is_main_process=True))
    with pytest.raises(HairsplitError, match="zero3 is DeepSpeed's, which is not installed") as e:
        choose("zero3", two)
    assert 'pip install "hairsplit[deepspeed]"' in str(e.value)


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_a_gradient_that_is_not_finite_has_no_finite_norm(stage: int) -> None:
    """DeepSpeed gives -1 for it, and would skip the step without a word in stage 3."""
    chosen = Zero.__new__(Zero)
    chosen.stage = stage
    for norm, expected in ((-1.0, math.nan), (math.inf, math.nan), (3.0, 3.0)):
        inner = SimpleNamespace(
            scaled_global_norm=lambda norm=norm: torch.tensor(norm),
            _get_norm_groups=lambda norm=norm: [torch.tensor(norm), torch.tensor(0.0)],
        )
        chosen._inner = SimpleNamespace(optimizer=inner)
        assert chosen.clip([], 1.0) == pytest.approx(expected, nan_ok=True)
        assert inner.clip_grad == 1.0
