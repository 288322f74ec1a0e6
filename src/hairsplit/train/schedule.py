"""The learning rate of each step."""

import math

from hairsplit.train.config import TrainConfig


def learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """Of the optimiser step after `step` steps: linear warm-up, then a half cosine to zero (or constant)."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.lr
    progress = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    return config.lr * 0.5 * (1 + math.cos(math.pi * progress))
