"""`hairsplit explain`: one picture with its caption, or with caption and negative, as numbers, pictures and a page."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL.Image import Image

from hairsplit._verbs.evaluate import model_on
from hairsplit.core.attribution import Attribution, Contrast, Span, find_span
from hairsplit.core.attribution_file import save_explanation
from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode
from hairsplit.core.run import filled_folder, refuse_full, write_json
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.explain import Explainer, ImageSide, contrast_captions, explain_caption, explain_captions, explainer_of
from hairsplit.explain.config import Preset
from hairsplit.report.explanation import record_of
from hairsplit.report.explanation_figure import write_figure
from hairsplit.report.explanation_page import write_page
from hairsplit.report.explanation_versus import versus_record, write_versus
from hairsplit.report.explanation_versus_figure import write_versus_figure

PAGE = "explanation.html"


def run_explanation(
    model: str | Path | DualEncoder,
    image: Path,
    caption: str,
    out: Path,
    *,
    against: str | None,
    preset: Preset,
    spans: Sequence[Span],
    text_layer: int | None,
    image_layer: int | None,
    tolerance: float | None,
    device: str | None,
    versus: str | Path | DualEncoder | None = None,
) -> dict[str, Any]:
    """See `hairsplit.api.explain`."""
    refuse_full(out)
    for text, name in ((caption, "CAPTION"), (against, "--against")):
        if text is not None and not text.strip():
            raise HairsplitError("the caption is empty", where=name, hint="give it at least one word")
    if not image.is_file():
        raise HairsplitError("no such picture", where=str(image), hint="give the path of one picture")
    picture = decode(image)
    settings = {"text_layer": text_layer, "image_layer": image_layer, "tolerance": tolerance}
    changes = {name: value for name, value in settings.items() if value is not None}
    explainer = explainer_of(model_on(model, device), preset, **changes)
    words = explainer.subject.words(caption)
    spans = [find_span(words.text, words.tokens, span) for span in spans]  # before anything takes long
    made = _explained(explainer, explainer.image_side(image), caption, against)
    if versus is not None:
        other = explainer_of(model_on(versus, device), preset, **changes)
        theirs = _explained(other, other.image_side(image), caption, against)
        names = explainer.subject.name, other.subject.name
        return _write_versus((made, theirs), names, picture, out, spans)
    record = record_of(made, spans) | {"preset": preset}
    with filled_folder(out) as temporary:
        save_explanation(made, temporary / "explanation.npz")
        write_json(temporary / "explanation.json", record)
        for kind in ("png", "svg"):
            write_figure(made, picture, temporary / f"explanation.{kind}", spans)
        write_page(made, picture, temporary / PAGE, spans)
    return record


def _write_versus(
    both: tuple[Attribution | Contrast, Attribution | Contrast],
    names: tuple[str, str],
    picture: Image,
    out: Path,
    spans: Sequence[Span],
) -> dict[str, Any]:
    record = versus_record(*both)
    with filled_folder(out) as temporary:
        for name, one in zip(("a", "b"), both, strict=True):
            save_explanation(one, temporary / f"{name}.npz")
        write_json(temporary / "explanation.json", record)
        for kind in ("png", "svg"):
            write_versus_figure(both, names, picture, temporary / f"explanation.{kind}", spans)
        write_versus(both, names, picture, temporary / PAGE, next(iter(spans), None))
    return record


def _explained(explainer: Explainer, image: ImageSide, caption: str, against: str | None) -> Attribution | Contrast:
    if against is None:
        return explain_caption(explainer, image, caption)
    made = contrast_captions(explainer, image, caption, against)
    if made.direct is None:
        return made
    both = explain_captions(explainer, image, (caption, against))
    return replace(made, positive_side=both[0], negative_side=both[1])
