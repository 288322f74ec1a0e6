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
