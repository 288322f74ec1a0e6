"""Cosine of each patch's output, projected as the class token is, with the span's own embedding."""

from collections.abc import Sequence

from hairsplit.core.attribution import Floats, Span
from hairsplit.explain.explainer import Explainer, ImageSide
from hairsplit.explain.methods._method import Method, before_last, known_blocks, on_grid, prompts, similarity
from hairsplit.explain.towers import undisturbed


def heats(explainer: Explainer, image: ImageSide, caption: str, spans: Sequence[Span]) -> Floats:
    """No layer plays a part. CLIP is not trained to have anything to say at these positions, only at the class token.

    Hence similarities are often highest off the object (Li et al., "CLIP Surgery", arXiv:2304.05653, section 3).
    """
    _, last = known_blocks(explainer, image, "patch_similarity")
    with undisturbed(explainer.subject.module):
        hidden = image.line.tower.blocks[-1](before_last(image).unsqueeze(0))[0]
        return on_grid(image, similarity(last, hidden, prompts(explainer, caption, spans)))


ENTRY = Method(
    description="cosine of each patch's output with the span as a caption of its own",
    order=1,
    adds_up=False,
    reference="arXiv:2304.05653",
    heats=heats,
)
