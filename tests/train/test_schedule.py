"""The learning rate, worked out by hand."""

from pathlib import Path

import pytest

from hairsplit.train.config import TrainConfig
from hairsplit.train.schedule import learning_rate


def rates(steps: int, warmup: int, schedule: str = "cosine", lr: float = 1.0) -> list[float]:
    config = TrainConfig(train=Path("t"), steps=steps, warmup_steps=warmup, lr=lr, schedule=schedule)  # type: ignore[arg-type]
    return [learning_rate(config, step, steps) for step in range(steps)]


def test_warm_up_climbs_to_the_peak_and_the_cosine_falls_from_there() -> None:
    # 4 steps of warm-up, then (1 + cos(pi k / 4)) / 2 for k = 0, 1, 2, 3
    expected = [0.25, 0.5, 0.75, 1.0, 1.0, 0.8535533905932737, 0.5, 0.14644660940672627]
    assert rates(8, 4) == pytest.approx(expected, rel=1e-12)
    assert rates(8, 4, lr=3e-5) == pytest.approx([3e-5 * rate for rate in expected], rel=1e-12)


def test_without_warm_up_the_first_step_is_at_the_peak() -> None:
    assert rates(2, 0) == pytest.approx([1.0, 0.5])


def test_constant_stays_at_the_peak_after_warm_up() -> None:
    assert rates(6, 3, "constant") == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 1])


def test_one_step_is_a_whole_run() -> None:
    assert rates(1, 0) == [1.0]


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (4, 0), (5, 1), (100, 20), (250, 50), (100_000, 50)])
def test_a_run_that_does_not_say_warms_up_for_a_fifth_of_its_steps_but_no_more_than_50(steps: int, warmup: int) -> None:
    unsaid = TrainConfig(train=Path("t"), steps=steps, lr=1.0)
    said = TrainConfig(train=Path("t"), steps=steps, lr=1.0, warmup_steps=warmup)
    shown = [*range(min(steps, 60)), steps - 1]
    assert [learning_rate(unsaid, n, steps) for n in shown] == [learning_rate(said, n, steps) for n in shown]
    assert max(learning_rate(unsaid, n, steps) for n in shown) == pytest.approx(1.0)
