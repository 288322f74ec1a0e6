"""Import: annotations in any format and their pictures into a pairs table; what is left out is counted and listed."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from hairsplit.core.catalog import nearest
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file, file_hash, text_hash
from hairsplit.core.tables import PairsMeta, relative_root, write_pairs
from hairsplit.core.types import Pair, Reject
from hairsplit.data._pictures import Pictures
from hairsplit.data.formats import FORMATS, REASONS, Note, Row


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What an import kept and what it left out."""

    out: Path
    """The pairs table."""
    rejects_file: Path
    """One JSON object {where, reason, detail} per row left out; empty if there is none."""
    read: int
    """Rows of the annotation file that were looked at."""
    pairs: int
    images: int
    kinds: Mapping[str, int]
    """Kind -> pairs."""
    rejects: Mapping[str, int]
    """Reason -> rows left out; the reasons are explained in `hairsplit.data.formats.REASONS`."""
    notes: Mapping[str, int]
    """Oddity -> rows that were kept in spite of it."""

    def __str__(self) -> str:
        lines = [f"{self.pairs:,} pairs of {self.images:,} images, from {self.read:,} rows, are in {self.out}"]
        if self.rejects:
            lines.append(f"{sum(self.rejects.values()):,} rows were left out (see {self.rejects_file}):")
            lines += _counted(self.rejects)
        if self.notes:
            lines.append("kept, but worth knowing: " + ", ".join(f"{n:,} x {what}" for what, n in self.notes.items()))
        return "\n".join(lines)


@dataclass
class _Tally:
    """Counts of a running import; rejects go to their file at once."""

    file: TextIO
    read: int = 0
    pairs: int = 0
    images: set[str] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    def reject(self, row: Reject) -> None:
        self.rejects[row.reason] += 1
        entry = {"where": row.where, "reason": row.reason, "detail": row.detail}
        self.file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def keep(self, pair: Pair) -> None:
        self.pairs += 1
        self.images.add(pair.image)
        self.kinds[pair.kind] += 1

    def report(self, out: Path, rejects_file: Path) -> ImportReport:
        return ImportReport(
            out=out,
            rejects_file=rejects_file,
            read=self.read,
            pairs=self.pairs,
            images=len(self.images),
            kinds=dict(sorted(self.kinds.items())),
            rejects=dict(sorted(self.rejects.items())),
            notes=dict(sorted(self.notes.items())),
        )


@dataclass(frozen=True)
class _Choice:
    """Which rows of which file are asked for."""

    format_name: str
    annotations: Path
    kinds: frozenset[str] | None
    excluded: Set[str]

    def settings(self) -> dict[str, object]:
        """For the metadata of the table."""
        kinds = None if self.kinds is None else sorted(self.kinds)
        return {"format": self.format_name, "kinds": kinds, "excluded_images": len(self.excluded)}

    def rows(self) -> Iterator[Row]:
        """The reader's rows; pairs that were not asked for come as rejects.

        Raises:
            HairsplitError: The file is torn or of another shape; at its end, if a kind asked for is in no row.
        """
        seen: set[str] = set()
        for row in FORMATS[self.format_name].read(self.annotations):
            if not isinstance(row, Pair):
                yield row
                continue
            seen.add(row.kind)
            where = f"{self.annotations.name}, image {row.image}"
            if self.kinds is not None and row.kind not in self.kinds:
                yield Reject(where, "excluded_kind", row.kind)
            elif row.image_id in self.excluded:
                yield Reject(where, "excluded_image", row.image_id)
            else:
                yield row
        unseen = sorted((self.kinds or set()) - seen)
        if unseen and seen:
            raise HairsplitError(
                f"no row is of the kind {unseen[0]!r}",
                where=str(self.annotations),
                hint=nearest(unseen[0], sorted(seen)),
            )


def import_pairs(
    format_name: str,
    annotations: Path,
    images: Path,
    out: Path,
    *,
    over_long: Callable[[str], bool] | None = None,
    check_images: bool = True,
    kinds: Collection[str] | None = None,
    limit: int | None = None,
    exclude_image_ids: Collection[str] = (),
    overwrite: bool = False,
    workers: int | None = None,
) -> ImportReport:
    """Read `annotations`, find and check their pictures below `images`, and write the pairs table `out` atomically.

    Beside `out` comes `<stem>.rejects.jsonl`. Nothing but the order of the annotation file decides the order of rows.

    Args:
        format_name: A name of `FORMATS`.
        annotations: The annotation file.
        images: The images root; stored in the table relative to `out`.
        out: The table to write.
        over_long: Whether a text has more tokens than the model reads; such rows are left out.
        check_images: Decode each picture once. Otherwise the files are only found, and a broken one stops the training.
        kinds: Keep rows of these kinds only.
        limit: Stop after so many pairs; the rest of the file is not looked at.
        exclude_image_ids: Leave these images out, such as those of an evaluation set.
        overwrite: Replace `out` if it exists.
        workers: Threads that check pictures; up to 8 by default.

    Raises:
        HairsplitError: Unknown format or kind; a path is missing or `out` exists; the annotations are torn or of
            another shape; no pair is left (then only the rejects file is written).
    """
    choice = _Choice(format_name, annotations, None if kinds is None else frozenset(kinds), set(exclude_image_ids))
    rejects_file = out.with_name(f"{out.stem}.rejects.jsonl")
    _check_places(choice, images, (out, rejects_file), overwrite=overwrite)
    if limit is not None and limit < 1:
        raise HairsplitError(f"limit is {limit}", where="import", hint="at least 1, or leave it out")
    pictures = Pictures(images, check_images)
    if check_images and limit is None:  # with a limit most pictures may not be needed: each is checked as it comes up
        pictures.look_at((row.image for row in choice.rows() if isinstance(row, Pair)), workers)
    with atomic_file(rejects_file) as temporary, temporary.open("w", encoding="utf-8") as file:
        tally = _Tally(file)
        pairs = islice(_admitted(choice.rows(), pictures, over_long, tally), limit)
        first = next(pairs, None)
        if first is not None:
            config = choice.settings() | {"check_images": check_images, "limit": limit}
            root = relative_root(out, images)
            _write(out, chain([first], pairs), tally, annotations=annotations, root=root, config=config)
    if first is None:
        raise _nothing_left(tally, choice, images, rejects_file)
    return tally.report(out, rejects_file)


