"""Named objectives: weighted sums of losses and an L2 penalty; the six of the thesis, and free composition."""

from dataclasses import fields, replace
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses import LOSSES
from hairsplit.losses._entry import SPEC_CONFIG, Compat
from hairsplit.losses._objective import (
    THESIS_CLASSES,
    NonNegative,
    Objective,
    Positive,
    Share,
    Term,
    WeightSchedule,
    check_name,
    weighted_sum,
)
from hairsplit.losses._scores import cosines
from hairsplit.losses.contrastive import ContrastiveSpec
from hairsplit.losses.distillation import DistillationSpec
from hairsplit.losses.dpo import DpoSpec
from hairsplit.losses.hard_negative import HardNegativeSpec
from hairsplit.losses.preference import PreferenceSpec

__all__ = [
    "OBJECTIVES",
    "THESIS_CLASSES",
    "AnySpec",
    "ContrastiveDpoKlSpec",
    "ContrastiveDpoL2Spec",
    "DpoKlSpec",
    "HncKlSpec",
    "HncL2Spec",
    "Objective",
    "ObjectiveSpec",
    "StandardSpec",
    "SumSpec",
    "Term",
    "WeightSchedule",
    "compute",
    "needs_negatives",
    "needs_teacher",
    "parse_objective",
    "resolve",
]


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class StandardSpec:
    """CLIP's own loss, blind to hard negatives: ITC. The thesis's StandardCLIPLoss."""

    name: Literal["standard"] = "standard"
    """Name of the objective."""
    mask_false_negatives: bool = False
    """Leave out of the softmax a caption equal to one's own and a second caption of the same image."""
    compat: Compat = "none"
    """`thesis`: the thesis's numerics, raw logit scale instead of its exponential."""

    def resolve(self, _step: int) -> Objective:
        """What is minimised; the same at every step."""
        return weighted_sum(self.name, (_contrastive(self), 1.0))


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class HncL2Spec:
    """Hard negatives in the softmax, weights held near the start: HNC(w) + lam * L2. The thesis's CLIPLossL2."""

    name: Literal["hnc_l2"] = "hnc_l2"
    """Name of the objective."""
    weight: NonNegative = 0.5
    """w, copies of each own negative in the softmax (dimensionless, >= 0); 0 leaves them out."""
    schedule: WeightSchedule | None = None
    """Dynamic weight: if given, it replaces `weight`."""
    pool: Literal["all", "own"] = "all"
    """Hard negatives that an image faces: those of the whole batch, others' with weight 1; or only its own."""
    mask_false_negatives: bool = False
    """Leave out of the softmax a caption equal to one's own and a second caption of the same image."""
    compat: Compat = "none"
    """`thesis`: the thesis's numerics, raw logit scale and w times the own negative's logit."""
    lam: NonNegative = 0.01
    """Weight of the squared distance of the learning parameters from the start (>= 0)."""

    def resolve(self, step: int) -> Objective:
        """What is minimised at an optimiser step."""
        return weighted_sum(self.name, (_hard_negative(self, step), 1.0), l2=self.lam)


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class HncKlSpec:
    """Hard negatives in the softmax, outputs held near the start's: HNC(w) + lam * KL. The thesis's CLIPLossKL."""

    name: Literal["hnc_kl"] = "hnc_kl"
    """Name of the objective."""
    weight: NonNegative = 0.5
    """w, copies of each own negative in the softmax (dimensionless, >= 0); 0 leaves them out."""
    schedule: WeightSchedule | None = None
    """Dynamic weight: if given, it replaces `weight`."""
    pool: Literal["all", "own"] = "all"
    """Hard negatives that an image faces: those of the whole batch, others' with weight 1; or only its own."""
    mask_false_negatives: bool = False
    """Leave out of the softmax a caption equal to one's own and a second caption of the same image."""
    compat: Compat = "none"
    """`thesis`: the thesis's numerics, raw logit scale and w times the own negative's logit."""
    lam: NonNegative = 0.01
    """Weight of the distillation from the start model (dimensionless, >= 0)."""
    temperature: Positive = 1.0
    """Temperature of the distillation (dimensionless, > 0)."""

    def resolve(self, step: int) -> Objective:
        """What is minimised at an optimiser step."""
        distillation = DistillationSpec(temperature=self.temperature, compat=self.compat)
        return weighted_sum(self.name, (_hard_negative(self, step), 1.0), (distillation, self.lam))


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class DpoKlSpec:
    """Prefer the true caption more than the start model did: DPO(beta). The thesis's DPOCLIPLoss."""

    name: Literal["dpo_kl"] = "dpo_kl"
    """Name of the objective."""
    beta: Positive = 0.1
    """Steepness (dimensionless, > 0); the smaller, the further the model may go from the start model."""
    compat: Compat = "none"
    """`thesis`: the thesis's numerics, raw logit scale and -log(sigmoid(x) + 1e-8)."""

    def resolve(self, _step: int) -> Objective:
        """What is minimised; the same at every step."""
        return weighted_sum(self.name, (DpoSpec(beta=self.beta, compat=self.compat), 1.0))


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class ContrastiveDpoKlSpec:
    """CLIP's loss and DPO mixed: alpha ITC + (1 - alpha) DPO(beta). The thesis's DPOContrastiveCLIPLoss."""

    name: Literal["contrastive_dpo_kl"] = "contrastive_dpo_kl"
    """Name of the objective."""
    alpha: Share = 0.5
    """Share of the contrastive loss (0 to 1)."""
    beta: Positive = 0.1
    """Steepness of DPO (dimensionless, > 0)."""
    mask_false_negatives: bool = False
    """Leave out of the softmax a caption equal to one's own and a second caption of the same image."""
    compat: Compat = "none"
    """`thesis`: the thesis's numerics, raw logit scale and -log(sigmoid(x) + 1e-8)."""

    def resolve(self, _step: int) -> Objective:
        """What is minimised; the same at every step."""
        dpo = DpoSpec(beta=self.beta, compat=self.compat)
        return weighted_sum(self.name, (_contrastive(self), self.alpha), (dpo, 1 - self.alpha))


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class ContrastiveDpoL2Spec:
    """CLIP's loss mixed with a preference that needs no start model: alpha ITC + (1 - alpha) [preference + lam * L2].

    The thesis's CombinedCLIPDPOLoss.
    """

    name: Literal["contrastive_dpo_l2"] = "contrastive_dpo_l2"
    """Name of the objective."""
    alpha: Share = 0.5
    """Share of the contrastive loss (0 to 1); the rest, 1 - alpha, weighs the preference and the L2 penalty."""
    beta: Positive = 1.0
    """Steepness of the preference (dimensionless, > 0)."""
    lam: NonNegative = 1e-4
    """Weight of the squared distance of the learning parameters from the start, within the second share (>= 0)."""
    mask_false_negatives: bool = False
    """Leave out of the softmax a caption equal to one's own and a second caption of the same image."""
    compat: Compat = "none"
    """`thesis`: the thesis's numerics, raw logit scale and -log(sigmoid(x) + 1e-8)."""

    def resolve(self, _step: int) -> Objective:
        """What is minimised; the same at every step."""
        preference = PreferenceSpec(beta=self.beta, compat=self.compat)
        rest = 1 - self.alpha
        return weighted_sum(self.name, (_contrastive(self), self.alpha), (preference, rest), l2=rest * self.lam)


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class SumSpec:
    """Any weighted sum of losses, and an L2 penalty."""

    name: Literal["sum"] = "sum"
    """Name of the objective."""
    terms: Annotated[tuple[Term, ...], Field(min_length=1)]
    """Losses and their weights."""
    l2: NonNegative = 0.0
    """Weight of the squared distance of the learning parameters from the start (>= 0)."""

    def resolve(self, _step: int) -> Objective:
        """What is minimised; the same at every step."""
        return Objective(name=self.name, terms=self.terms, l2=self.l2)


