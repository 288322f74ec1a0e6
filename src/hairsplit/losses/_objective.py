"""What an objective is made of: weighted terms, an L2 penalty, a weight schedule, and names that are checked."""

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from hairsplit.core.catalog import nearest
from hairsplit.losses import LOSSES
from hairsplit.losses._entry import SPEC_CONFIG, LossSpec

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]

THESIS_CLASSES = {
    "StandardCLIPLoss": "standard",
    "CLIPLossL2": "hnc_l2",
    "CLIPLossKL": "hnc_kl",
    "DPOCLIPLoss": "dpo_kl",
    "DPOContrastiveCLIPLoss": "contrastive_dpo_kl",
    "CombinedCLIPDPOLoss": "contrastive_dpo_l2",
}
"""Class name in the thesis's README -> name of the objective."""


def check_name(value: object, names: tuple[str, ...], kind: str) -> object:
    """Let a bare name stand for that entry's defaults, and suggest the nearest name for an unknown one."""
    tree = {"name": value} if isinstance(value, str) else value
    if not isinstance(tree, dict):
        return tree  # a spec, or something pydantic will complain about
    name = tree.get("name")
    if name in names:
        return tree
    hint = f"choose from {', '.join(names)}"
    if isinstance(name, str):
        hint = nearest(name, names)
        if name in THESIS_CLASSES:
            hint = f"it is called {THESIS_CLASSES[name]!r} here"
    problem = f"no {kind} is called {name!r}; {hint}" if name is not None else f"this {kind} has no name; {hint}"
    raise PydanticCustomError("unknown_name", "{problem}", {"problem": problem})


if TYPE_CHECKING:
    AnyLoss = LossSpec
else:  # a new file in losses/ joins the union, and so the configuration's schema, with no edit here
    AnyLoss = Annotated[
        Annotated[Union[tuple(LOSSES[name].spec for name in LOSSES)], Field(discriminator="name")],  # noqa: UP007
        BeforeValidator(lambda value: check_name(value, LOSSES.names(), "loss")),
    ]


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class Term:
    """One loss of a sum."""

    loss: AnyLoss
    """The loss: its name, or a table of its name and fields."""
    weight: Positive = 1.0
    """What it is multiplied with in the sum (dimensionless, > 0)."""


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class Objective:
    """What is minimised at one step: sum of weight * loss over the terms, + l2 * sum of (theta - theta_0)^2."""

    name: str
    terms: tuple[Term, ...]
    l2: NonNegative = 0.0
    """Weight of the squared distance from the start; the trainer adds it, for losses see no parameters."""


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class WeightSchedule:
    """A weight that climbs in equal stairs, counted in optimiser steps."""

    min: NonNegative = 0.0
    """Weight of the first `interval` steps."""
    max: NonNegative = 10.0
    """Weight from step `interval * num_updates` on; at least `min`."""
    interval: Annotated[int, Field(gt=0)] = 1000
    """Optimiser steps between two increases."""
    num_updates: Annotated[int, Field(gt=0)] = 10
    """Number of increases from `min` to `max`."""

    def __post_init__(self) -> None:
        if self.max < self.min:
            raise PydanticCustomError("schedule", f"max={self.max:g} is below min={self.min:g}: the weight would fall")

    def at(self, step: int) -> float:
        """The weight at an optimiser step, counted from 0."""
        done = min(step // self.interval, self.num_updates)
        return self.max if done == self.num_updates else self.min + done * (self.max - self.min) / self.num_updates


def weighted_sum(name: str, *weighted: tuple[LossSpec, float], l2: float = 0.0) -> Objective:
    """An objective without the terms whose weight is 0: they cost no teacher, and 0 * inf cannot spoil the sum."""
    terms = tuple(Term(loss=loss, weight=weight) for loss, weight in weighted if weight > 0)
    return Objective(name=name, terms=terms, l2=l2)
