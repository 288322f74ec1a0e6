"""The objectives of the thesis this package succeeds, and free composition."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from hairsplit.losses._entry import SPEC_CONFIG, Compat
from hairsplit.losses._objective import NonNegative, Objective, Positive, Share, Term, WeightSchedule, weighted_sum
from hairsplit.losses.contrastive import ContrastiveSpec
from hairsplit.losses.distillation import DistillationSpec
from hairsplit.losses.dpo import DpoSpec
from hairsplit.losses.hard_negative import HardNegativeSpec
from hairsplit.losses.preference import PreferenceSpec


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


def _contrastive(spec: StandardSpec | ContrastiveDpoKlSpec | ContrastiveDpoL2Spec) -> ContrastiveSpec:
    return ContrastiveSpec(mask_false_negatives=spec.mask_false_negatives, compat=spec.compat)


def _hard_negative(spec: HncL2Spec | HncKlSpec, step: int) -> HardNegativeSpec:
    return HardNegativeSpec(
        weight=spec.schedule.at(step) if spec.schedule else spec.weight,
        pool=spec.pool,
        mask_false_negatives=spec.mask_false_negatives,
        compat=spec.compat,
    )
