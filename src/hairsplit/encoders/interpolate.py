"""WiSE-FT: a model between the one a run started from and the one it ended with, in weight space."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import lora
from hairsplit.encoders.dual_encoder import DualEncoder

_OF_A_TOWER = ("hidden_act", "num_attention_heads")
"""Settings that change what weights of the same shapes compute."""


@torch.no_grad()
def interpolate(base: DualEncoder, tuned: DualEncoder, alpha: float) -> DualEncoder:
    """A new model whose every parameter is (1 - alpha) base + alpha tuned (Wortsman et al., arXiv:2109.01903, eq. 1).

    The logit scale is a weight like the others, so that the temperature is interpolated geometrically. Adapters are
    merged first. Computed in float64 and rounded once; alpha 0 gives the weights of `base`, and 1 those of `tuned`,
    bit for bit. Tokenizer and preprocessing are those of both.

    Args:
        base: The model before fine-tuning.
        tuned: The model after it.
        alpha: Share of `tuned`, 0 to 1.

    Raises:
        HairsplitError: alpha is out of its limits, or the models are not two states of one architecture (the first
            difference is named).
    """
    if not 0 <= alpha <= 1:
        raise HairsplitError(f"{alpha:g} is not between 0 and 1", where="WiSE-FT", hint="0 is the base, 1 the tuned")
    ours, theirs = lora.plain_state(base.model), lora.plain_state(tuned.model)
    _refuse_different(base, tuned, ours, theirs)
    mixed = {name: _between(ours[name], value, alpha) for name, value in theirs.items()}
    made = copy.deepcopy(tuned)
    lora.merge(made.model)
    made.model.load_state_dict(mixed)
    made.name = f"{tuned.name} (WiSE-FT {alpha:g} from {base.name})"
    return made.requires_grad_(True).eval()


def _between(base: Tensor, tuned: Tensor, alpha: float) -> Tensor:
    if alpha in {0, 1}:  # the formula would turn -0 into 0
        return (tuned if alpha else base).to(tuned.device, tuned.dtype)
    wide = (1 - alpha) * base.to(tuned.device).double() + alpha * tuned.double()
    return wide.to(tuned.dtype)


def _refuse_different(
    base: DualEncoder, tuned: DualEncoder, ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]
) -> None:
    said = _difference(base, tuned, ours, theirs)
    if said is not None:
        raise HairsplitError(
            f"{base.name} and {tuned.name} are no two states of one model: {said}",
            where="WiSE-FT",
            hint="give the model that the run started from",
        )


def _difference(
    base: DualEncoder, tuned: DualEncoder, ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]
) -> str | None:
    for name, value in ours.items():
        if name not in theirs:
            return f"{name} is in the first only"
        if value.shape != theirs[name].shape:
            return f"{name} is {list(value.shape)} in the first and {list(theirs[name].shape)} in the second"
    if extra := next((name for name in theirs if name not in ours), None):
        return f"{extra} is in the second only"
    for tower in ("text_config", "vision_config"):
        for key in _OF_A_TOWER:
            one, two = (getattr(getattr(encoder.model.config, tower), key) for encoder in (base, tuned))
            if one != two:
                return f"{key} of {tower} is {one} in the first and {two} in the second"
    if _preparation(base) != _preparation(tuned):
        return "they prepare pictures differently"
    return None if base.tokenizer.same_as(tuned.tokenizer) else "their tokenizers differ"


def _preparation(encoder: DualEncoder) -> tuple[object, ...]:
    p = encoder.preprocess
    return p.size, p.mean, p.std, p.resample, p.shortest_edge or p.size
