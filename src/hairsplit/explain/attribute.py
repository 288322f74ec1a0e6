"""Pairs explained: the parts of a score, or of a margin, as numbers by token and patch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hairsplit import __version__
from hairsplit.core.attribution import (
    Attribution,
    BoxBars,
    Contrast,
    Floats,
    PixelBox,
    Quality,
    Span,
    SpanHeat,
    find_span,
)
from hairsplit.core.errors import HairsplitError
from hairsplit.explain.explainer import Explainer, ImageSide
from hairsplit.explain.lines import contributions
from hairsplit.explain.second_order import Parts, factors, projections, take_all_apart, take_apart, take_margin_apart
from hairsplit.explain.text_sides import TextSides
from hairsplit.explain.towers import undisturbed
from hairsplit.explain.words import Words

ENOUGH = 2.0
"""Residuals of more than this many tolerances are remarked upon."""


def explain_caption(
    explainer: Explainer,
    image: ImageSide,
    caption: str,
    *,
    reference: str | None = None,
    keep_factors: bool = False,
    texts: TextSides | None = None,
) -> Attribution:
    """Take the score of a caption and a picture apart.

    Args:
        explainer: The model.
        image: The picture, from `explainer.image_side`.
        caption: At least one word.
        reference: Another caption, of as many tokens, in place of the blank one.
        keep_factors: Keep U, and V where it is known, in the result.
        texts: Where the text's side is kept for other pictures.

    Raises:
        HairsplitError: The caption is empty, or the reference has another number of tokens.
    """
    words = explainer.subject.words(caption)
    kept = texts or TextSides(explainer)
    with undisturbed(explainer.subject.module):
        line, u = kept.side(words, None if reference is None else explainer.subject.words(reference))
        parts = take_apart(line, image.line, image.factors, u)
    config = explainer.config.as_dict() | {"reference_caption": reference}
    return _attribution(explainer, image, words, parts, config, keep_factors=keep_factors)


def explain_captions(
    explainer: Explainer,
    image: ImageSide,
    captions: Sequence[str],
    *,
    keep_factors: bool = False,
    texts: TextSides | None = None,
) -> list[Attribution]:
    """`explain_caption` of several captions of one picture, at less cost than one by one.

    They go through the text tower together; where the image's factors are not known, all captions
    share the nodes of its line, and one graph. Numbers are the same but for rounding and within the tolerance.

    Args:
        explainer: The model.
        image: The picture, from `explainer.image_side`.
        captions: Each of at least one word.
        keep_factors: See `explain_caption`.
        texts: Likewise; what it lacks goes through the tower one by one.

    Raises:
        HairsplitError: A caption is empty.
    """
    words = [explainer.subject.words(caption) for caption in captions]
    if not words:
        return []
    with undisturbed(explainer.subject.module):
        if texts is None:
            sides = [(line, factors(line)) for line in explainer.text_lines(words)]
        else:
            sides = [texts.side(one, None) for one in words]
        all_parts = take_all_apart(sides, image.line, image.factors)
    config = explainer.config.as_dict() | {"reference_caption": None}
    return [
        _attribution(explainer, image, one, parts, config, keep_factors=keep_factors)
        for one, parts in zip(words, all_parts, strict=True)
    ]


def explain_span(explainer: Explainer, image: ImageSide, caption: str, span: Span) -> SpanHeat:
    """The heat of some words alone.

    Along the text's line two passes, for the words and for the rest, so that the whole can be checked; along the
    image's one reverse pass, or none where its factors are known.

    Raises:
        HairsplitError: The caption is empty, or has no such words, or has them more than once.
    """
    words = explainer.subject.words(caption)
    chosen = find_span(words.text, words.tokens, span)
    inside = [token.word is not None and chosen[0] <= token.word < chosen[1] for token in words.tokens]
    with undisturbed(explainer.subject.module):
        text = explainer.text_line(words)
        u = contributions(text, _split(torch.tensor(inside, dtype=torch.float64)).to(text.start))
        blank, whole = image.line.ends
        heat = projections(image.line, image.factors, u.parts[:1])
        main, own = float(u.parts[0] @ blank), float(u.parts[0] @ (whole - blank))
    numbers = _numpy(heat.parts[:, 0])
    values, classes = _patches(image, numbers[None])
    quality = Quality(u.residual, heat.residual, u.nodes, heat.nodes)
    return SpanHeat(chosen, values[0], float(classes[0]), main, float(numbers.sum(dtype=np.float64)) - own, quality)


def explain_box(explainer: Explainer, image: ImageSide, caption: str, box: PixelBox) -> BoxBars:
    """What the tokens of a caption and the patches of one box add together, the other way round than a span.

    Args:
        explainer: The model.
        image: The picture.
        caption: At least one word.
        box: Left, top, right, bottom, pixels of the picture; patches on its edge count by the share that it covers.

    Raises:
        HairsplitError: The caption is empty, or the box covers nothing that the model sees.
    """
    words = explainer.subject.words(caption)
    leading = explainer.subject.image.leading
    shares = torch.from_numpy(np.concatenate([np.zeros(leading), image.view.shares(box).ravel()]))
    with undisturbed(explainer.subject.module):
        text = explainer.text_line(words)
        if image.factors is not None:
            v, residual, nodes = shares.to(text.start) @ image.factors.parts, image.factors.residual, 0
        else:
            found = contributions(image.line, _split(shares).to(text.start))
            v, residual, nodes = found.parts[0], found.residual, found.nodes
        bars = projections(text, None, v.unsqueeze(0))
        blank, whole = text.ends
        main, own = float(v @ blank), float(v @ (whole - blank))
    numbers = _numpy(bars.parts[:, 0])
    quality = Quality(bars.residual, residual, bars.nodes, nodes)
    return BoxBars(box, numbers, main, float(numbers.sum(dtype=np.float64)) - own, quality)


def contrast_captions(
    explainer: Explainer,
    image: ImageSide,
    caption: str,
    negative: str,
    *,
    indirect: bool = False,
    texts: TextSides | None = None,
) -> Contrast:
    """Take the margin between a caption and its hard negative apart.

    With equal numbers of tokens the negative is the text's reference: at text layer 0 the words that both share
    contribute exactly 0, and the others carry all of the margin. Deeper layers have spread the difference over what
    follows it. Otherwise, or if `indirect`, it is the difference of two explanations, which have blank captions of
    different lengths; `Contrast.reference_shift` is what that alone adds. `texts`: as of `explain_caption`.

    Raises:
        HairsplitError: A caption is empty, both are the same, or the score is 'fixed', which has a unit of its own for
            each caption.
    """
    if explainer.config.score == "fixed":
        raise HairsplitError(
            "score='fixed' has another unit for each caption", where="contrast", hint="take 'cosine' or 'dot'"
        )
    positive, other = explainer.subject.words(caption), explainer.subject.words(negative)
    if [t.id for t in positive.tokens] == [t.id for t in other.tokens]:
        raise HairsplitError(
            "the caption and the negative are the same", where="contrast", hint="give a negative of other words"
        )
    if indirect or len(positive.tokens) != len(other.tokens):
        sides = explain_captions(explainer, image, (caption, negative), texts=texts)
        margins = [a - b for a, b in zip(*((s.score, s.blank_image_score) for s in sides), strict=True)]
        return Contrast(
            caption=positive.text,
            negative=other.text,
            margin=margins[0],
            blank_margin=margins[1],
            direct=None,
            negative_tokens=other.tokens,
            positive_side=sides[0],
            negative_side=sides[1],
        )
    kept = texts or TextSides(explainer)
    with undisturbed(explainer.subject.module):
        line, u = kept.side(positive, other)
        parts = take_margin_apart(line, image.line, image.factors, u)
    config = explainer.config.as_dict() | {"reference_caption": negative, "of": "margin"}
    return Contrast(
        caption=positive.text,
        negative=other.text,
        margin=parts.score,
        blank_margin=parts.blank_image_score,
        direct=_attribution(explainer, image, positive, parts, config),
        negative_tokens=other.tokens,
    )


def _attribution(
    explainer: Explainer,
    image: ImageSide,
    words: Words,
    parts: Parts,
    config: Mapping[str, Any],
    *,
    keep_factors: bool = False,
) -> Attribution:
    values, classes = _patches(image, _numpy(parts.values))
    main, class_main = _patches(image, _numpy(parts.image_main)[None])
    subject = explainer.subject
    layers = {"text_layer": subject.text.layer(config["text_layer"]), "text_blocks": subject.text.depth}
    layers |= {"image_layer": subject.image.layer(config["image_layer"]), "image_blocks": subject.image.depth}
    return Attribution(
        caption=words.text,
        tokens=words.tokens,
        values=values,
        class_values=classes,
        text_main=_numpy(parts.text_main),
        image_main=main[0],
        class_main=float(class_main[0]),
        base=parts.base,
        score=parts.score,
        blank_image_score=parts.blank_image_score,
        blank_text_score=parts.blank_text_score,
        gap=parts.gap,
        quality=parts.quality,
        view=image.view,
        logit_scale=subject.scale,
        config=dict(config) | layers,
        origin={"hairsplit": __version__, "torch": torch.__version__, "model": subject.name} | dict(image.origin),
        notes=_notes(explainer, words, parts.quality, np.abs(classes).sum(), np.abs(values).sum()),
        text_factors=_numpy(parts.text_factors) if keep_factors else None,
        image_factors=_numpy(parts.image_factors) if keep_factors and parts.image_factors is not None else None,
    )


def _notes(explainer: Explainer, words: Words, quality: Quality, on_class: float, on_patches: float) -> tuple[str, ...]:
    notes = []
    if on_class > on_patches:
        notes.append(
            f"{100 * on_class / (on_class + on_patches):.0f} % of the interactions lie on the class token, which no "
            "picture shows: a lower image layer keeps them on the patches"
        )
    if words.unseen:
        notes.append(f"the caption is too long: the model does not see its last {words.unseen} words")
    worst = max(quality.residual_text, quality.residual_image)
    if worst > ENOUGH * explainer.config.tolerance:
        notes.append(f"the tolerance was not met: {worst:.1e} of the change is missing")
    return tuple(notes)


def _split(shares: Tensor) -> Tensor:
    """Two groups [2, L]: what was asked for, and all the rest."""
    return torch.stack([shares, 1 - shares])


def _patches(image: ImageSide, rows: Floats) -> tuple[Floats, Floats]:
    """[M, P] -> [M, rows, columns], and the sum over positions that belong to no patch, [M]."""
    leading = image.line.tower.leading
    return rows[:, leading:].reshape(len(rows), *image.line.tower.grid), rows[:, :leading].sum(1)


def _numpy(values: Tensor) -> Floats:
    found: Floats = values.cpu().numpy()
    return found
