"""Which rows come into the table: rows of a format in, a block of checked pairs and counted rejects out."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hairsplit.core.tables import SCHEMA, arrow_table
from hairsplit.core.types import Pair, Reject
from hairsplit.data._pictures import Picture, Pictures
from hairsplit.data.formats import ImageRows, Note, Row
from hairsplit.data.formats._rows import checked, is_clean, kind_name, plain_path, without_suffix

ASKED = ("excluded_kind", "excluded_image", "noisy", "ambiguous", "not_drawn")
"""Reasons that the user gave: such rows are counted but not listed, for there may be millions."""

_ASKED = {reason: Reject("", reason) for reason in ASKED}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a row must be like."""

    kinds: frozenset[str] | None
    excluded: frozenset[str]
    """Image ids."""
    drops: frozenset[str]
    """Of `Format.drops`."""
    over_long: Callable[[str], bool] | None
    seed: int | None
    """Of the pairs' ranks; None: nothing is drawn, so that no ranks are needed."""

    def unwanted(self, kind: str, image_id: str) -> str:
        """The user's own reason to leave the row out, if there is one."""
        if self.kinds is not None and kind not in self.kinds:
            return "excluded_kind"
        return "excluded_image" if image_id in self.excluded else ""

    def too_long(self, caption: str, negative: str | None) -> bool:
        """Whether the model would read one of the texts in part only."""
        over_long = self.over_long
        return over_long is not None and (over_long(caption) or (negative is not None and over_long(negative)))


@dataclass
class Block:
    """What became of some consecutive rows."""

    read: int = 0
    """Rows looked at."""
    table: pa.Table = field(default_factory=SCHEMA.empty_table)
    """The pairs that are kept."""
    places: list[int] = field(default_factory=list)
    """The how-manieth row of the block each pair was, from 1."""
    rejects: list[tuple[int, Reject]] = field(default_factory=list)
    """With the place of the row."""
    notes: list[tuple[int, str]] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    """Kinds of all rows, kept or not."""
    images: list[str] = field(default_factory=list)
    """Images all rows of which are in this block, by path."""
    ranks: npt.NDArray[np.uint64] | None = None
    """Of each pair, uniform and seeded."""
    fetched: int = 0
    """Bytes of the file that were read so far."""

    def reject(self, row: Reject) -> None:
        """Count the row just read as left out."""
        self.rejects.append((self.read, _ASKED.get(row.reason, row)))

    def cut(self, most: int) -> "Block":
        """The block up to the row that is its pair number `most`."""
        if self.table.num_rows < most:
            return self
        last = self.places[most - 1]
        return replace(
            self,
            read=last,
            table=self.table.slice(0, most),
            rejects=[found for found in self.rejects if found[0] <= last],
            notes=[found for found in self.notes if found[0] <= last],
            ranks=None if self.ranks is None else self.ranks[:most],
        )


class Seen:
    """Pairs that came before, at 8 bytes each: 64-bit hashes, the last ones in a set, the others sorted."""

    def __init__(self, recent: int = 1 << 19) -> None:
        self._most = recent
        self._recent: set[int] = set()
        self._old = np.empty(0, np.uint64)

    def is_new(self, *texts: str) -> bool:
        """Whether these texts were not asked about before."""
        key = rank(*texts)
        at = int(np.searchsorted(self._old, np.uint64(key))) if len(self._old) else 0
        if key in self._recent or (at < len(self._old) and int(self._old[at]) == key):
            return False
        self._recent.add(key)
        if len(self._recent) >= self._most:
            new = np.fromiter(self._recent, np.uint64, len(self._recent))
            self._old = np.sort(np.concatenate([self._old, new]))
            self._recent.clear()
        return True


def rank(*texts: str) -> int:
    """64 bits that depend on the texts only."""
    return int.from_bytes(hashlib.blake2b("\x1f".join(texts).encode(), digest_size=8).digest(), "big")


def admit_rows(rules: Rules, pictures: Pictures, rows: Sequence[Row], *, first: int, seen: Seen, threads: int) -> Block:
    """Sort out rows of any image; `first` is the number of the first one."""
    wanted = [row for row in rows if isinstance(row, Pair) and not rules.unwanted(row.kind, row.image_id)]
    pictures.look_at((row.image for row in wanted), threads, label="checking pictures")
    block = Block()
    kept: list[Pair] = []
    for row in rows:
        if isinstance(row, Note):
            block.notes.append((block.read + 1, row.what))
            continue
        block.read += 1
        pair = _admitted(rules, pictures, row, name=f"row {first + block.read - 1}", seen=seen, block=block)
        if pair is not None:
            kept.append(pair)
            block.places.append(block.read)
    if kept:
        block.table = arrow_table(kept)
    _ranked(rules, block, ((pair.image, pair.caption, pair.negative) for pair in kept))
    return block


