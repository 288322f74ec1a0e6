"""Evaluation never leaks: images of an evaluation set are refused in training, by id and by content."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import inside
from hairsplit.core.run import file_hash
from hairsplit.core.tables import PairsTable
from hairsplit.data._parallel import parallel_map
from hairsplit.data.rows import rows_of

UNNAMED_SOURCES = frozenset({"jsonl", "csv", "unpacked", "webdataset"})
"""Sources that name a file format, not a data set: two such tables may well use one id for two pictures."""


def content_keys(root: Path, images: Iterable[str], *, workers: int | None = None) -> dict[str, int]:
    """A 63-bit key of each unique image file's bytes: equal for copies of a file, whatever their names.

    The same picture encoded twice has two keys.

    Raises:
        HairsplitError: A file is missing or unreadable, or its path leaves the root.
    """
    unique = sorted(set(images))

    def key(image: str) -> int:
        try:
            return int(file_hash(inside(root, image))[:16], 16) >> 1
        except OSError as error:
            raise _unreadable(root, image, error) from None

    return dict(zip(unique, parallel_map(key, unique, label="hashing pictures", workers=workers), strict=True))


def refuse_overlap(train: PairsTable, evaluation: Sequence[PairsTable]) -> None:
    """Refuse to train on a picture that an evaluation set holds.

    By content: a file of the same bytes, always. By id: the same `image_id`, if both tables have the same images root
    or rows of the same source (a data set, whose ids name one picture each, so that a resized copy is found too). Rows
    whose source is only the name of a file format have no ids in common with other folders.

    Raises:
        HairsplitError: Names the evaluation set, how many of its images are in training, and some of them; or a file
            is missing.
    """
    train_ids = _named_ids(train)
    train_sizes = _by_size(train)
    hashed: dict[str, int] = {}  # of training images, each once for all evaluation sets
    for table in evaluation:
        shared = {image for name, image in _named_ids(table).items() if name in train_ids}
        sizes = _by_size(table)
        common = train_sizes.keys() & sizes.keys()  # files of different size differ: only the others are read
        suspects = {image for size in common for image in train_sizes[size]} - hashed.keys()
        hashed |= content_keys(train.root, suspects)
        contents = set(hashed.values())
        keys = content_keys(table.root, (image for size in common for image in sizes[size]))
        shared |= {image for image, key in keys.items() if key in contents}
        if shared:
            total = len(rows_of(table).images.present())
            some = ", ".join(sorted(shared)[:5]) + (", ..." if len(shared) > 5 else "")
            raise HairsplitError(
                f"{len(shared):,} of its {total:,} images are in the training set {train.path} too: {some}",
                where=str(table.path),
                hint="make the training set again without the images of the evaluation set (exclude_image_ids)",
            )


def _named_ids(table: PairsTable) -> dict[tuple[str, str, str], str]:
    """(kind of name space, its name, image_id) -> image."""
    root = str(table.root.resolve())
    found: dict[tuple[str, str, str], str] = {}
    for image, image_id, source in rows_of(table).places():
        found["root", root, image_id] = image
        if source not in UNNAMED_SOURCES:
            found["source", source, image_id] = image
    return found


def _by_size(table: PairsTable) -> dict[int, list[str]]:
    sizes: dict[int, list[str]] = defaultdict(list)
    for image in rows_of(table).images.present():
        try:
            sizes[inside(table.root, image).stat().st_size].append(image)
        except OSError as error:
            raise _unreadable(table.root, image, error) from None
    return sizes


def _unreadable(root: Path, image: str, error: OSError) -> HairsplitError:
    return HairsplitError(
        f"cannot read the picture {image!r} ({error.strerror or error})", where=str(root), hint="check --images"
    )
