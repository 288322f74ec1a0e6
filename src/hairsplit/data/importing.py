"""Import: annotations in any format and their pictures into a pairs table; what is left out is counted and listed."""

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa

from hairsplit.core.catalog import nearest
from hairsplit.core.errors import HairsplitError
from hairsplit.core.progress import Tick, progress_bar
from hairsplit.core.run import atomic_file, file_hash
from hairsplit.core.tables import PairsMeta, relative_root, write_blocks
from hairsplit.core.workers import streamed
from hairsplit.data._admit import Block, Seen, admit_images, admit_rows
from hairsplit.data._draw import OUT, TRAIN, VAL, Draw, Drawing, rows_of
from hairsplit.data._guess import looks_like
from hairsplit.data._import_job import Job, Target, check_choices, check_places, rules_of, settings_of
from hairsplit.data._import_report import Contents, ImportReport, Tally, nothing_left
from hairsplit.data._parallel import default_threads, in_background
from hairsplit.data._pictures import CHECKS, Check, Pictures
from hairsplit.data.formats import FORMATS, OF_ANOTHER_FORMAT, InexactError, Part, Parts

__all__ = ["CHECKS", "Check", "Draw", "ImportReport", "import_pairs"]

BLOCK = 20_000
"""Rows that are checked together, of files that come in one piece."""
MB = 1_000_000
Source = tuple[str, Future[str]]
"""Name of the annotation file, and its hash once that is known."""


def import_pairs(
    format_name: str,
    annotations: Path,
    images: Path,
    out: Path,
    *,
    over_long: Callable[[str], bool] | None = None,
    check_images: Check = "decode",
    kinds: Collection[str] | None = None,
    limit: int | None = None,
    exclude_image_ids: Collection[str] = (),
    drops: Collection[str] = (),
    draw: Draw | None = None,
    overwrite: bool = False,
    workers: int | None = None,
) -> ImportReport:
    """Read `annotations`, find and check their pictures below `images`, and write the pairs table `out` atomically.

    Beside `out` comes `<stem>.rejects.jsonl`, and perhaps `<stem>.val.parquet`. Rows keep the order of the file. Memory
    does not grow with it, but for 8 bytes a pair where repeats may lie far apart, and 12 if pairs are drawn.

    Args:
        format_name: A name of `FORMATS`.
        annotations: The annotation file, gzipped or not.
        images: The images root; stored in the table relative to `out`.
        out: The table to write.
        over_long: Whether a text has more tokens than the model reads; with several workers, no lambda.
        check_images: Decode each picture once, find its file only, or neither: names without a suffix get `.jpg`.
        kinds: Keep rows of these kinds only.
        limit: Stop after so many pairs; the rest of the file is not looked at.
        exclude_image_ids: Leave these images out, such as those of an evaluation set.
        drops: Leave out rows that carry these marks in the file (`Format.drops`), such as HNC's `noisy`.
        draw: Draw some images or pairs, or split by image.
        overwrite: Replace `out` if it exists.
        workers: Processes for large files that can be cut, else threads; changes no byte. None: a thread per core.

    Raises:
        HairsplitError: Unknown format, kind or mark; a path is missing or `out` exists; the annotations are torn or of
            another shape; no pair is left (then only the rejects file is written).
    """
    draw = draw or Draw()
    rules = rules_of(kinds, exclude_image_ids, drops, over_long, draw)
    threads = workers or default_threads()
    pictures = Pictures(images, check_images)
    job = Job(format_name, annotations, rules, pictures, threads=threads, limit=limit)
    target = Target(out, relative_root(out, images), settings_of(job, draw), draw)
    check_choices(job, draw)
    check_places(job, target.files(), overwrite=overwrite)
    try:
        return _import(job, target, workers or 1, exact=False)
    except InexactError:
        _find_mistake(job)
        return _import(job, target, workers or 1, exact=True)