def _admitted(
    rules: Rules, pictures: Pictures, row: Pair | Reject, *, name: str, seen: Seen, block: Block
) -> Pair | None:
    if isinstance(row, Reject):
        block.reject(row)
        return None
    block.kinds.add(row.kind)
    unwanted = rules.unwanted(row.kind, row.image_id)
    if unwanted:
        block.reject(_ASKED[unwanted])
        return None
    where = f"{name}, image {row.image}"
    if rules.too_long(row.caption, row.negative):
        block.reject(_over_long(where, row.caption, row.negative))
        return None
    picture = pictures[row.image]
    if picture.path is None:
        block.reject(Reject(where, picture.reason, picture.detail))
        return None
    if not seen.is_new(picture.path, row.caption, row.negative or ""):
        block.reject(Reject(where, "duplicate_pair", f"{row.caption} / {row.negative}"))
        return None
    return replace(row, image=picture.path, group_id=row.group_id or _group(picture.path, row.caption))


def admit_images(rules: Rules, pictures: Pictures, images: Iterable[ImageRows], *, source: str, threads: int) -> Block:
    """Sort out all rows of some images.

    There are millions: hence plain lists, and the checks that nearly every row passes come first and in few calls.
    """
    images = list(images)
    names = [plain_path(image.image) for image in images]
    ids = [without_suffix(name or "") for name in names]
    wanted = (name for name, known in zip(names, ids, strict=True) if name and known not in rules.excluded)
    pictures.look_at(wanted, threads)
    block = Block()
    columns: dict[str, list[str | None]] = {
        name: [] for name in ("image", "image_id", "caption", "negative", "kind", "group_id")
    }
    for image, name, image_id in zip(images, names, ids, strict=True):
        excluded = name is None or image_id in rules.excluded
        picture = Picture(None) if name is None or excluded else pictures[name]
        block.images.append(picture.path or name or image.image)
        before = len(block.places)
        _admit_image(rules, picture, image, image_id=image_id, source=source, block=block, columns=columns)
        columns["image"] += [picture.path] * (len(block.places) - before)
        columns["image_id"] += [image_id] * (len(block.places) - before)
    rows = len(block.places)
    constant = {"source": pa.repeat(pa.scalar(source, pa.string()), rows)}
    block.table = pa.table(
        [
            constant.get(name, columns[name] if name in columns else pa.nulls(rows, SCHEMA.field(name).type))
            for name in SCHEMA.names
        ],
        schema=SCHEMA,
    )
    _ranked(rules, block, zip(columns["image"], columns["caption"], columns["negative"], strict=True))
    return block


def _admit_image(
    rules: Rules,
    picture: Picture,
    image: ImageRows,
    *,
    image_id: str,
    source: str,
    block: Block,
    columns: dict[str, list[str | None]],
) -> None:
    seen: set[tuple[str, str | None]] = set()
    groups: dict[str, str] = {}
    choosy = rules.kinds is not None or image_id in rules.excluded
    over_long = rules.over_long
    add_caption, add_negative = columns["caption"].append, columns["negative"].append
    add_kind, add_group, add_place = columns["kind"].append, columns["group_id"].append, block.places.append
    see_kind = block.kinds.add
    for row in image.rows:
        block.read += 1
        if isinstance(row, Reject):
            block.reject(row)
            continue
        at, caption, negative, kind = row
        kind = kind_name(kind)
        if image_id == "" or not is_clean(caption, negative):
            where = image.where + at
            found = checked(where, image=image.image, caption=caption, negative=negative, kind=kind, source=source)
            pair = _tidied(found, block)
            if pair is None:
                continue
            caption, negative = pair.caption, pair.negative
        caption = caption or ""  # it is none of these: `is_clean` or `checked` has seen to it
        see_kind(kind)
        if choosy and (unwanted := rules.unwanted(kind, image_id)):
            block.reject(_ASKED[unwanted])
        elif over_long is not None and (over_long(caption) or over_long(negative or "")):
            block.reject(_over_long(image.where + at, caption, negative))
        elif picture.path is None:
            block.reject(Reject(image.where + at, picture.reason, picture.detail))
        elif (caption, negative) in seen:
            block.reject(Reject(image.where + at, "duplicate_pair", f"{caption} / {negative}"))
        else:
            seen.add((caption, negative))
            group = groups.get(caption)
            if group is None:
                group = groups[caption] = _group(picture.path, caption)
            add_caption(caption)
            add_negative(negative)
            add_kind(kind)
            add_group(group)
            add_place(block.read)


def _tidied(rows: Iterator[Row], block: Block) -> Pair | None:
    for row in rows:
        if isinstance(row, Pair):
            return row
        if isinstance(row, Reject):
            block.reject(row)
        else:
            block.notes.append((block.read, row.what))
    return None


def _ranked(rules: Rules, block: Block, pairs: Iterable[tuple[str | None, str | None, str | None]]) -> None:
    if rules.seed is not None:
        seed = str(rules.seed)
        block.ranks = np.array([rank(seed, *(text or "" for text in pair)) for pair in pairs], np.uint64)


def _group(path: str, caption: str) -> str:
    return hashlib.blake2b(f"{path}\x1f{caption}".encode(), digest_size=8).hexdigest()


def _over_long(where: str, caption: str, negative: str | None) -> Reject:
    return Reject(where, "over_long_tokens", max(caption, negative or "", key=len))
