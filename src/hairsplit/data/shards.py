"""Write a pairs table and its pictures as WebDataset tar shards, which clusters stream."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Literal

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import check_root, inside
from hairsplit.core.run import filled_folder
from hairsplit.core.tables import iterate_pairs, read_meta
from hairsplit.core.types import Pair
from hairsplit.data.unpacking import picture_suffix

SHARD_MEGABYTES = 256


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What was written."""

    out: Path
    shards: int
    samples: int
    pairs: int
    megabytes: float

    def __str__(self) -> str:
        last = f"{self.out}/{shard_name(0)}" if self.shards == 1 else f"{self.out}/{pattern(self.shards)}"
        return (
            f"{self.pairs:,} pairs in {self.samples:,} samples, {self.shards} shard{'s' * (self.shards != 1)} "
            f"({self.megabytes:,.1f} MB): {last}"
        )


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"shard-{number:06d}.tar"


def pattern(count: int) -> str:
    """What WebDataset calls so many shards."""
    return f"shard-{{000000..{count - 1:06d}}}.tar"


def export_webdataset(
    table: Path,
    out: Path,
    *,
    images: Path | None = None,
    samples: Literal["images", "pairs"] = "images",
    shard_megabytes: int = SHARD_MEGABYTES,
) -> ExportReport:
    """Write the pairs of `table` as shards into the folder `out`; the same table gives the same bytes.

    A sample is `KEY.image.jpg` (the file's own bytes), `KEY.caption.txt`, `KEY.negative.txt` (if there is one) and
    `KEY.json` with all columns. Pairs are read row by row, so a table of any size needs little memory.

    Args:
        table: The pairs table.
        out: Folder for the shards; new or empty. On failure it is left empty.
        images: Images root, if not the one that the table names.
        samples: `images`: rows of one image that follow each other make one sample, its captions and negatives one a
            line, side by side. `pairs`: each row makes a sample, with its picture once more.
        shard_megabytes: A shard is closed when it is as large as that.

    Raises:
        HairsplitError: Not a pairs table, a picture is missing or none, or `out` holds something already.
    """
    root = images if images is not None else table.parent / read_meta(table).images_root
    check_root(root)
    groups = enumerate(_grouped(iterate_pairs(table), samples))
    counts = {"shards": 0, "samples": 0, "pairs": 0, "bytes": 0}
    with filled_folder(out) as folder:
        while _shard(folder / shard_name(counts["shards"]), groups, root, shard_megabytes * 1_000_000, counts):
            counts["shards"] += 1
        if not counts["samples"]:
            raise HairsplitError("the table has no pair", where=str(table), hint="look at its rejects")
    return ExportReport(
        out=out,
        shards=counts["shards"],
        samples=counts["samples"],
        pairs=counts["pairs"],
        megabytes=counts["bytes"] / 1e6,
    )


def _shard(path: Path, groups: Iterator[tuple[int, list[Pair]]], root: Path, most: int, counts: dict[str, int]) -> bool:
    """Write the next shard, of `most` bytes or a little more; False if nothing is left to write."""
    first = next(groups, None)
    if first is None:
        return False
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for number, rows in chain([first], groups):
            for name, data in _members(f"{number:09d}", rows, root):
                member = tarfile.TarInfo(name)  # time 0, no owner: the same bytes again
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
            archive.members = []  # type: ignore[attr-defined] # it would remember every member
            counts["samples"] += 1
            counts["pairs"] += len(rows)
            if archive.offset >= most:
                break
    counts["bytes"] += path.stat().st_size
    return True


def _grouped(pairs: Iterator[Pair], samples: Literal["images", "pairs"]) -> Iterator[list[Pair]]:
    if samples == "pairs":
        return ([pair] for pair in pairs)
    return (list(rows) for _, rows in groupby(pairs, key=lambda pair: pair.image))


def _members(key: str, rows: list[Pair], root: Path) -> Iterator[tuple[str, bytes]]:
    image = rows[0].image
    try:
        picture = inside(root, image).read_bytes()
    except OSError as error:
        raise HairsplitError(
            f"cannot read the picture {image!r} ({error.strerror})", where=str(root), hint="check --images"
        ) from None
    suffix = picture_suffix(picture)
    if suffix is None:
        raise HairsplitError(f"{image!r} is not a picture", where=str(root), hint="fetch it again")
    yield f"{key}.image.{suffix}", picture
    yield f"{key}.caption.txt", _text([row.caption for row in rows])
    if any(row.negative is not None for row in rows):
        yield f"{key}.negative.txt", _text([row.negative or "" for row in rows])
    yield f"{key}.json", msgspec.json.encode({"image_id": rows[0].image_id, "pairs": [_record(row) for row in rows]})


def _text(lines: list[str]) -> bytes:
    return "\n".join(" ".join(line.split()) for line in lines).encode()


def _record(pair: Pair) -> dict[str, str | float]:
    edit = pair.edit
    columns = {name: value for name, value in vars(pair).items() if name not in {"image", "edit"}}
    if edit is not None:
        columns |= {"edit_role": edit.role, "edit_from": edit.before, "edit_to": edit.after}
    return {name: value for name, value in columns.items() if value is not None}