AnySpec = StandardSpec | HncL2Spec | HncKlSpec | DpoKlSpec | ContrastiveDpoKlSpec | ContrastiveDpoL2Spec | SumSpec

OBJECTIVES: dict[str, type[AnySpec]] = {
    "standard": StandardSpec,
    "hnc_l2": HncL2Spec,
    "hnc_kl": HncKlSpec,
    "dpo_kl": DpoKlSpec,
    "contrastive_dpo_kl": ContrastiveDpoKlSpec,
    "contrastive_dpo_l2": ContrastiveDpoL2Spec,
    "sum": SumSpec,
}
"""Name -> spec; the first line of its docstring says what it is."""

ObjectiveSpec = Annotated[
    Annotated[AnySpec, Field(discriminator="name")],
    BeforeValidator(lambda value: check_name(value, tuple(OBJECTIVES), "objective")),
]
"""Field type for a configuration: a bare name, or a table of the name and the fields to change."""


def _contrastive(spec: StandardSpec | ContrastiveDpoKlSpec | ContrastiveDpoL2Spec) -> ContrastiveSpec:
    return ContrastiveSpec(mask_false_negatives=spec.mask_false_negatives, compat=spec.compat)


def _hard_negative(spec: HncL2Spec | HncKlSpec, step: int) -> HardNegativeSpec:
    return HardNegativeSpec(
        weight=spec.schedule.at(step) if spec.schedule else spec.weight,
        pool=spec.pool,
        mask_false_negatives=spec.mask_false_negatives,
        compat=spec.compat,
    )


