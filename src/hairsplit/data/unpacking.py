"""Unpack a bundle: pictures below an images root under the hash of their bytes, its rows beside the table."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import FORMATS, decode, inside
from hairsplit.core.run import atomic_file, file_hash, writable
from hairsplit.core.types import Reject
from hairsplit.data._import_job import check_free, check_limit
from hairsplit.data._parallel import default_threads
from hairsplit.data.bundles import BUNDLES, Choice, Sample
from hairsplit.data.formats.unpacked import Line
from hairsplit.data.importing import Draw, ImportReport, import_pairs

_SUFFIXES = {
    "JPEG": "jpg",
    "MPO": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tif",
    "PPM": "ppm",
}
_COLUMNS = frozenset(Line.__struct_fields__) - {"where", "reason", "detail", "image"}
_AHEAD = 4
"""Samples held in memory, per thread."""
Unpacked = tuple[Sample | Reject, str | Reject | None]
"""A sample, and the path of its picture, or why it has none; None: it is not needed."""


@dataclass(frozen=True)
class Wanted:
    """Which rows count, and whose pictures are kept; the others are refused, and counted, on import."""

    kinds: Collection[str] | None = None
    excluded: Collection[str] = ()
    limit: int | None = None
    """Stop after so many such rows."""

    def has(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is wanted."""
        kind_fits = self.kinds is None or str(row.get("kind") or "unnamed") in self.kinds
        return kind_fits and str(row.get("image_id")) not in self.excluded


def import_bundle(
    name: str,
    source: str,
    out: Path,
    *,
    choice: Choice | None = None,
    images: Path | None = None,
    over_long: Callable[[str], bool] | None = None,
    kinds: Collection[str] | None = None,
    limit: int | None = None,
    exclude_image_ids: Collection[str] = (),
    draw: Draw | None = None,
    overwrite: bool = False,
    workers: int | None = None,
) -> ImportReport:
    """Unpack a bundle and import its rows; see `import_pairs` for what is not named here.

    Beside `out` comes `<stem>.rows.jsonl`, from which `hairsplit import unpacked` makes other tables without unpacking
    or fetching again.

    Args:
        name: A name of `BUNDLES`.
        source: What the bundle's reader is told: a data set, or shards.
        out: The table to write.
        choice: Split, columns and the like.
        images: Folder for the pictures; by default `<stem>_images` beside `out`.
        over_long: Whether a text has more tokens than the model reads.
        kinds: Keep rows of these kinds only.
        limit: Unpack no more than so many rows that are wanted; some of them may be refused on import.
        exclude_image_ids: Leave these images out.
        draw: Draw some images or pairs, or split by image.
        overwrite: Replace `out` if it exists.
        workers: Threads that check pictures; up to 8 by default.

    Raises:
        HairsplitError: No such bundle or data set, unsafe or torn shards, `out` exists, or no row is left.
    """
    bundle = BUNDLES[name]
    check_free(out, overwrite=overwrite)
    check_limit(limit)
    images = out.parent / f"{out.stem}_images" if images is None else images
    rows = out.with_name(f"{out.stem}.rows.jsonl")
    wanted = Wanted(kinds, frozenset(exclude_image_ids), limit)
    unpack(_some(bundle.read(source, choice or Choice()), source), images, rows, wanted, workers=workers)
    return import_pairs(
        "unpacked",
        rows,
        images,
        out,
        over_long=over_long,
        check_images="exists",  # each was decoded before it was kept
        kinds=kinds,
        limit=limit,
        exclude_image_ids=exclude_image_ids,
        draw=draw,
        overwrite=overwrite,
    )


def _some(samples: Iterator[Sample | Reject], source: str) -> Iterator[Sample | Reject]:
    first = next(samples, None)
    if first is None:
        raise HairsplitError("holds no sample", where=source, hint="name other shards, or another split")
    return chain([first], samples)