def _import(job: Job, target: Target, workers: int, *, exact: bool) -> ImportReport:
    parts = FORMATS[job.format_name].parts
    size = job.annotations.stat().st_size
    with ExitStack() as stack:
        file = stack.enter_context(stack.enter_context(atomic_file(target.rejects)).open("w", encoding="utf-8"))
        tally = Tally(file)
        drawing = Drawing() if target.draw.wanted else None
        tick: Tick = lambda _done: None  # noqa: E731
        if parts:
            tick = stack.enter_context(progress_bar(f"importing {job.annotations.name}, MB", size // MB))
        digest = in_background(file_hash, job.annotations)
        tables = _followed(_blocks(job, workers, exact=exact), job, tally, drawing, tick, exact=exact)
        first = next(tables, None)
        if first is not None:
            return _write(chain([first], tables), target, tally, drawing, (job.annotations.name, digest))
    error = nothing_left(tally, job.annotations, job.pictures.root, target.rejects)
    raise _with_guess(error, job) if tally.read and tally.rejects.keys() <= OF_ANOTHER_FORMAT else error


def _blocks(job: Job, workers: int, *, exact: bool) -> Iterator[Block]:
    parts = FORMATS[job.format_name].parts
    if parts is None:
        yield from _row_blocks(job)
        return
    found = parts.cut(job.annotations, exact)
    first = list(islice(found, 2))
    workers = workers if len(first) > 1 else 1
    job = replace(job, threads=1 if workers > 1 else job.threads)
    yield from streamed(_block, job, ([part] for part in chain(first, found)), workers=workers, label="import")


def _block(job: Job, parts: Sequence[Part]) -> Block:
    [part] = parts
    read = _format_parts(job).read
    images = read(part, job.annotations, job.rules.drops)
    block = admit_images(job.rules, job.pictures, images, source=job.format_name, threads=job.threads)
    block.fetched = part.fetched
    return block


def _format_parts(job: Job) -> Parts:
    parts = FORMATS[job.format_name].parts
    if parts is None:
        raise TypeError(job.format_name)
    return parts


def _row_blocks(job: Job) -> Iterator[Block]:
    rows = FORMATS[job.format_name].read(job.annotations)
    seen, first = Seen(), 1
    # with a limit most pictures may not be needed
    size = BLOCK if job.limit is None else min(BLOCK, job.limit)
    while batch := list(islice(rows, size)):
        block = admit_rows(job.rules, job.pictures, batch, first=first, seen=seen, threads=job.threads)
        first += block.read
        yield block


def _followed(
    blocks: Iterator[Block], job: Job, tally: Tally, drawing: Drawing | None, tick: Tick, *, exact: bool
) -> Iterator[pa.Table]:
    """The tables of the blocks that hold pairs, up to the limit, with all rows counted.

    Raises:
        HairsplitError: The file is torn or of another shape; at its end, if a kind asked for is in no row.
        InexactError: The file must be cut exactly.
    """
    pairs, megabytes = 0, 0
    images: set[str] = set()
    try:
        for found in blocks:
            _refuse_twins(found.images, images, job.annotations, exact=exact)
            block = found if job.limit is None else found.cut(job.limit - pairs)
            tally.add(block)
            if drawing is not None:
                drawing.add(block)
            pairs += block.table.num_rows
            tick(block.fetched // MB - megabytes)
            megabytes = block.fetched // MB
            if block.table.num_rows:
                yield block.table
            if pairs == job.limit:
                return
    except HairsplitError as error:
        raise _with_guess(error, job) if tally.read == 0 else error from None
    unseen = sorted((job.rules.kinds or set()) - tally.kinds)
    if unseen and tally.kinds:
        raise HairsplitError(
            f"no row is of the kind {unseen[0]!r}",
            where=str(job.annotations),
            hint=nearest(unseen[0], sorted(tally.kinds)),
        )


def _refuse_twins(images: Sequence[str], known: set[str], file: Path, *, exact: bool) -> None:
    for image in images:
        if image in known:
            if not exact:
                raise InexactError
            raise HairsplitError(f"the image {image!r} stands twice", where=str(file), hint="join its captions")
        known.add(image)


def _find_mistake(job: Job) -> None:
    """Read a file that could not be read in parts of several images, image by image, to say what is wrong where.

    Raises:
        HairsplitError: It is torn or of another shape.
    """
    parts = _format_parts(job)
    sound = 0
    try:
        for part in parts.cut(job.annotations, True):
            sound += sum(1 for _ in parts.read(part, job.annotations, job.rules.drops))
    except HairsplitError as error:
        raise _with_guess(error, job) if sound == 0 else error from None


def _with_guess(error: HairsplitError, job: Job) -> HairsplitError:
    """The error of a file of which nothing could be read, with the format that it looks like."""
    guess = looks_like(job.annotations, job.format_name)
    if guess is None:
        return error
    message, more, details = error.message.partition("\n")
    return HairsplitError(f"{message}; it looks like {guess.what}{more}{details}", where=error.where, hint=guess.hint)


def _write(
    tables: Iterable[pa.Table], target: Target, tally: Tally, drawing: Drawing | None, source: Source
) -> ImportReport:
    main, other = Contents(), Contents()
    if drawing is None:
        _write_one(target.out, tables, main, tally=tally, target=target, source=source)
        return tally.report(target.out, None, target.rejects, main, other)
    with tempfile.TemporaryDirectory(dir=target.out.parent, prefix=f".{target.out.name}.") as folder:
        whole = Path(folder) / "whole.parquet"
        write_blocks(whole, tables, PairsMeta())
        fates = drawing.fates(target.draw)
        left_out = int((fates == OUT).sum())
        if left_out:
            tally.rejects["not_drawn"] += left_out
        with ExitStack() as stack:  # both tables come to be at the same time
            out = stack.enter_context(atomic_file(target.out))
            _write_one(out, rows_of(whole, fates, TRAIN), main, tally=tally, target=target, source=source)
            if target.val is not None:
                out = stack.enter_context(atomic_file(target.val))
                _write_one(out, rows_of(whole, fates, VAL), other, tally=tally, target=target, source=source)
    return tally.report(target.out, target.val, target.rejects, main, other)


def _write_one(
    out: Path,
    tables: Iterable[pa.Table],
    contents: Contents,
    *,
    tally: Tally,
    target: Target,
    source: Source,
) -> None:
    """Write a table; its metadata is written behind the last pair, when the counts are known."""
    counts: dict[str, int] = {}
    sources: dict[str, str] = {}

    def counted() -> Iterator[pa.Table]:
        for table in tables:
            contents.add(table)
            yield table
        counts.update(tally.counts() | contents.counts())
        sources[source[0]] = source[1].result()

    write_blocks(out, counted(), PairsMeta(target.root, sources, target.config, counts, tally.rejects))
