"""A table in several files of a bounded number of images: the rows of one file, cut between two images."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyarrow as pa

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_folder
from hairsplit.core.tables import PairsMeta, relative_root, write_blocks

PIECE = "piece"
"""Key of the metadata of one file: its number, and whether it is the last."""


def write_pieces(folder: Path, blocks: Iterable[pa.Table], meta: PairsMeta, images: int) -> None:
    """Write rows that are sorted by image to `folder`, up to `images` images a file, all files or none.

    Each file is a pairs table of its own, with its own counts and the rejects of the whole. `merge_tables` makes the
    one file of them that would have been written otherwise.

    Args:
        folder: Must not exist; its files are `part-00000.parquet` and so on.
        blocks: The rows.
        meta: Of the whole, with an images root relative to the parent of `folder`.
        images: Images a file.
    """
    root = relative_root(folder / "part", folder.parent / meta.images_root)
    with atomic_folder(folder) as temporary:
        for number, group in groupby(_numbered(blocks, images), key=itemgetter(0)):
            piece, kinds = {"number": number, "last": False}, Counter[str]()
            own = replace(meta, images_root=root, config={**meta.config, PIECE: piece}, counts=kinds)
            write_blocks(temporary / f"part-{number:05d}.parquet", _counted(group, piece, kinds), own)


def _counted(
    group: Iterable[tuple[int, pa.Table, bool]], piece: dict[str, int], kinds: Counter[str]
) -> Iterator[pa.Table]:
    """The rows of a file; what its metadata says of them is known when they have passed."""
    for _, rows, last in group:
        kinds.update(rows.column("kind").to_pylist())
        piece["last"] = last
        yield rows


def _numbered(blocks: Iterable[pa.Table], images: int) -> Iterator[tuple[int, pa.Table, bool]]:
    """Yield rows with the number of their file, and whether no more follow."""
    held: tuple[int, pa.Table] | None = None
    for cut in _cut(blocks, images):
        if held is not None:
            yield *held, False
        held = cut
    if held is not None:
        yield *held, True


def _cut(blocks: Iterable[pa.Table], images: int) -> Iterator[tuple[int, pa.Table]]:
    seen, previous = 0, None
    for block in blocks:
        start = 0
        for at, image_id in enumerate(block.column("image_id").to_pylist()):
            if image_id == previous:
                continue
            if seen and seen % images == 0 and at > start:
                yield (seen - 1) // images, block.slice(start, at - start)
                start = at
            seen, previous = seen + 1, image_id
        if start < block.num_rows:
            yield (seen - 1) // images, block.slice(start)


def files_of(parts: Sequence[Path]) -> list[Path]:
    """The tables themselves, and those in folders, sorted by name.

    Raises:
        HairsplitError: A folder has none.
    """
    found: list[Path] = []
    for part in parts:
        files = sorted(part.glob("*.parquet")) if part.is_dir() else [part]
        if not files:
            raise HairsplitError("no table is in the folder", where=str(part), hint="name one of --shard-size")
        found += files
    return found


def is_cut(metas: Mapping[Path, PairsMeta]) -> bool:
    """Whether tables are the files of one that was cut, all of them.

    Raises:
        HairsplitError: Some are and some are not, or a file is missing.
    """
    pieces = {path: meta.config[PIECE] for path, meta in metas.items() if PIECE in meta.config}
    if not pieces:
        return False
    other = next((path for path in metas if path not in pieces), None)
    if other is not None:
        raise HairsplitError("no file of --shard-size, as others are", where=str(other), hint="merge it in another run")
    numbers = {piece["number"] for piece in pieces.values()}
    end = next((piece["number"] for piece in pieces.values() if piece["last"]), max(numbers) + 1)
    missing = sorted(set(range(end + 1)) - numbers)
    if missing:
        named = f"part-{missing[0]:05d}.parquet"
        raise HairsplitError(f"{named} is missing", where="merge", hint="give the folder that has all files")
    return True
