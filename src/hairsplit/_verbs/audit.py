"""`hairsplit audit`: what a table's texts give away, what contradicts itself, what an evaluation set shares with it."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import check_root
from hairsplit.core.run import atomic_file, file_hash, filled_folder, stamp, write_json
from hairsplit.core.tables import read_meta
from hairsplit.core.types import Pair, Reject
from hairsplit.data.formats import FORMATS
from hairsplit.data.perceptual import BITS
from hairsplit.evaluate.audit import audit_pairs
from hairsplit.evaluate.audit_columns import PairColumns, columns_of, read_columns
from hairsplit.evaluate.audit_overlap import Pictures, compare_pictures, copies_inside, pictures_of, pictures_of_table
from hairsplit.evaluate.audit_sample import sample_pairs
from hairsplit.report.audit_page import write_audit_page

VERSION = 1


@dataclass(frozen=True)
class _Source:
    """The rows to audit and where their pictures are said to be."""

    table: PairColumns
    root: Path
    rejects: dict[str, int]
    """Reason -> rows of an annotation file that are no pairs."""


def run_audit(
    path: Path,
    out: Path,
    *,
    against: Sequence[Path],
    images: Path | None,
    format_name: str | None,
    seed: int,
    sample: int,
    look: bool,
    most_bits: int,
    show: int,
    workers: int | None = None,
) -> dict[str, Any]:
    """See `hairsplit.api.audit`."""
    if not 0 <= most_bits <= BITS:
        raise HairsplitError(f"{most_bits} bits of {BITS}", where="--max-distance", hint="0 to 64; 8 by default")
    started = time.perf_counter()
    source = _read(path, images, format_name)
    if images is not None:
        check_root(images)
    mine = pictures_of_table(source.table, source.root, str(path))
    others = [pictures_of(other) for other in against]  # a wrong path is heard of before the work begins
    with filled_folder(out) as folder:
        record = _record(
            path, source, mine, others, seed=seed, sample=sample, look=look, most_bits=most_bits, workers=workers
        )
        record["looks"] = sample_pairs(source.table, path if format_name is None else None, seed=seed, most=show)
        record["seconds"] = round(time.perf_counter() - started, 3)
        record["stamp"] = stamp(seed=seed)
        roots = {mine.label: mine.root} | {other.label: other.root for other in others}
        write_audit_page(record, folder / "audit.html", root=mine.root, roots=roots)
        if against:
            _write_excluded(folder / "exclude_images.txt", source.table, record)
        write_json(folder / "audit.json", record)
    return record


def _read(path: Path, images: Path | None, format_name: str | None) -> _Source:
    if format_name is None:
        meta = read_meta(path)
        return _Source(read_columns(path), images or path.parent / meta.images_root, {})
    entry = FORMATS[format_name]
    if not path.is_file():
        raise HairsplitError(
            "no such annotation file", where=str(path), hint="give the annotation file of the data set"
        )
    rejects: Counter[str] = Counter()

    def pairs() -> Any:
        for row in entry.read(path):
            if isinstance(row, Pair):
                yield row
            elif isinstance(row, Reject):
                rejects[row.reason] += 1

    table = columns_of(pairs())
    return _Source(table, images or path.parent, dict(sorted(rejects.items())))


def _record(
    path: Path,
    source: _Source,
    mine: Pictures,
    others: Sequence[Pictures],
    *,
    seed: int,
    sample: int,
    look: bool,
    most_bits: int,
    workers: int | None,
) -> dict[str, Any]:
    if not len(source.table):
        raise HairsplitError(
            "there is no pair to audit", where=str(path), hint="the file has no rows, or all were left out"
        )
    record = audit_pairs(source.table, seed=seed, most_pairs=sample)
    copies = copies_inside(mine, workers=workers)
    overlaps = [compare_pictures(mine, other, look=look, most_bits=most_bits, workers=workers) for other in others]
    pictures = {
        "named": len(source.table.images),
        "found": len(mine.names),
        "missing": mine.missing,
        "copies": {"groups": len(copies), "files": sum(map(len, copies)), "examples": copies[:6]},
    }
    shared = [
        f"{one['overlap']:,} of {len(mine.names):,} pictures are in {one['against']} too"
        for one in overlaps
        if one["overlap"]
    ]
    head = {"version": VERSION, "data": {"name": path.name, "hash": file_hash(path)}, "rejects": source.rejects}
    findings = {"findings": [*shared, *record["findings"]]}
    return head | record | findings | {"pictures": pictures, "overlaps": overlaps, "most_bits": most_bits}


def _write_excluded(path: Path, table: PairColumns, record: dict[str, Any]) -> None:
    """Image ids found in any evaluation set, one a line, as `--exclude-images` reads them."""
    names = {name for one in record["overlaps"] for name in one["images"]}
    wanted = np.array([name in names for name in table.images], bool)
    ids = sorted({table.image_ids[n] for n in np.unique(table.image_id[wanted[table.image]])})
    with atomic_file(path) as temporary:
        temporary.write_text("".join(f"{one}\n" for one in ids), "utf-8")
