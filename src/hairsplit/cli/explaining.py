"""`hairsplit explain` on the command line, and the explanation as plain text on the terminal."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from hairsplit.core.errors import HairsplitError

_PRESETS = ("fast", "words", "pixels")
_NUMBERS = re.compile(r"\(?\s*(\d+)\s*[,:]\s*(\d+)\s*\)?")
_MOST = 5
"""Words that are printed."""
_NAME = 34
_MEANING = {
    "not accounted for": "error of the integrals, and of rounding",
    "base": "a blank caption and a blank image",
    "words": "the caption on the blank image",
    "image": "the image with a blank caption",
    "interactions": "what words and image add only together",
    "words on the blank image": "what the texts decide without looking",
    "words with this image": "what the image decides",
    "blank captions of unequal length": "of the measure, not of the model",
}


def explain(
    model: Annotated[str, Argument(help="As for evaluate.")],
    image: Annotated[Path, Argument(help="The picture.")],
    caption: Annotated[str, Argument(help="In quotes.")],
    out: Annotated[Path, Option("--out", "-o", help="Folder of the result; must not exist yet.")],
    against: Annotated[
        str | None, Option(metavar="NEGATIVE", help="A hard negative: why the caption is preferred to it, or is not.")
    ] = None,
    preset: Annotated[str, Option(help="fast, words or pixels: how deep words and patches are told apart.")] = "words",
    spans: Annotated[
        list[str] | None,
        Option("--span", metavar="TEXT", help='Words to show as one, "red star" or 1:3; any number of times.'),
    ] = None,
    text_layer: Annotated[
        int | None, Option(help="Text block before which words are told apart, from 0; -1 is the last.")
    ] = None,
    image_layer: Annotated[int | None, Option(help="The same for patches.")] = None,
    tolerance: Annotated[float | None, Option(help="Error of an integral, 1e-3 unless told.")] = None,
    device: Annotated[str | None, Option(help="cpu, cuda:0, ...; by default a GPU if there is one.")] = None,
) -> None:
    """Show which words met which patches: numbers, pictures, and a page to point at."""
    from hairsplit import api  # here, so that --help does not load torch
    from hairsplit.core.catalog import nearest
    from hairsplit.explain.config import PRESETS

    chosen = next((name for name in PRESETS if name == preset), None)
    if chosen is None:
        raise HairsplitError(f"no preset is called {preset!r}", where="--preset", hint=nearest(preset, _PRESETS))
    record = api.explain(
        model,
        image,
        caption,
        out,
        against=against,
        preset=chosen,
        spans=[_span(text, caption) for text in spans or ()],
        text_layer=text_layer,
        image_layer=image_layer,
        tolerance=tolerance,
        device=device,
    )
    for line in explanation_lines(record):
        typer.echo(line)
    typer.echo(f"numbers and pictures are in {out}; open {out}/explanation.html")


def _span(text: str, caption: str) -> str | tuple[int, int]:
    """Words, or numbers of words as an error's hint writes them: "(1, 3)", "1:3"."""
    numbers = _NUMBERS.fullmatch(text.strip())
    if numbers is None or text in caption:
        return text
    return int(numbers[1]), int(numbers[2])


def explanation_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """The sum, the strongest words, the spans, and what a reader must know."""
    from hairsplit.report.explanation import Sum

    what = record["what"]
    logit = "" if record["config"].get("score") == "dot" else f" (logits: {record[what] * record['logit_scale']:+.2f})"
    yield f"{what} {record[what]:+.4f}{logit}: {record['caption']}"
    if record["negative"] is not None:
        yield f"{'against':>{len(what) + 8}}: {record['negative']}"
    for name, value in Sum(tuple(record["parts"].items()), what, record[what], record["gap"]).rounded()[0]:
        yield f"  {name:<{_NAME}}{value + 0:+.4f}  {_MEANING[name]}"
    strongest = sorted(record["words"], key=lambda row: -abs(_together(row)))[:_MOST]
    yield f"{'words that add most':<{_NAME + 2}}with the image, on the blank image"
    for row in strongest:
        if _together(row) or row["alone"]:
            yield f"  {row['word'][: _NAME - 1]:<{_NAME}}{_together(row):+.4f}  {row['alone']:+.4f}"
    for span in record["sides"][0]["spans"]:
        left, top, right, bottom = span["strongest_patch"]["box"]
        box = f"most in {left:.0f}, {top:.0f}, {right:.0f}, {bottom:.0f}"
        yield f"  {repr(span['text'])[: _NAME - 1]:<{_NAME}}{_together(span):+.4f}  {span['alone']:+.4f}  {box}"
    for note in record["notes"]:
        yield f"note: {note}"


def _together(row: Mapping[str, Any]) -> float:
    found: float = row["with_patches"] + row["with_class_token"]
    return found
