"""Models between two: the values a user writes, the axes of the trade-off, and the model that is picked."""

from pathlib import Path
from typing import Any

import pytest
import torch

from hairsplit._verbs.sweep import Between, alphas_of, check_axes, sweep_json, write_figure, write_picked
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import new
from hairsplit.evaluate.measure import ALL, MACRO
from tests.small_world import SHAPE


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.5", (0.5,)),
        ("0.7, 0.2,0.2", (0.2, 0.7)),
        ("0:1:0.25", (0.25, 0.5, 0.75)),
        ("0.1:0.9:0.1", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
        ("0.2:0.5:0.2", (0.2, 0.4)),
        ("0.1:0.7:0.1", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)),  # 0.6 / 0.1 falls short of 6
        ("0,0.5,1", (0.5,)),
    ],
)
def test_values_are_read_as_written(text: str, found: tuple[float, ...]) -> None:
    assert alphas_of(text) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("half", "no list of numbers"),
        ("0.5,", "no list of numbers"),
        ("0:1:0", "no list of numbers"),
        ("", "no list of numbers"),
        ("1.5", "1.5 is not between 0 and 1"),
        ("0.5,nan", "nan is not between"),
        ("0,1", "no value lies between 0 and 1"),
        ("0.9:0.1:0.1", "no list of numbers"),
    ],
)
def test_values_that_make_no_sweep_are_refused(text: str, message: str) -> None:
    with pytest.raises(HairsplitError, match=message):
        alphas_of(text)


def test_a_sweep_needs_something_to_gain_and_something_to_keep() -> None:
    check_axes(["pairs", "recognition"], "knee", sweeps=True)
    check_axes(["benchmark", "retrieval"], None, sweeps=True)
    check_axes(["pairs"], None, sweeps=False)
    with pytest.raises(HairsplitError, match="nothing that may be forgotten"):
        check_axes(["pairs"], None, sweeps=True)
    with pytest.raises(HairsplitError, match="nothing to gain"):
        check_axes(["recognition"], None, sweeps=True)
    with pytest.raises(HairsplitError, match="--pick: means nothing without"):
        check_axes(["pairs", "recognition"], "knee", sweeps=False)


def estimate(value: float) -> dict[str, Any]:
    return {"value": value, "low": None, "high": None, "n": 10, "chance": None}


def record(gain: dict[str, float], kept: dict[str, float], *, sort: str = "recognition") -> dict[str, Any]:
    def measure(name: str, values: dict[str, float]) -> dict[str, Any]:
        return {"name": name, "models": {model: {"estimate": estimate(value)} for model, value in values.items()}}

    worse = dict.fromkeys(gain, 0.0)
    return {
        "base": "tiny",
        "suites": [
            {"name": "other", "sort": sort, "measures": [measure("top1", kept)]},
            {"name": "test", "sort": "pairs", "measures": [measure(ALL, worse), measure(MACRO, gain)]},
        ],
    }


MODELS = [Between("tiny", "run", "run", 0.5), Between("tiny", "run", "run", 0.75)]
GAIN = {"tiny": 0.6, "run@0.5": 0.8, "run@0.75": 0.79, "run": 0.85}
KEPT = {"tiny": 0.99, "run@0.5": 0.98, "run@0.75": 0.9, "run": 0.8}


@pytest.mark.parametrize("sort", ["recognition", "retrieval"])
def test_points_go_from_the_base_to_the_model(sort: str) -> None:
    (sweep,) = sweep_json(record(GAIN, KEPT, sort=sort), MODELS)
    assert [(point["model"], point["alpha"], point["on_front"]) for point in sweep["points"]] == [
        ("tiny", 0.0, True),
        ("run@0.5", 0.5, True),
        ("run@0.75", 0.75, False),
        ("run", 1.0, True),
    ]
    assert sweep["knee"] == "run@0.5"
    assert (sweep["gain"], sweep["kept"]) == (
        {"suite": "test", "measure": MACRO},
        {"suite": "other", "measure": "top1"},
    )


def test_each_model_has_a_sweep_of_its_own(tmp_path: Path) -> None:
    models = [*MODELS, Between("tiny", "b", "b", 0.5)]
    sweeps = sweep_json(record(GAIN | {"b": 0.9, "b@0.5": 0.7}, KEPT | {"b": 0.99, "b@0.5": 0.99}), models)
    assert [(sweep["model"], sweep["knee"], len(sweep["points"])) for sweep in sweeps] == [
        ("run", "run@0.5", 4),
        ("b", "b", 3),
    ]
    write_figure(tmp_path, sweeps, pick="knee")
    assert "0.5: 80.0 and 98.0 %, picked" in (tmp_path / "trade_off.svg").read_text()
    write_figure(tmp_path, sweeps, pick=None)
    assert ", picked" not in (tmp_path / "trade_off.svg").read_text()


@pytest.mark.parametrize(("chosen", "share"), [("run@0.25", 0.25), ("run", 1.0), ("tiny", 0.0)])
def test_the_picked_model_is_the_one_at_the_knee(tmp_path: Path, chosen: str, share: float) -> None:
    base, tuned = new(SHAPE, seed=0), new(SHAPE, seed=1)
    models = [Between(base, tuned, "run", 0.25)]
    target = write_picked(tmp_path, {"model": "run", "knee": chosen}, models, {"tiny": base, "run": tuned})
    written = dual_encoder.load(target)
    for name, value in written.model.state_dict().items():
        expected = (1 - share) * base.model.state_dict()[name] + share * tuned.model.state_dict()[name]
        torch.testing.assert_close(value, expected)
    assert target == tmp_path / "picked" / "run"
