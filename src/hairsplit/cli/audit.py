"""`hairsplit audit` on the command line, and an audit as plain text on the terminal."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from hairsplit.core.wording import percent

Record = Mapping[str, Any]


def audit(
    table: Annotated[Path, Argument(help="Pairs table, or with --format an annotation file.")],
    out: Annotated[Path, Option("--out", "-o", help="Where the result goes; must not exist yet.")],
    against: Annotated[
        list[Path] | None, Option(help="Pairs table or folder of an evaluation set; may be given more than once.")
    ] = None,
    format_name: Annotated[str | None, Option("--format", help="Read annotations of this format, not a table.")] = None,
    images: Annotated[Path | None, Option(help="Folder of the pictures, if not the one the table names.")] = None,
    seed: Annotated[int, Option(help="Of the sample and the intervals.")] = 0,
    sample: Annotated[int, Option(min=10, help="Most pairs that the text-only attacks read.")] = 100_000,
    look: Annotated[bool, Option(help="Also find resized and re-encoded copies of --against's pictures.")] = True,
    max_distance: Annotated[int, Option(min=0, max=64, help="Bits in which perceptual hashes of copies differ.")] = 8,
    show: Annotated[int, Option(min=0, help="Pairs on the page with their pictures and boxes, evenly by kind.")] = 50,
) -> None:
    """Find what a table gives away without the image, what contradicts itself, and pictures of evaluation sets."""
    from hairsplit import api  # here, so that --help does not load what it needs

    record = api.audit(
        table,
        out,
        against=against or (),
        images=images,
        format_name=format_name,
        seed=seed,
        sample=sample,
        look=look,
        max_distance=max_distance,
        show=show,
    )
    for line in audit_lines(record):
        typer.echo(line)
    typer.echo(f"open {out / 'audit.html'}; all numbers are in audit.json")


def audit_lines(record: Record) -> Iterator[str]:
    """What was counted, per-kind measures, what blind readers reach, one-sided words, overlaps, findings."""
    yield from _counts(record)
    yield ""
    yield from _measures(record)
    yield ""
    yield from _attacks(record)
    if record["words"]:
        yield ""
        shown = (f"{w['word']} {w['caption_only']:,}/{w['negative_only']:,}" for w in record["words"][:12])
        yield "words on one side only, pairs true/negative: " + ", ".join(shown)
    if record["overlaps"]:
        yield ""
        yield from _overlaps(record["overlaps"])
    yield ""
    yield "findings:"
    yield from (f"  {line}" for line in record["findings"])


def _counts(record: Record) -> Iterator[str]:
    shape, pictures = record["shape"], record["pictures"]
    yield (
        f"{shape['pairs']:,} pairs of {shape['images']:,} images; {shape['distinct_captions']:,} different captions, "
        f"{shape['distinct_negatives']:,} different negatives"
    )
    for part in record["problems"].values():
        if part["count"]:
            yield f"{part['count']:>9,}  {part['what']}"
    for reason, count in record["rejects"].items():
        yield f"{count:>9,}  rows left out by the reader: {reason}"
    if pictures["missing"]:
        yield f"{pictures['missing']:>9,}  pictures that are not there (the audit of texts needs none)"
    if pictures["copies"]["files"]:
        yield f"{pictures['copies']['files']:>9,}  pictures that are copies of each other, byte for byte"


def _measures(record: Record) -> Iterator[str]:
    width = _width(record)
    yield (
        f"{'':<{width}}{'pairs':>9}{'images':>8}{'words':>13}  {'longer is true':<21}{'edit':>5}{'left/right':>12}"
        f"{'swapped':>9}   negation true/neg."
    )
    for kind, one in record["kinds"].items():
        images = record["shape"]["kinds"][kind]["images"] if kind else record["shape"]["images"]
        words, negation = one["words"], one["markers"].get("negation", {"caption": 0.0, "negative": 0.0})
        yield (
            f"{kind or 'all pairs':<{width}}{one['pairs']:>9,}{images:>8,}"
            f"{words['caption']:>6.1f} /{words['negative']:>5.1f}  {percent(one['longer_is_true']):<21}"
            f"{one['edit']['median']:>5g}{_percent(one['left_or_right']):>12}{_percent(one['left_right_swapped']):>9}"
            f"   {_percent(negation['caption'])} / {_percent(negation['negative'])}"
        )
    yield "words: mean, true / negative. edit: median of tokens that differ. longer is true: equal lengths count 1/2."


def _attacks(record: Record) -> Iterator[str]:
    attacks = record["attacks"]
    if attacks["reason"]:
        yield f"no text-only attack: {attacks['reason']}"
        return
    width, readers = _width(record), attacks["readers"]
    yield f"{'told without the image':<{width}}{'n':>9}  " + "".join(f"{name:<23}" for name in readers)
    for kind in record["kinds"]:
        found = [reader["kinds"].get(kind) if kind else reader["overall"] for reader in readers.values()]
        if found[0] is not None:
            cells = "".join(f"{percent(one):<23}" for one in found)
            yield f"{kind or 'all pairs':<{width}}{found[0]['n']:>9,}  {cells}".rstrip()
    own = [reader["own_texts"] for reader in readers.values()]
    if own[0] is not None and own[0]["n"] < readers["length"]["overall"]["n"]:
        cells = "".join(f"{percent(one):<23}" for one in own)
        yield f"{'(texts of one image)':<{width}}{own[0]['n']:>9,}  {cells}".rstrip()
    strict = ", ".join(f"{name} {_percent(reader['strict']['value'])}" for name, reader in readers.items())
    yield f"chance 50 %, 95 % intervals clustered by image; ties count 1/2 (as misses: {strict})"
    sample = attacks["sample"]
    if sample["pairs"] < sample["of"]:
        yield f"read: a sample of {sample['pairs']:,} of {sample['of']:,} pairs, seed {sample['seed']}"


def _overlaps(overlaps: list[Record]) -> Iterator[str]:
    width = max(len(one["against"]) for one in overlaps) + 2
    heads = f"{'pictures':>9}{'id':>7}{'content':>9}{'look':>7}{'all':>7}{'name only':>11}{'not seen':>10}"
    yield f"{'overlap with':<{width}}{heads}"
    for one in overlaps:
        unseen = one["unreadable"] + sum(one["missing"].values())
        look = "–" if one["look"] is None else f"{one['look']:,}"
        yield (
            f"{one['against']:<{width}}{one['pictures']:>9,}{one['id']:>7,}{one['content']:>9,}{look:>7}"
            f"{one['overlap']:>7,}{one['name']:>11,}{unseen:>10,}"
        )


def _width(record: Record) -> int:
    return max(len("told without the image"), *(len(kind) for kind in record["kinds"])) + 2


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
