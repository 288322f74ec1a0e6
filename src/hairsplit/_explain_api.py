"""The verbs of `hairsplit.api` that say what a score is made of."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # loaded by the verbs that need them
    from hairsplit.core.attribution import Span
    from hairsplit.encoders.dual_encoder import DualEncoder
    from hairsplit.explain.config import Preset


def explain(
    model: "str | Path | DualEncoder",
    image: Path,
    caption: str,
    out: Path,
    *,
    against: str | None = None,
    preset: "Preset" = "words",
    spans: "Sequence[Span]" = (),
    text_layer: int | None = None,
    image_layer: int | None = None,
    tolerance: float | None = None,
    device: str | None = None,
    versus: "str | Path | DualEncoder | None" = None,
) -> dict[str, Any]:
    """Why a model gave a picture and a caption their score, or preferred the caption to a negative, or did not.

    For numbers alone see `hairsplit.explain`.

    Args:
        model: As for `evaluate`.
        image: The picture's file.
        caption: At least one word.
        out: Folder for explanation.npz, .json, .png, .svg and .html; must not exist or be empty.
        against: A hard negative: explain the margin between the two.
        preset: Layers by name: fast, words or pixels.
        spans: Words of the caption that are shown as one, as text or as numbers (first, behind the last).
        text_layer: Block at whose input words are told apart, if not the preset's.
        image_layer: The same for patches.
        tolerance: Error of an integral over the change of the embedding; None: 1e-3.
        device: Such as 'cuda:0'; None: a GPU if there is one.
        versus: Another model, beside the first in logits; `out` then holds a.npz, b.npz, explanation.json and .html.

    Returns:
        What is written to explanation.json.

    Raises:
        HairsplitError: A missing picture, an empty caption, a span that is not in the caption, or no such model.
    """
    from hairsplit._verbs.explaining import run_explanation

    return run_explanation(
        model,
        image,
        caption,
        out,
        against=against,
        preset=preset,
        spans=spans,
        text_layer=text_layer,
        image_layer=image_layer,
        tolerance=tolerance,
        device=device,
        versus=versus,
    )


def explain_pairs(
    model: "str | Path | DualEncoder",
    pairs: Path,
    out: Path,
    *,
    images: Path | None = None,
    preset: "Preset" = "words",
    sample: int | None = None,
    seed: int = 0,
    indirect: bool = False,
    keep_factors: bool = False,
    text_layer: int | None = None,
    image_layer: int | None = None,
    tolerance: float | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """What the margins of a whole pairs table are made of; see `explain.many.explain_many` and `explain` above.

    Writes pairs.parquet, summary.json and summary.html into `out`; killed, it goes on where it was when called again.
    Returns what is in summary.json, and `went_on_from`, the pictures that an earlier call had done.
    """
    from hairsplit._verbs.explaining_many import run_explained_pairs

    settings: dict[str, Any] = {"text_layer": text_layer, "image_layer": image_layer, "tolerance": tolerance}
    options: dict[str, Any] = {"sample": sample, "seed": seed, "indirect": indirect, "keep_factors": keep_factors}
    return run_explained_pairs(model, pairs, out, images=images, preset=preset, device=device, **options, **settings)
