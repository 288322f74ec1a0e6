"""Images and pairs per second, worked out by hand on a clock of the test's own."""

from collections.abc import Callable

import torch

from hairsplit.core.tensors import Batch
from hairsplit.train.throughput import Throughput


def batch(own: list[int], width: int = 3) -> Batch:
    """Images with so many negatives each."""
    rows = len(own)
    return Batch(
        pixels=torch.zeros(rows, 3, 1, 1),
        caption_ids=torch.zeros(rows, 1, dtype=torch.int64),
        negative_ids=torch.zeros(rows, width, 1, dtype=torch.int64),
        mask=torch.tensor([[k < count for k in range(width)] for count in own], dtype=torch.bool).reshape(rows, width),
        image_keys=torch.arange(rows),
        caption_keys=torch.arange(rows),
    )


def clock(*seconds: float) -> Callable[[], float]:
    times = iter(seconds)
    return lambda: next(times)


def same(value: int) -> int:
    return value


def test_a_pair_is_an_own_negative_or_an_image_without_one() -> None:
    speed = Throughput(1, same, clock(10.0, 14.0))
    speed.add([batch([3, 0]), batch([1, 2])])
    speed.add([batch([0, 0])])
    assert speed.rates() == {"images_per_s": 6 / 4, "pairs_per_s": (3 + 1 + 1 + 2 + 1 + 1) / 4}


def test_without_room_for_negatives_each_image_is_a_pair() -> None:
    speed = Throughput(1, same, clock(0.0, 1.0))
    speed.add([batch([0, 0], width=0)])
    assert speed.rates() == {"images_per_s": 2.0, "pairs_per_s": 2.0}


def test_each_line_counts_its_own_steps_and_no_pause() -> None:
    speed = Throughput(1, same, clock(0.0, 1.0, 6.0, 8.0))
    speed.add([batch([1])])
    assert speed.rates() == {"images_per_s": 1.0, "pairs_per_s": 1.0}
    speed.add([batch([2])])
    speed.leave_out(since=2.0)  # until 6: four seconds
    assert speed.rates() == {"images_per_s": 1 / 3, "pairs_per_s": 2 / 3}


def test_all_ranks_count() -> None:
    speed = Throughput(2, lambda mine: mine + 5, clock(0.0, 1.0))
    speed.add([batch([3, 0])])
    assert speed.rates() == {"images_per_s": 4.0, "pairs_per_s": 9.0}