def parse_objective(value: object) -> AnySpec:
    """Build a spec from what YAML gives: a bare name, a table with `name`, or a spec.

    Raises:
        HairsplitError: The name or a field is unknown, or a value is out of bounds.
    """
    adapter: TypeAdapter[AnySpec] = TypeAdapter(ObjectiveSpec)
    try:
        return adapter.validate_python(value)
    except ValidationError as invalid:
        error = invalid.errors()[0]
        path = [str(step) for step in error["loc"]]
        tags = [step for step in path if step in OBJECTIVES]  # pydantic's, not keys of the user's
        where = ".".join(["objective", *(step for step in path if step not in tags and step not in LOSSES.names())])
        hint = f"the objectives are {', '.join(OBJECTIVES)}"
        if tags:
            hint = f"{tags[0]} takes {', '.join(f.name for f in fields(OBJECTIVES[tags[0]]))}"
        got = "" if error["type"] == "unknown_name" else f" (got {error['input']!r})"
        raise HairsplitError(error["msg"] + got, where=where, hint=hint) from None


def resolve(spec: AnySpec, step: int) -> Objective:
    """What `spec` minimises at an optimiser step (from 0), its weight schedule applied."""
    return spec.resolve(step)


def needs_teacher(spec: AnySpec) -> bool:
    """Whether any term compares with the frozen model that the run started from."""
    return any(LOSSES[term.loss.name].needs_teacher for term in spec.resolve(0).terms)


def needs_negatives(spec: AnySpec) -> bool:
    """Whether any term is pointless without hard negatives."""
    return any(LOSSES[term.loss.name].needs_negatives for term in spec.resolve(0).terms)


def compute(objective: Objective, z: Embeddings, teacher: Embeddings | None = None) -> LossOutput:
    """Weighted sum of the objective's losses, in nats, without the L2 penalty, which the trainer adds.

    Args:
        objective: What to minimise, from `resolve`.
        z: Unit embeddings of the global batch.
        teacher: The frozen start model's, of the same batch, where `needs_teacher`.

    Returns:
        The total, differentiable; and detached parts before weighting: each loss by name (a second one of a name as
        `name_2`) with its own parts as `name.part`, `margin`, the mean of cos(positive) - cos(own negative), and
        `pair_accuracy`, the share of own negatives with a lower cosine than the positive, a tie being a miss. The last
        two are nan in a batch without negatives.

    Raises:
        HairsplitError: A loss needs a teacher, or keys, and the batch has none.
    """
    z, teacher = _wide(z), None if teacher is None else _wide(teacher)
    total = z.image.new_zeros(())
    parts: dict[str, Tensor] = {}
    with torch.autocast(z.image.device.type, enabled=False):  # bfloat16 keeps 0.5 of a logit of 100
        for term in objective.terms:
            output = LOSSES[term.loss.name].compute(z, term.loss, teacher)
            total = total + term.weight * output.total
            label = _unused(term.loss.name, parts)
            parts[label] = output.total.detach()
            parts |= {f"{label}.{part}": value.detach() for part, value in output.parts.items()}
        return LossOutput(total, parts | _judge(z))


def _wide(z: Embeddings) -> Embeddings:
    """The same in float32 at least."""
    wide = torch.promote_types(z.image.dtype, torch.float32)
    scale = z.scale.to(wide)
    return replace(z, image=z.image.to(wide), positive=z.positive.to(wide), negative=z.negative.to(wide), scale=scale)


def _unused(name: str, parts: dict[str, Float[Tensor, ""]]) -> str:
    count = 1
    while (label := name if count == 1 else f"{name}_{count}") in parts:
        count += 1
    return label


@torch.no_grad()
def _judge(z: Embeddings) -> dict[str, Float[Tensor, ""]]:
    """Margin and accuracy over all own negatives of the batch."""
    positive, negative = cosines(z)
    lead = positive.unsqueeze(1) - negative  # [B, K]
    count = z.mask.sum()
    margin = lead.masked_fill(~z.mask, 0.0).sum() / count
    return {"margin": margin, "pair_accuracy": ((lead > 0) & z.mask).sum() / count}