def unpack(
    samples: Iterable[Sample | Reject], images: Path, rows_file: Path, wanted: Wanted, *, workers: int | None = None
) -> int:
    """Keep the pictures of samples below `images`, and write their rows to `rows_file`; returns how many rows.

    A picture is decoded before it is kept; one that cannot be is refused, with all its rows. The rows file is written
    whole or not at all; pictures kept before an interruption are whole, and are not written again.
    """
    threads = workers or default_threads()
    written = kept = 0
    with atomic_file(rows_file) as temporary, temporary.open("wb") as file:
        pool = ThreadPoolExecutor(threads, thread_name_prefix="unpack")
        try:
            for entry, stored in _progress(_stored(iter(samples), images, wanted, pool, _AHEAD * threads)):
                for line, counts in _lines(entry, stored, wanted):
                    if kept == wanted.limit:
                        return written  # of a limit of 1 or more: there are pictures
                    file.write(msgspec.json.encode(line) + b"\n")
                    written, kept = written + 1, kept + counts
            writable(images)  # made even where no picture was kept: the import says what became of them
        finally:
            pool.shutdown(cancel_futures=True)
    return written


def _progress(entries: Iterator[Unpacked]) -> Iterator[Unpacked]:
    """Count the samples on a terminal; how many there will be is not known."""
    console = Console(stderr=True)
    columns = (TextColumn("unpacking"), SpinnerColumn(), TextColumn("{task.completed:,} samples"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield from bar.track(entries, total=None)


def _stored(
    samples: Iterator[Sample | Reject], images: Path, wanted: Wanted, pool: ThreadPoolExecutor, ahead: int
) -> Iterator[Unpacked]:
    """Each sample with the path of its picture, in order; some are stored ahead."""
    waiting: deque[tuple[Sample | Reject, Future[str | Reject] | None]] = deque()

    def first() -> Unpacked:
        entry, job = waiting.popleft()
        return entry, None if job is None else job.result()

    for entry in samples:
        needed = isinstance(entry, Sample) and any(map(wanted.has, entry.rows))
        job = pool.submit(store, entry.picture, images, entry.where) if needed and isinstance(entry, Sample) else None
        waiting.append((entry, job))
        if len(waiting) > ahead:
            yield first()
    while waiting:
        yield first()


def _lines(entry: Sample | Reject, stored: str | Reject | None, wanted: Wanted) -> Iterator[tuple[Line, bool]]:
    """What is written of a sample, and whether it counts towards the limit."""
    refused = entry if isinstance(entry, Reject) else stored if isinstance(stored, Reject) else None
    if refused is not None:
        rows = len(entry.rows) if isinstance(entry, Sample) else 1
        for _ in range(rows):  # as many as were lost
            yield Line(where=refused.where, reason=refused.reason, detail=refused.detail), False
        return
    if isinstance(entry, Sample):
        image = stored if isinstance(stored, str) else "not-wanted"  # refused on import for its kind or id
        for row in entry.rows:
            yield _line(entry.where, image, row), wanted.has(row)


def _line(where: str, image: str, row: Mapping[str, Any]) -> Line:
    known = {name: value for name, value in row.items() if name in _COLUMNS and value is not None}
    weight = known.pop("weight", None)
    texts = {name: str(value) for name, value in known.items()}
    return Line(where=where, image=image, weight=float(weight) if isinstance(weight, int | float) else None, **texts)


def store(picture: bytes, images: Path, where: str) -> str | Reject:
    """Keep an encoded picture below `images`, if it can be decoded; returns its path there, `ab/ab12....jpg`."""
    suffix = picture_suffix(picture)
    if suffix is None:
        return Reject(where, "broken_image", "not a picture")
    digest = blake2b(picture, digest_size=16).hexdigest()
    name = f"{digest[:2]}/{digest}.{suffix}"
    path = inside(images, name)
    if path.is_file() and file_hash(path) == digest:  # kept before, so it was decoded
        return name
    writable(path.parent)
    try:
        with atomic_file(path) as temporary:
            temporary.write_bytes(picture)
            decode(temporary).close()
    except HairsplitError as error:
        return Reject(where, "broken_image", error.message)
    return name


def picture_suffix(picture: bytes) -> str | None:
    """Suffix of an encoded picture by what it is, whatever its name was; None if it is none that is read."""
    try:
        with Image.open(BytesIO(picture), formats=FORMATS) as opened:
            return _SUFFIXES.get(opened.format or "")
    except Exception:  # of damaged files Pillow raises nearly anything
        return None