def _nothing_left(tally: _Tally, choice: _Choice, images: Path, rejects_file: Path) -> HairsplitError:
    reasons = "\n".join(_counted(tally.rejects)) or "  the file has no rows"
    return HairsplitError(
        f"no pair is left of {tally.read:,} rows; nothing was imported\n{reasons}",
        where=str(choice.annotations),
        hint=f"each row left out is in {rejects_file}; if pictures are missing, check the images folder {images}",
    )


def _check_places(choice: _Choice, images: Path, outputs: tuple[Path, Path], *, overwrite: bool) -> None:
    FORMATS[choice.format_name]  # an unknown format is the first thing to hear of
    if not choice.annotations.is_file():
        what = "is a folder" if choice.annotations.is_dir() else "no such annotation file"
        raise HairsplitError(what, where=str(choice.annotations), hint="give the annotation file of the data set")
    if not images.is_dir():
        raise HairsplitError("the images folder does not exist", where=str(images), hint="say where: --images DIR")
    for out in outputs:
        if out.exists() and out.samefile(choice.annotations):
            raise HairsplitError("would replace the annotation file", where=str(out), hint="choose another --out")
    if outputs[0].is_dir() or (outputs[0].exists() and not overwrite):
        raise HairsplitError(
            "exists already; nothing was changed", where=str(outputs[0]), hint="choose another --out, or overwrite it"
        )


def _admitted(
    rows: Iterator[Row], pictures: Pictures, over_long: Callable[[str], bool] | None, tally: _Tally
) -> Iterator[Pair]:
    """Yield the pairs that can be trained on or evaluated; the others are counted and written to the rejects file."""
    before: set[int] = set()
    for row in rows:
        if isinstance(row, Note):
            tally.notes[row.what] += 1
            continue
        tally.read += 1
        if isinstance(row, Reject):
            tally.reject(row)
            continue
        where = f"row {tally.read}, image {row.image}"
        if over_long is not None and any(over_long(text) for text in (row.caption, row.negative) if text):
            tally.reject(Reject(where, "over_long_tokens", max(row.caption, row.negative or "", key=len)))
            continue
        picture = pictures[row.image]
        if picture.path is None:
            tally.reject(Reject(where, picture.reason, picture.detail))
            continue
        key = _key(picture.path, row.caption, row.negative or "")
        if key in before:
            tally.reject(Reject(where, "duplicate_pair", f"{row.caption} / {row.negative}"))
            continue
        before.add(key)
        group = row.group_id or text_hash(f"{picture.path}\x1f{row.caption}")[:16]
        yield replace(row, image=picture.path, group_id=group)


def _write(
    out: Path, pairs: Iterator[Pair], tally: _Tally, *, annotations: Path, root: str, config: Mapping[str, object]
) -> None:
    """Write the table; its metadata is written behind the last pair, when the counts are known."""
    counts: dict[str, int] = {}

    def counted() -> Iterator[Pair]:
        for pair in pairs:
            tally.keep(pair)
            yield pair
        counts.update({"read": tally.read, "images": len(tally.images)})
        counts.update({f"kind/{kind}": n for kind, n in sorted(tally.kinds.items())})
        counts.update({f"note/{what}": n for what, n in sorted(tally.notes.items())})

    sources = {annotations.name: file_hash(annotations)}
    write_pairs(out, counted(), PairsMeta(root, sources, config, counts, tally.rejects))


def _key(*texts: str) -> int:
    """64 bits instead of three strings: millions of pairs are remembered."""
    return int.from_bytes(hashlib.blake2b("\x1f".join(texts).encode(), digest_size=8).digest(), "big")


def _counted(rejects: Mapping[str, int]) -> list[str]:
    return [f"  {n:>9,}  {reason}: {REASONS.get(reason, reason)}" for reason, n in sorted(rejects.items())]
