"""The learning rate of each step."""

import math

from hairsplit.train.config import TrainConfig

WARMUP_STEPS = 50
"""Of a run that does not say how many and has at least five times as many."""


def learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """Of the optimiser step after `step` steps: linear warm-up, then a half cosine to zero (or constant)."""
    warmup = min(WARMUP_STEPS, steps // 5) if config.warmup_steps is None else config.warmup_steps
    if step < warmup:
        return config.lr * (step + 1) / warmup
    if config.schedule == "constant":
        return config.lr
    progress = (step - warmup) / max(1, steps - warmup)
    return config.lr * 0.5 * (1 + math.cos(math.pi * progress))
