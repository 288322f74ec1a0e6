"""Grad-ECLIP's heat: gradient at the class token's attention output, times values, times how alike keys are to it."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import grad

from hairsplit.core.attribution import Floats, Span
from hairsplit.explain.explainer import Explainer, ImageSide
from hairsplit.explain.methods._attention import attention, behind, cosine, mixed
from hairsplit.explain.methods._method import Method, before_last, known_blocks, on_grid, prompts
from hairsplit.explain.towers import undisturbed


def heats(explainer: Explainer, image: ImageSide, caption: str, spans: Sequence[Span]) -> Floats:
    """Rectified sum over channels of [d score / d output of the class token] x [value] x [weight of the patch].

    The weight is the cosine of the class token's query with the patch's key, stretched to 0 ... 1, in place of the
    softmax. Last block; no layer plays a part. After Zhao et al., "Gradient-based visual explanation for CLIP" (ICML
    2024), where the score is that of the span as a caption of its own.
    """
    _, last = known_blocks(explainer, image, "grad_eclip_like")
    with undisturbed(explainer.subject.module):
        hidden = before_last(image)
        normed = last.norm1(hidden)
        seen = mixed(last, normed, attention(last, normed))[0]  # [W], the class token's

        def score(seen: Tensor, text: Tensor) -> Tensor:
            return cosine(last, behind(last, hidden[0], seen), text)

        values, keys = last.value(normed), last.key(normed)  # [L, W]
        alike = torch.cosine_similarity(last.query(normed[:1]), keys, dim=-1)[1:]  # of patches
        weights = (alike - alike.min()) / (alike.max() - alike.min()).clamp(min=torch.finfo(alike.dtype).tiny)
        weights = torch.cat([weights.new_zeros(1), weights])
        slopes = torch.stack([grad(score)(seen, text) for text in prompts(explainer, caption, spans)])  # [S, W]
        return on_grid(image, (slopes @ values.T * weights).relu())


ENTRY = Method(
    description="gradient of the span's own score at the last attention, times values, times likeness of keys",
    order=1,
    adds_up=False,
    reference="arXiv:2502.18816",
    heats=heats,
)
