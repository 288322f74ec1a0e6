"""When to stop before the last step: recognition that falls too far below the start's, or pairs that get no better."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

OnForgetting = Literal["stop", "warn"]
METRIC = "macro_pair_accuracy"
"""Validation metric by which the best checkpoint is chosen; an earlier one wins a tie."""
RECOGNITION = "recognition_top1"
"""Zero-shot top-1 of the recognition set, a share, in a validation row."""
_ROUNDING = 1e-9
"""0.5 - 0.49 is more than 0.01 to a computer; no recognition set has so many pictures that this matters."""


@dataclass(frozen=True)
class Limits:
    """What a run may lose, and how long it may wait."""

    forgetting_budget: float | None
    """Points of top-1, as a share, below the start's; None: any."""
    on_forgetting: OnForgetting
    patience: int | None
    """Validations in a row without a better mean; None: any number."""


@dataclass(frozen=True)
class Standing:
    """How a run stands after its validations; plain numbers, kept in its state, so that a resumed run goes on alike."""

    best: float | None = None
    """Best `METRIC` among the validations within the budget."""
    start_top1: float | None = None
    """`RECOGNITION` of the first validation."""
    waited: int = 0
    """Validations in a row that were no new best."""
    forgot_at: int | None = None
    """Optimiser step of the first validation beyond the budget."""
    stopped: str | None = None
    """Why the run ends before its last step."""


@dataclass(frozen=True)
class Verdict:
    """What follows from one validation."""

    standing: Standing
    better: bool
    """Whether this model is the best so far, among those within the budget."""
    warning: str | None = None
    """To be said once."""


def judge(standing: Standing, row: Mapping[str, float], step: int, limits: Limits) -> Verdict:
    """Weigh the validation `row` of optimiser step `step`.

    A model is beyond the budget where its top-1 is more than `forgetting_budget` below that of the first validation,
    which is the start's. Such a model is never the best. A run that `warn`s goes on, and may come back within it.
    """
    top1 = row.get(RECOGNITION)
    start = top1 if standing.start_top1 is None else standing.start_top1
    lost = 0.0 if top1 is None or start is None else start - top1
    beyond = limits.forgetting_budget is not None and lost > limits.forgetting_budget + _ROUNDING
    value = row.get(METRIC)
    better = value is not None and not beyond and (standing.best is None or value > standing.best)
    now = replace(
        standing,
        start_top1=start,
        best=value if better else standing.best,
        waited=0 if better or value is None else standing.waited + 1,
    )
    if beyond:
        said = (
            f"recognition fell from {start:.3f} to {top1:.3f} at step {step}, "
            f"more than the forgetting budget of {limits.forgetting_budget:g}"
        )
        warning = said if standing.forgot_at is None else None
        now = replace(now, forgot_at=step if standing.forgot_at is None else standing.forgot_at)
        if limits.on_forgetting == "stop":
            return Verdict(replace(now, stopped=said), better, warning)
        return Verdict(_impatient(now, step, limits), better, warning)
    return Verdict(_impatient(now, step, limits), better)


def _impatient(standing: Standing, step: int, limits: Limits) -> Standing:
    if limits.patience is None or standing.waited < limits.patience:
        return standing
    waited = f"{standing.waited} validation{'s' if standing.waited > 1 else ''}"
    return replace(standing, stopped=f"no better {METRIC} in {waited} up to step {step}")


def as_state(standing: Standing) -> dict[str, Any]:
    """Plain values for the state of a run."""
    return dict(vars(standing))


def from_state(values: Mapping[str, Any]) -> Standing:
    """The standing that `as_state` wrote; that of a run that begins, for a state without one."""
    return Standing(**values)
