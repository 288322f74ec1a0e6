"""Which pictures of a table stand in another table or folder too: by id, by content, by look."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import inside
from hairsplit.core.tables import read_meta
from hairsplit.data.leaks import UNNAMED_SOURCES, content_keys
from hairsplit.data.perceptual import MOST_BITS, Looks, looks, near_pairs
from hairsplit.evaluate.audit_columns import PairColumns, read_columns

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm"})
SHOWN = 12
"""Pairs of pictures named per set."""
WAYS = {
    "id": "the same image id in the same data set",
    "name": "the same file name, which proves nothing",
    "content": "the same bytes",
    "look": "the same look: resized, re-encoded or a little cropped",
}


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of a table or a folder, as paths below a root."""

    label: str
    root: Path
    names: list[str]
    """Those that are there, sorted."""
    missing: int
    """Named by the table but not there, or outside the root."""
    ids: Mapping[tuple[str, str, str], str]
    """(kind of name space, its name, image_id) -> picture; a folder has none."""
    _looks: list[Looks] = field(default_factory=list)

    def looks(self, workers: int | None) -> Looks:
        """Hashes and thumbnails, made once."""
        if not self._looks:
            self._looks.append(looks(self.root, self.names, workers=workers))
        return self._looks[0]


def pictures_of_table(table: PairColumns, root: Path, label: str) -> Pictures:
    """The pictures of a table that are below `root`; `root` need not exist."""
    space = str(root.resolve())
    ids: dict[tuple[str, str, str], str] = {}
    triples = np.unique(np.stack([table.image, table.image_id, table.source], axis=1), axis=0)
    for image, image_id, source in triples.tolist():
        name, key = table.images[image], table.image_ids[image_id]
        ids["root", space, key] = name
        if table.sources[source] not in UNNAMED_SOURCES:
            ids["source", table.sources[source], key] = name
    there = [name for name in sorted(table.images) if _is_there(root, name)]
    return Pictures(label, root, there, len(table.images) - len(there), ids)


def pictures_of(path: Path) -> Pictures:
    """The pictures of a pairs table, or all below a folder.

    Raises:
        HairsplitError: No such path, not a pairs table, or a folder without pictures.
    """
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file()]
        names = sorted(file.relative_to(path).as_posix() for file in files)
        names = [name for name in names if _is_there(path, name)]
        if not names:
            raise HairsplitError("no picture is below this folder", where=str(path), hint="check --against")
        return Pictures(str(path), path, names, len(files) - len(names), {})
    meta = read_meta(path)
    return pictures_of_table(read_columns(path), path.parent / meta.images_root, str(path))


def _is_there(root: Path, name: str) -> bool:
    try:
        return inside(root, name).is_file()
    except (HairsplitError, OSError):
        return False


def compare_pictures(
    mine: Pictures, other: Pictures, *, look: bool = True, most_bits: int = MOST_BITS, workers: int | None = None
) -> dict[str, Any]:
    """How many pictures of `mine` stand in `other`, by each of `WAYS`, as a record for JSON.

    `overlap` are those found by id, content or look. Pictures that are missing can be found by id only; they are
    counted, as are those that cannot be decoded, so that no overlap and no look are not mistaken for each other.
    """
    by_id = {name: other.ids[key] for key, name in mine.ids.items() if key in other.ids}
    stems = {PurePosixPath(name).stem: name for name in reversed(other.names)}
    by_name = {name: stems[PurePosixPath(name).stem] for name in mine.names if PurePosixPath(name).stem in stems}
    by_content = same_content(mine, other, workers=workers)
    by_look: dict[str, tuple[str, int]] = {}
    unreadable = 0
    if look:
        one, two = mine.looks(workers), other.looks(workers)
        unreadable = len(one.unreadable) + len(two.unreadable)
        for i, j, bits in near_pairs(one, two, most_bits=most_bits):
            if one.names[i] not in by_look or bits < by_look[one.names[i]][1]:
                by_look[one.names[i]] = (two.names[j], bits)
    overlap = sorted(by_id.keys() | by_content.keys() | by_look.keys())
    return {
        "against": other.label,
        "pictures": len(other.names),
        "missing": {"mine": mine.missing, "theirs": other.missing},
        "unreadable": unreadable,
        "id": len(by_id),
        "name": len(by_name),
        "content": len(by_content),
        "look": len(by_look) if look else None,
        "overlap": len(overlap),
        "images": overlap,
        "examples": [
            {
                "mine": name,
                "theirs": by_content.get(name) or by_look.get(name, ("",))[0] or by_id[name],
                "ways": [
                    w for w, found in (("id", by_id), ("content", by_content), ("look", by_look)) if name in found
                ],
                "bits": by_look[name][1] if name in by_look else None,
            }
            for name in sorted(overlap, key=lambda n: (n in by_content, n))[:SHOWN]
        ],
    }


def same_content(mine: Pictures, other: Pictures, *, workers: int | None = None) -> dict[str, str]:
    """Picture of `mine` -> a picture of `other` with the same bytes; only files of a size common to both are read."""
    sizes, theirs = _by_size(mine), _by_size(other)
    common = sizes.keys() & theirs.keys()
    keys = {key: name for name, key in content_keys(other.root, _of(theirs, common), workers=workers).items()}
    own = content_keys(mine.root, _of(sizes, common), workers=workers)
    return {name: keys[key] for name, key in own.items() if key in keys}


def copies_inside(mine: Pictures, *, workers: int | None = None) -> list[list[str]]:
    """Groups of pictures of a table that are the same file under several names: a split by image would tear them."""
    sizes = {size: names for size, names in _by_size(mine).items() if len(names) > 1}
    groups: dict[int, list[str]] = defaultdict(list)
    for name, key in content_keys(mine.root, _of(sizes, sizes.keys()), workers=workers).items():
        groups[key].append(name)
    return sorted(names for names in groups.values() if len(names) > 1)


def _by_size(pictures: Pictures) -> dict[int, list[str]]:
    sizes: dict[int, list[str]] = defaultdict(list)
    for name in pictures.names:
        sizes[inside(pictures.root, name).stat().st_size].append(name)
    return sizes


def _of(sizes: Mapping[int, list[str]], wanted: Iterable[int]) -> list[str]:
    return [name for size in wanted for name in sizes[size]]
