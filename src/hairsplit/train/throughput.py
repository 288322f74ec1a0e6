"""How fast a run trains: images and pairs per second, validation and saving left out."""

import time
from collections.abc import Callable, Sequence

from hairsplit.core.tensors import Batch


class Throughput:
    """A clock over the steps between two lines of the log.

    A pair is an image with one of its own negatives, or an image without any.

    Args:
        ranks: That share each batch, each holding equally many images.
        total: Sums a number over the ranks.
        now: Seconds; a test's own.
    """

    def __init__(self, ranks: int, total: Callable[[int], int], now: Callable[[], float] = time.perf_counter) -> None:
        self._ranks, self._total, self._now = ranks, total, now
        self._since, self._images, self._pairs = now(), 0, 0

    def add(self, micro: Sequence[Batch]) -> None:
        """Count the micro-batches of one step of this rank."""
        for batch in micro:
            self._images += len(batch.mask)
            self._pairs += int(batch.mask.sum(dim=1).clamp(min=1).sum())

    def leave_out(self, since: float) -> None:
        """The time from `since` until now was not spent on training."""
        self._since += self._now() - since

    def rates(self) -> dict[str, float]:
        """Per second, over all ranks, since the last call; all ranks must call it at the same step."""
        pairs, images = self._total(self._pairs), self._ranks * self._images
        now = self._now()
        seconds = max(now - self._since, 1e-9)
        self._since, self._images, self._pairs = now, 0, 0
        return {"images_per_s": images / seconds, "pairs_per_s": pairs / seconds}
