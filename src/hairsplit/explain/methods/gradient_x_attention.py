"""Attention maps weighted by their gradients and rolled out over layers."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import grad

from hairsplit.core.attribution import Floats, Span
from hairsplit.explain.explainer import Explainer, ImageSide
from hairsplit.explain.methods._attention import attention, behind, cosine, mixed
from hairsplit.explain.methods._method import Method, known_blocks, on_grid, prompts
from hairsplit.explain.towers import undisturbed


def heats(explainer: Explainer, image: ImageSide, caption: str, spans: Sequence[Span]) -> Floats:
    """The class token's row of R, where R <- R + mean over heads of relu(gradient x attention) R, from R = 1 on.

    From the explainer's image layer to the last block; the authors advise few layers for large CLIPs. After Chefer,
    Gur and Wolf, "Generic attention-model explainability" (ICCV 2021), equations 5 and 6.
    """
    blocks, last = known_blocks(explainer, image, "gradient_x_attention")
    chain, start = (*blocks, last), image.line.stop
    with undisturbed(explainer.subject.module):

        def run(changes: tuple[Tensor, ...]) -> tuple[Tensor, list[Tensor]]:
            """Output of the class token, and all attention maps, if something is added to each of them."""
            hidden, maps = start, []
            for block, change in zip(chain, changes, strict=True):
                normed = block.norm1(hidden)
                maps.append(attention(block, normed))
                hidden = behind(block, hidden, mixed(block, normed, maps[-1] + change))
            return hidden[0], maps

        def score(changes: tuple[Tensor, ...], text: Tensor) -> Tensor:
            return cosine(last, run(changes)[0], text)

        length = len(start)
        none = tuple(start.new_zeros(block.heads, length, length) for block in chain)
        maps = run(none)[1]
        rows = []
        for text in prompts(explainer, caption, spans):
            relevance = torch.eye(length, dtype=start.dtype, device=start.device)
            for slope, weights in zip(grad(score)(none, text), maps, strict=True):
                relevance = relevance + (slope * weights).relu().mean(0) @ relevance
            rows.append(relevance[0])
        return on_grid(image, torch.stack(rows))


ENTRY = Method(
    description="attention of the class token times its gradient, rolled out from the image layer to the last block",
    order=1,
    adds_up=False,
    reference="arXiv:2103.15679",
    heats=heats,
)
