"""The forgetting budget and patience, worked out by hand, and in a run."""

from pathlib import Path

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.train.config import TrainConfig
from hairsplit.train.loop import Summary
from hairsplit.train.stopping import Limits, OnForgetting, Standing, as_state, from_state, judge
from tests.train.small import Material, config, rows, trainer

Row = tuple[float, float | None]


def walk(history: list[Row], limits: Limits) -> tuple[list[bool], list[str], Standing]:
    """Feed (mean, top-1) of each validation until the run stops; steps are 0, 10, 20, ..."""
    standing, better, warnings = Standing(), [], []
    for n, (mean, top1) in enumerate(history):
        row = {"macro_pair_accuracy": mean} | ({} if top1 is None else {"recognition_top1": top1})
        verdict = judge(standing, row, 10 * n, limits)
        standing = from_state(as_state(verdict.standing))
        better.append(verdict.better)
        warnings += [verdict.warning] if verdict.warning else []
        if standing.stopped:
            break
    return better, warnings, standing


def limits(budget: float | None = None, on_forgetting: OnForgetting = "stop", patience: int | None = None) -> Limits:
    return Limits(budget, on_forgetting, patience)


def test_a_loss_of_just_the_budget_is_within_it() -> None:
    better, warnings, standing = walk([(0.5, 0.5), (0.6, 0.49)], limits(0.01))
    assert (better, warnings, standing.stopped) == ([True, True], [], None)


def test_a_loss_beyond_the_budget_stops_and_is_never_the_best() -> None:
    better, warnings, standing = walk([(0.5, 0.5), (0.6, 0.495), (0.9, 0.4899), (1.0, 0.5)], limits(0.01))
    assert better == [True, True, False]
    assert len(warnings) == 1
    assert standing.stopped is not None
    assert "from 0.500 to 0.490 at step 20" in standing.stopped
    assert (standing.best, standing.forgot_at) == (0.6, 20)


def test_a_run_that_warns_says_it_once_and_may_come_back() -> None:
    history: list[Row] = [(0.5, 0.5), (0.6, 0.4), (0.7, 0.3), (0.55, 0.5)]
    better, warnings, standing = walk(history, limits(0.01, "warn"))
    assert better == [True, False, False, True]
    assert len(warnings) == 1
    assert (standing.stopped, standing.forgot_at, standing.best) == (None, 10, 0.55)


def test_the_budget_is_counted_from_the_start_and_not_from_the_top() -> None:
    better, _, standing = walk([(0.5, 0.5), (0.6, 0.8), (0.7, 0.495)], limits(0.01))
    assert better == [True, True, True]
    assert standing.stopped is None


def test_patience_counts_validations_in_a_row_and_a_tie_is_no_better() -> None:
    history: list[Row] = [(0.5, None), (0.4, None), (0.6, None), (0.6, None), (0.5, None), (0.9, None)]
    better, _, standing = walk(history, limits(patience=2))
    assert better == [True, False, True, False, False]
    assert standing.stopped == "no better macro_pair_accuracy in 2 validations up to step 40"


def test_without_limits_nothing_stops() -> None:
    better, warnings, standing = walk([(0.5, 0.9), (0.4, 0.0), (0.3, 0.0)], limits())
    assert (better, warnings, standing.stopped) == ([True, False, False], [], None)


class Script:
    """Validations that come out as written, whatever the model."""

    def __init__(self, *history: Row) -> None:
        self.history = list(history)

    def __call__(self, _encoder: DualEncoder) -> dict[str, float]:
        mean, top1 = self.history.pop(0)
        return {"macro_pair_accuracy": mean} | ({} if top1 is None else {"recognition_top1": top1})


def run(settings: TrainConfig, out: Path, *history: Row, resume: bool = False) -> Summary:
    """A run whose validations are given."""
    return trainer(settings, dual_encoder.load(settings.model), out, Script(*history)).fit(resume=resume)


def forgetful(material: Material, **changes: object) -> TrainConfig:
    return config(
        material, **{"recognition": material.train.parent, "forgetting_budget": 0.01, "validate_every": 1} | changes
    )


def test_a_run_stops_at_its_budget_with_everything_saved(material: Material, tmp_path: Path) -> None:
    settings = forgetful(material)
    done = run(settings, tmp_path, (0.5, 0.5), (0.6, 0.5), (0.9, 0.2))
    assert (done.steps, done.best) == (2, {"metric": "macro_pair_accuracy", "value": 0.6, "step": 1})
    assert done.stopped is not None
    assert "forgetting budget" in done.stopped
    assert [row["recognition_top1"] for row in rows(tmp_path, "validation")] == [0.5, 0.5, 0.2]
    assert (tmp_path / "checkpoints" / "last" / "config.json").is_file()
    again = run(settings, tmp_path, resume=True)
    assert (again.steps, again.best, again.stopped) == (2, done.best, done.stopped)


def test_a_run_told_to_warn_goes_on(material: Material, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = forgetful(material, on_forgetting="warn", steps=3)
    done = run(settings, tmp_path, (0.5, 0.5), (0.9, 0.2), (0.9, 0.1), (0.4, 0.5))
    assert (done.steps, done.stopped) == (3, None)
    assert done.best == {"metric": "macro_pair_accuracy", "value": 0.5, "step": 0}
    assert capsys.readouterr().err.count("forgetting budget") == 1


def test_a_resumed_run_remembers_how_long_it_waited(material: Material, tmp_path: Path) -> None:
    settings = config(material, patience=3, validate_every=1, steps=9)
    with pytest.raises(IndexError):  # killed in its third validation
        run(settings, tmp_path, (0.5, None), (0.4, None))
    done = run(settings, tmp_path, (0.4, None), (0.3, None), (0.9, None), resume=True)
    assert done.steps == 3
    assert done.stopped == "no better macro_pair_accuracy in 3 validations up to step 3"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"forgetting_budget": 0.01}, "recognition"),
        ({"patience": 2, "val": None, "val_share": 0.0}, "patience"),
        ({"forgetting_budget": 1.5}, "less than 1"),
        ({"on_forgetting": "cry"}, "stop"),
    ],
)
def test_limits_that_mean_nothing_are_refused(changes: dict[str, object], message: str, material: Material) -> None:
    with pytest.raises((ValueError, HairsplitError), match=message):
        config(material, **changes)
