"""`hairsplit explain` on the command line, and the explanation as plain text on the terminal."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from hairsplit.core.errors import HairsplitError
from hairsplit.core.wording import counted, percent

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
    out: Annotated[Path, Option("--out", "-o", help="Folder of the result; new, or with --pairs one to go on with.")],
    image: Annotated[Path | None, Argument(help="The picture.")] = None,
    caption: Annotated[str | None, Argument(help="In quotes.")] = None,
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
    pairs: Annotated[
        Path | None, Option(metavar="TABLE", help="Instead of IMAGE and CAPTION: the margins of a whole pairs table.")
    ] = None,
    images: Annotated[Path | None, Option(help="With --pairs: images root, if not the table's.")] = None,
    sample: Annotated[int | None, Option(min=1, help="With --pairs: so many pairs of each kind, not all.")] = None,
    seed: Annotated[int, Option(help="With --pairs: of the sample.")] = 0,
    indirect: Annotated[
        bool, Option("--indirect", help="With --pairs: against blank captions also where the negative would do.")
    ] = False,
    whole_images: Annotated[
        bool, Option("--whole-images", help="With --pairs: quicker with some tens of pairs a picture; see the docs.")
    ] = False,
    versus: Annotated[
        str | None, Option(metavar="MODEL", help="Another model, shown beside the first in logits.")
    ] = None,
) -> None:
    """Show which words met which patches: numbers, pictures, and a page to point at."""
    shared: dict[str, Any] = {"text_layer": text_layer, "image_layer": image_layer, "tolerance": tolerance}
    shared |= {"preset": _chosen(preset), "device": device}
    if pairs is not None:
        _only_of(image=image, caption=caption, against=against, span=spans, versus=versus)
        many = {"images": images, "sample": sample, "seed": seed, "indirect": indirect, "keep_factors": whole_images}
        _explain_pairs(model, pairs, out, **many, **shared)
        return
    if image is None or caption is None:
        raise HairsplitError(
            f"no {'picture' if image is None else 'caption'} is given",
            where="explain",
            hint="hairsplit explain MODEL IMAGE CAPTION, or hairsplit explain MODEL --pairs TABLE",
        )
    given = {"images": images, "sample": sample, "seed": seed or None, "indirect": indirect or None}
    _only_with_pairs(**given, whole_images=whole_images or None)
    from hairsplit import api  # here, so that --help does not load torch
    from hairsplit.report.explanation_versus import versus_lines

    marked = [_span(text, caption) for text in spans or ()]
    record = api.explain(model, image, caption, out, against=against, spans=marked, versus=versus, **shared)
    for line in explanation_lines(record) if versus is None else versus_lines(record):
        typer.echo(line)
    typer.echo(f"numbers and pictures are in {out}; open {out}/explanation.html")


def _chosen(preset: str) -> str:
    from hairsplit.core.catalog import nearest
    from hairsplit.explain.config import PRESETS

    if preset not in PRESETS:
        raise HairsplitError(f"no preset is called {preset!r}", where="--preset", hint=nearest(preset, _PRESETS))
    return preset


def _only_of(**given: object) -> None:
    """Refuse what is of one picture."""
    for name, value in given.items():
        if value is not None and value != []:
            what = name.upper() if name in {"image", "caption"} else f"--{name}"
            raise HairsplitError(
                f"{what} does not go with --pairs", where="explain", hint="the table has pictures and captions"
            )


def _only_with_pairs(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            option = f"--{name.replace('_', '-')}"
            raise HairsplitError(f"{option} is for --pairs", where="explain", hint=f"leave {option} out")


def _explain_pairs(model: str, pairs: Path, out: Path, **options: Any) -> None:
    from hairsplit import api

    record = api.explain_pairs(model, pairs, out, **options)
    for line in summary_lines(record):
        typer.echo(line)
    typer.echo(f"a row for each pair is in {out}/pairs.parquet; open {out}/summary.html")


def summary_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Margins of a table and what they are made of, kind by kind; and what was left out."""
    from hairsplit.report.explanation_summary import kinds_of, unit_of

    if record["went_on_from"]:
        yield f"went on behind {counted(record['went_on_from'], 'picture')} done before"
    factor, unit = unit_of(record)
    groups = kinds_of(record)
    yield f"{'true caption preferred':<24}{'pairs':>6}   {'seeing the picture':<23}{'on the blank image':<23}"
    for kind, part in groups.items():
        seen, blank = (_percent(part[name]) for name in ("pair_accuracy", "blank_accuracy"))
        yield f"  {kind[:21]:<22}{part['pairs']:>6,}   {seen:<23}{blank}"
    yield f"{'mean margin, ' + unit:<33}{'in all':<25}{'of the texts alone':<25}with the picture"
    for kind, part in groups.items():
        means = (_mean(part[name], factor) for name in ("margin", "on_blank_image", "with_image"))
        yield f"  {kind[:21]:<31}{''.join(f'{mean:<25}' for mean in means).rstrip()}"
    yield f"{'shares':<33}{'moved by the texts':<25}{'margin: edited words':<25}heat in the boxes"
    for kind, part in groups.items():
        heat = part["heat_inside"]
        chance = "" if heat is None else f", chance {100 * heat['chance']:.1f} %"
        shares = f"{_percent(part['blank_weight']):<25}{_percent(part['edited_share']):<25}{_percent(heat)}{chance}"
        yield f"  {kind[:21]:<31}{shares}"
    for reason, count in record["dropped"].items():
        yield f"left out: {count:,} {reason}"
    for reason, count in record["overall"]["without_box"].items():
        yield f"without heat in boxes: {count:,} {reason}"
    indirect, gap = record["overall"]["indirect"], record["overall"]["gap"]
    if indirect and not record["indirect"]:
        yield f"{counted(indirect, 'pair')} of unequal length, explained as the difference of two explanations"
    yield f"parts less margin: {gap['mean']:.1e} on average, {gap['largest']:.1e} at most (cosine)"


def _percent(tree: Mapping[str, Any] | None) -> str:
    """A share with its interval; a dash where it has no bounds, and so no meaning."""
    return "-" if tree is None or tree["low"] is None else percent(tree)


def _mean(tree: Mapping[str, Any], factor: float) -> str:
    known = tree["low"] is not None
    ends = f"[{factor * tree['low']:+.2f}, {factor * tree['high']:+.2f}]" if known else "[unknown]"
    return f"{factor * tree['value']:+.2f} {ends}"


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
