"""Why a model gave a pair its score: second-order attributions of image and caption (arXiv:2408.14153).

    attribution = explain(model, "cup.jpg", "a red cup on a blue table")
    attribution.heat("red cup")                 # [rows, columns]
    contrast(model, "cup.jpg", "a red cup on a blue table", "a blue cup on a red table").margin

For several captions of a picture make an `Explainer` and one `image_side` of it.
"""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from hairsplit.core.attribution import Attribution, BoxBars, Contrast, SpanHeat
from hairsplit.core.attribution_file import load_explanation, save_explanation
from hairsplit.core.attribution_pairs import Comparison, compare
from hairsplit.core.catalog import nearest
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder, load
from hairsplit.explain.attribute import (
    contrast_captions,
    explain_box,
    explain_caption,
    explain_captions,
    explain_span,
)
from hairsplit.explain.config import PRESETS, ExplainConfig, Preset
from hairsplit.explain.explainer import Explainer, ImageSide
from hairsplit.explain.many import Many, explain_many
from hairsplit.explain.pictures import Picture
from hairsplit.explain.subject import Subject, clip_subject, siglip_subject

__all__ = [
    "PRESETS",
    "Attribution",
    "BoxBars",
    "Comparison",
    "Contrast",
    "ExplainConfig",
    "Explainer",
    "ImageSide",
    "Many",
    "SpanHeat",
    "Subject",
    "clip_subject",
    "compare",
    "contrast",
    "contrast_captions",
    "explain",
    "explain_box",
    "explain_caption",
    "explain_captions",
    "explain_many",
    "explain_span",
    "explainer_of",
    "load_explanation",
    "save_explanation",
    "siglip_subject",
]

Model = DualEncoder | Subject | str | Path
"""An encoder in memory, a subject of another library's model, or whatever `hairsplit.encoders` loads by name."""


def explainer_of(model: Model, preset: Preset = "words", **changes: Any) -> Explainer:
    """How a model is to be explained.

    Args:
        model: See `Model`.
        preset: Layers by name: fast, words or pixels.
        changes: Fields of `ExplainConfig` that differ from the preset.

    Raises:
        HairsplitError: There is no such model, preset or setting.
    """
    if preset not in PRESETS:
        raise HairsplitError(f"no preset is called {preset!r}", where="explain", hint=nearest(preset, tuple(PRESETS)))
    known = [one.name for one in fields(ExplainConfig)]
    for name in changes:
        if name not in known:
            raise HairsplitError(f"no setting is called {name!r}", where="explain", hint=nearest(name, known))
    if isinstance(model, str | Path):
        model = load(model)
    subject = model if isinstance(model, Subject) else clip_subject(model)
    config = PRESETS[preset]
    # a preset is for every model: a tower of one block is entered at that block
    config = replace(config, image_layer=max(config.image_layer, -subject.image.depth))
    return Explainer(subject, replace(config, **changes))


def explain(
    model: Model,
    image: Picture,
    caption: str,
    *,
    preset: Preset = "words",
    reference_caption: str | None = None,
    reference_image: Picture | None = None,
    **changes: Any,
) -> Attribution:
    """Take the score that a model gives a caption and a picture apart.

    Args:
        model: See `Model`.
        image: RGB, or its file.
        caption: At least one word.
        preset: Layers by name: fast, words or pixels.
        reference_caption: In place of the blank one; of as many tokens.
        reference_image: In place of the blank one.
        changes: Fields of `ExplainConfig`, such as text_layer=0, tolerance=1e-2.

    Raises:
        HairsplitError: Anything of this does not exist or cannot be explained.
    """
    made = explainer_of(model, preset, **changes)
    return explain_caption(made, made.image_side(image, reference_image), caption, reference=reference_caption)


def contrast(
    model: Model,
    image: Picture,
    caption: str,
    negative: str,
    *,
    preset: Preset = "words",
    reference_image: Picture | None = None,
    **changes: Any,
) -> Contrast:
    """Take the margin between a caption and its hard negative apart, see `contrast_captions`.

    Raises:
        HairsplitError: As `explain`, or the two are the same.
    """
    made = explainer_of(model, preset, **changes)
    return contrast_captions(made, made.image_side(image, reference_image), caption, negative)
