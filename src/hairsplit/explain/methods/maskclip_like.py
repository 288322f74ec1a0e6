"""As patch similarity, but the last block lets each patch see itself alone."""

from collections.abc import Sequence

from hairsplit.core.attribution import Floats, Span
from hairsplit.explain.explainer import Explainer, ImageSide
from hairsplit.explain.methods._method import Method, before_last, known_blocks, on_grid, prompts, similarity
from hairsplit.explain.towers import undisturbed


def heats(explainer: Explainer, image: ImageSide, caption: str, spans: Sequence[Span]) -> Floats:
    """The last block's value path only: attention of every patch is all on itself; residuals and the MLP stay.

    After MaskCLIP (Zhou, Loy and Dai, ECCV 2022), without its key smoothing and prompt denoising. No layer plays a
    part.
    """
    _, last = known_blocks(explainer, image, "maskclip_like")
    with undisturbed(explainer.subject.module):
        hidden = before_last(image)
        hidden = hidden + last.out(last.value(last.norm1(hidden)))
        hidden = hidden + last.narrow(last.activation(last.widen(last.norm2(hidden))))
        return on_grid(image, similarity(last, hidden, prompts(explainer, caption, spans)))


ENTRY = Method(
    description="cosine of each patch with the span as a caption of its own, the last block not mixing patches",
    order=1,
    adds_up=False,
    reference="arXiv:2112.01071",
    heats=heats,
)
