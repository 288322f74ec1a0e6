"""Named objectives: weighted sums of losses and an L2 penalty; the thesis's six, the peers', and free composition."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses import LOSSES
from hairsplit.losses._objective import THESIS_CLASSES, Objective, Term, WeightSchedule, check_name, weighted_sum
from hairsplit.losses._scores import cosines
from hairsplit.losses._thesis_objectives import (
    ContrastiveDpoKlSpec,
    ContrastiveDpoL2Spec,
    DpoKlSpec,
    HncKlSpec,
    HncL2Spec,
    StandardSpec,
    SumSpec,
)
from hairsplit.losses.ce_clip import CeClipSpec
from hairsplit.losses.fsc_clip import FscClipSpec
from hairsplit.losses.negclip import NegclipSpec
from hairsplit.losses.siglip_hn import SiglipHnSpec
from hairsplit.losses.structure_clip import StructureClipSpec
from hairsplit.losses.triplet import TripletSpec

__all__ = [
    "OBJECTIVES",
    "THESIS_CLASSES",
    "AnySpec",
    "CeClipSpec",
    "ContrastiveDpoKlSpec",
    "ContrastiveDpoL2Spec",
    "DpoKlSpec",
    "FscClipSpec",
    "HncKlSpec",
    "HncL2Spec",
    "NegclipSpec",
    "Objective",
    "ObjectiveSpec",
    "SiglipHnSpec",
    "StandardSpec",
    "StructureClipSpec",
    "SumSpec",
    "Term",
    "TripletSpec",
    "WeightSchedule",
    "compute",
    "learned",
    "needs_local",
    "needs_negatives",
    "needs_teacher",
    "parse_objective",
    "resolve",
]


PeerSpec = CeClipSpec | FscClipSpec | NegclipSpec | SiglipHnSpec | StructureClipSpec | TripletSpec
"""Losses of other papers that are objectives by themselves: one term of weight 1, and no penalty."""

AnySpec = (
    StandardSpec
    | HncL2Spec
    | HncKlSpec
    | DpoKlSpec
    | ContrastiveDpoKlSpec
    | ContrastiveDpoL2Spec
    | CeClipSpec
    | FscClipSpec
    | NegclipSpec
    | SiglipHnSpec
    | StructureClipSpec
    | TripletSpec
    | SumSpec
)

OBJECTIVES: dict[str, type[AnySpec]] = {
    "standard": StandardSpec,
    "hnc_l2": HncL2Spec,
    "hnc_kl": HncKlSpec,
    "dpo_kl": DpoKlSpec,
    "contrastive_dpo_kl": ContrastiveDpoKlSpec,
    "contrastive_dpo_l2": ContrastiveDpoL2Spec,
    "ce_clip": CeClipSpec,
    "fsc_clip": FscClipSpec,
    "negclip": NegclipSpec,
    "siglip_hn": SiglipHnSpec,
    "structure_clip": StructureClipSpec,
    "triplet": TripletSpec,
    "sum": SumSpec,
}
"""Name -> spec; the first line of its docstring says what it is."""

ObjectiveSpec = Annotated[
    Annotated[AnySpec, Field(discriminator="name")],
    BeforeValidator(lambda value: check_name(value, tuple(OBJECTIVES), "objective")),
]
"""Field type for a configuration: a bare name, or a table of the name and the fields to change."""


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
    if isinstance(spec, PeerSpec):
        return weighted_sum(spec.name, (spec, 1.0))
    return spec.resolve(step)


def needs_teacher(spec: AnySpec) -> bool:
    """Whether any term compares with the frozen model that the run started from."""
    return any(LOSSES[term.loss.name].needs_teacher for term in resolve(spec, 0).terms)


def needs_local(spec: AnySpec) -> bool:
    """Whether any term compares patches with tokens, so that both towers have to give all positions."""
    return any(LOSSES[term.loss.name].needs_local(term.loss) for term in resolve(spec, 0).terms)


def needs_negatives(spec: AnySpec) -> bool:
    """Whether any term is pointless without hard negatives."""
    return any(LOSSES[term.loss.name].needs_negatives for term in resolve(spec, 0).terms)


def learned(spec: AnySpec) -> dict[str, float]:
    """Name and first value of each scalar that the losses learn beside the model; for `Embeddings.learned`.

    A loss's own `bias` is called `LOSS_bias` here, where LOSS is its name among the parts that `compute` gives.
    """
    terms = resolve(spec, 0).terms
    return {
        f"{label}_{name}": value
        for label, term in zip(_labels(terms), terms, strict=True)
        for name, value in LOSSES[term.loss.name].learned(term.loss).items()
    }


def compute(objective: Objective, z: Embeddings, teacher: Embeddings | None = None) -> LossOutput:
    """Weighted sum of the objective's losses, in nats, without the L2 penalty, which the trainer adds.

    Args:
        objective: What to minimise, from `resolve`.
        z: Unit embeddings of the global batch.
        teacher: The frozen start model's, of the same batch, where `needs_teacher`.

    Returns:
        The total and its weighted terms, differentiable; and detached parts before weighting: each loss by name (a
        second one of a name as `name_2`) with its own parts as `name.part`, `margin`, the mean of cos(positive) -
        cos(own negative), and `pair_accuracy`, the share of own negatives with a lower cosine than the positive, a tie
        being a miss. The last two are nan in a batch without negatives. And what the losses hand on to the next step's
        `Embeddings.carry`.

    Raises:
        HairsplitError: A loss needs a teacher, or keys, and the batch has none.
    """
    z, teacher = _wide(z), None if teacher is None else _wide(teacher)
    total = z.image.new_zeros(())
    parts: dict[str, Tensor] = {}
    carry: dict[str, Tensor] = {}
    terms: dict[str, Tensor] = {}
    with torch.autocast(z.image.device.type, enabled=False):  # bfloat16 keeps 0.5 of a logit of 100
        for label, term in zip(_labels(objective.terms), objective.terms, strict=True):
            output = LOSSES[term.loss.name].compute(_of(z, label), term.loss, teacher)
            terms[label] = term.weight * output.total
            total = total + terms[label]
            parts[label] = output.total.detach()
            parts |= {f"{label}.{part}": value.detach() for part, value in output.parts.items()}
            carry |= {f"{label}_{name}": value.detach() for name, value in output.carry.items()}
        return LossOutput(total, parts | _judge(z), terms=terms, carry=carry)


def _wide(z: Embeddings) -> Embeddings:
    """The same in float32 at least."""
    wide = torch.promote_types(z.image.dtype, torch.float32)
    return z.with_differentiable({name: value.to(wide) for name, value in z.differentiable().items()})


def _labels(terms: Sequence[Term]) -> list[str]:
    """The name of each term's loss, a second one of a name as `name_2`."""
    seen: Counter[str] = Counter()
    labels = []
    for name in (term.loss.name for term in terms):
        seen[name] += 1
        labels.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return labels


def _of(z: Embeddings, label: str) -> Embeddings:
    """The same with only what is learned and carried by the loss of that label, under the loss's own names."""
    start = f"{label}_"
    own: list[dict[str, Tensor]] = [
        {name.removeprefix(start): value for name, value in named.items() if name.startswith(start)}
        for named in (z.learned, z.carry)
    ]
    return replace(z, learned=own[0], carry=own[1])


@torch.no_grad()
def _judge(z: Embeddings) -> dict[str, Float[Tensor, ""]]:
    """Margin and accuracy over all own negatives of the batch."""
    positive, negative = cosines(z)
    lead = positive.unsqueeze(1) - negative  # [B, K]
    count = z.mask.sum()
    margin = lead.masked_fill(~z.mask, 0.0).sum() / count
    return {"margin": margin, "pair_accuracy": ((lead > 0) & z.mask).sum() / count}
