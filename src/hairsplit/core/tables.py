"""The pairs table: one row per (image, caption, negative) as Parquet, with where it came from in its metadata."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file, file_hash
from hairsplit.core.types import Edit, Pair

VERSION = 1
ROWS_PER_GROUP = 50_000
"""Rows of a row group: what readers and writers hold in memory at once."""
KEY = b"hairsplit"
SCHEMA = pa.schema(
    [
        pa.field("image", pa.string(), nullable=False),
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("caption", pa.string(), nullable=False),
        pa.field("negative", pa.string()),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("edit_role", pa.string()),
        pa.field("edit_from", pa.string()),
        pa.field("edit_to", pa.string()),
        pa.field("caption_form", pa.string()),
        pa.field("negative_form", pa.string()),
        pa.field("evidence", pa.string()),
        pa.field("boxes", pa.string()),
        pa.field("group_id", pa.string()),
        pa.field("weight", pa.float64()),
        pa.field("text_gap", pa.float64()),
        pa.field("plausibility", pa.float64()),
        pa.field("pair_id", pa.string()),
        pa.field("split", pa.string()),
        pa.field("caption_evidence", pa.string()),
        pa.field("template_id", pa.string()),
        pa.field("caption_span", pa.list_(pa.int32())),
        pa.field("negative_span", pa.list_(pa.int32())),
        pa.field("flip_safe", pa.bool_()),
        pa.field("flip_caption", pa.string()),
        pa.field("flip_negative", pa.string()),
        pa.field("p_label_error", pa.float64()),
    ]
)
"""Columns may be added, nullable, without a new `VERSION`: older tables lack them, older readers skip them."""
REQUIRED = ("image", "image_id", "caption", "negative", "kind", "source")
SPANS = frozenset({"caption_span", "negative_span"})
WEAK_ABSENCE = "weak_absence"
"""`evidence` of a negative that is no more than not annotated, and the key of `PairsMeta.config` that says that the
table has such rows: it may be true."""


@dataclass(frozen=True)
class PairsMeta:
    """What a pairs table says of itself."""

    images_root: str = "."
    """Folder the `image` column is relative to; itself relative to the table's folder."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Source file -> blake2b."""
    config: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    rejects: Mapping[str, int] = field(default_factory=dict)
    """Reason -> rows left out."""
    version: int = VERSION


@dataclass(frozen=True)
class PairsTable:
    """Pairs, their images root as a path, and the hash of the file they came from."""

    pairs: Sequence[Pair]
    """In memory, or (`hairsplit.data.rows.open_pairs`) read when they are asked for."""
    root: Path
    meta: PairsMeta
    hash: str
    path: Path

    def __len__(self) -> int:
        return len(self.pairs)


def _column(name: str, pairs: Sequence[Pair]) -> list[Any]:
    part = {"edit_role": "role", "edit_from": "before", "edit_to": "after"}.get(name)
    if part is not None:
        return [getattr(pair.edit, part) if pair.edit else None for pair in pairs]
    return [getattr(pair, name) for pair in pairs]


def write_pairs(path: Path, pairs: Iterable[Pair], meta: PairsMeta, *, rows_per_group: int = ROWS_PER_GROUP) -> int:
    """Write a pairs table (Parquet, zstd), atomically and in bounded memory.

    `meta.images_root` is stored as given. Returns the number of rows written.
    """

    def blocks() -> Iterator[pa.Table]:
        rest = iter(pairs)
        while block := list(islice(rest, rows_per_group)):
            yield arrow_table(block)

    return write_blocks(path, blocks(), meta, rows_per_group=rows_per_group)


def arrow_table(pairs: Sequence[Pair]) -> pa.Table:
    """The pairs as a table of `SCHEMA`."""
    return pa.table({name: _column(name, pairs) for name in SCHEMA.names}, schema=SCHEMA)


def write_blocks(
    path: Path, blocks: Iterable[pa.Table], meta: PairsMeta, *, rows_per_group: int = ROWS_PER_GROUP
) -> int:
    """Write tables of `SCHEMA` below each other as one pairs table; see `write_pairs`.

    How the rows are cut into `blocks` changes no byte of the file. `meta` is read behind the last block. Where a
    negative rests on absence, the metadata says so, whatever `meta` says.
    """
    rows, weak = 0, False
    with atomic_file(path) as temporary, pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
        for group in _regrouped(blocks, rows_per_group):
            writer.write_table(group, row_group_size=rows_per_group)
            rows += group.num_rows
            weak = weak or WEAK_ABSENCE in group["evidence"].unique().to_pylist()
        config = {**meta.config, WEAK_ABSENCE: True} if weak else meta.config
        told = {**meta.__dict__, "config": config, "counts": {**meta.counts, "rows": rows}}
        text = json.dumps(told, sort_keys=True, default=dict)
        writer.add_key_value_metadata({KEY: text.encode()})
    return rows


def _regrouped(blocks: Iterable[pa.Table], size: int) -> Iterator[pa.Table]:
    """The same rows in tables of `size` rows, the last one perhaps smaller, each in one piece."""
    waiting: list[pa.Table] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += block.num_rows
        while count >= size:
            whole = pa.concat_tables(waiting)
            yield whole.slice(0, size).combine_chunks()
            waiting, count = [whole.slice(size)], count - size
    if count:
        yield pa.concat_tables(waiting).combine_chunks()


def relative_root(table: Path, images: Path) -> str:
    """The images root as stored: relative to the table's folder, so that both can move together."""
    return Path(_relpath(images.resolve(), table.parent.resolve())).as_posix()


def _relpath(target: Path, start: Path) -> str:
    common = 0
    for a, b in zip(target.parts, start.parts, strict=False):
        if a != b:
            break
        common += 1
    return str(Path(*([".."] * (len(start.parts) - common)), *target.parts[common:]))


def read_meta(path: Path) -> PairsMeta:
    """The metadata of a pairs table.

    Raises:
        HairsplitError: No such file, torn, not a pairs table, or of a newer version.
    """
    try:
        footer = pq.read_metadata(path)  # the schema alone does not carry what was added behind the rows
    except FileNotFoundError:
        raise HairsplitError(
            "no such pairs table", where=str(path), hint="make one: hairsplit captions, or import"
        ) from None
    except (OSError, pa.ArrowException) as error:
        raise HairsplitError(
            f"not a Parquet file ({error})", where=str(path), hint="make it again; of annotations: hairsplit import"
        ) from None
    schema, raw = footer.schema.to_arrow_schema(), (footer.metadata or {}).get(KEY)
    missing = [name for name in REQUIRED if name not in schema.names]
    if raw is None or missing:
        lacks = (
            f"lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}" if missing else "has no metadata of ours"
        )
        raise HairsplitError(f"not a pairs table: it {lacks}", where=str(path), hint="use `hairsplit import` first")
    try:
        known = json.loads(raw)
    except ValueError:  # UnicodeDecodeError and JSONDecodeError are
        known = None
    if not isinstance(known, dict):
        raise HairsplitError("its metadata is torn", where=str(path), hint="make it again")
    if known.get("version", 0) > VERSION:
        raise HairsplitError(
            f"schema version {known['version']} is newer than {VERSION}", where=str(path), hint="upgrade"
        )
    return PairsMeta(**{key: known[key] for key in PairsMeta.__dataclass_fields__ if key in known})


def iterate_pairs(path: Path, columns: Sequence[str] | None = None) -> Iterator[Pair]:
    """Yield the rows of a pairs table, one row group in memory at a time.

    Raises:
        HairsplitError: As `iterate_blocks`.
    """
    for block in iterate_blocks(path, columns):
        yield from pairs_of(block)


def pairs_of(block: pa.RecordBatch | pa.Table) -> Iterator[Pair]:
    """The rows of some columns of a pairs table, those of `REQUIRED` among them."""
    for row in block.to_pylist():
        role = row.pop("edit_role", None)
        before, after = row.pop("edit_from", None), row.pop("edit_to", None)
        for name in SPANS & row.keys():
            row[name] = row[name] and tuple(row[name])
        yield Pair(edit=Edit(role, before or "", after or "") if role else None, **row)


def iterate_blocks(
    path: Path, columns: Sequence[str] | None = None, groups: Sequence[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield some columns of some row groups (None: all), some 10,000 rows at a time.

    Raises:
        HairsplitError: Its rows are torn, a column is of another type, or a required one has an empty cell.
    """
    file = pq.ParquetFile(path)
    schema = file.schema_arrow
    names = [n for n in SCHEMA.names if n in schema.names and (columns is None or n in columns)]
    wrong = [n for n in names if not _alike(schema.field(n).type, SCHEMA.field(n).type)]
    if wrong:
        raise HairsplitError(
            f"the column {wrong[0]!r} holds {schema.field(wrong[0]).type}, not {SCHEMA.field(wrong[0]).type}",
            where=str(path),
            hint="use `hairsplit import` first",
        )
    full = [n for n in names if not SCHEMA.field(n).nullable]
    try:
        for block in file.iter_batches(columns=names, row_groups=groups):
            for name in full:
                if block.column(name).null_count:
                    raise HairsplitError(f"the column {name!r} has empty cells", where=str(path), hint="make it again")
            yield block
    except (OSError, pa.ArrowException) as error:
        raise HairsplitError(f"its rows are torn ({error})", where=str(path), hint="make it again") from None


def _alike(given: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_dictionary(given):
        given = given.value_type
    if wanted == pa.string():
        return bool(pa.types.is_string(given) or pa.types.is_large_string(given) or pa.types.is_null(given))
    if wanted == pa.float64():
        return bool(pa.types.is_floating(given) or pa.types.is_null(given))
    return bool(given == wanted or pa.types.is_null(given))


def read_pairs(path: Path, images: Path | None = None) -> PairsTable:
    """Read a pairs table whole; `images` overrides the root that the table names.

    Raises:
        HairsplitError: Not a pairs table, or its images root does not exist.
    """
    meta, root = read_head(path, images)
    return PairsTable(tuple(iterate_pairs(path)), root, meta, file_hash(path), path)


def read_head(path: Path, images: Path | None = None) -> tuple[PairsMeta, Path]:
    """The metadata of a pairs table and its images root, which `images` overrides.

    Raises:
        HairsplitError: Not a pairs table, or its images root does not exist.
    """
    meta = read_meta(path)
    root = images if images is not None else path.parent / meta.images_root
    if not root.is_dir():
        problem = "is not a folder" if root.exists() else "does not exist"
        raise HairsplitError(f"the images root {root} {problem}", where=str(path), hint="say where: --images DIR")
    return meta, root


def is_weak(table: PairsTable) -> bool:
    """Whether negatives of the table may be true: it, or what it was made of, was made with --weak-absence."""
    return bool(table.meta.config.get(WEAK_ABSENCE))


def refuse_weak(table: PairsTable, where: str) -> None:
    """Refuse to measure a model on negatives that may be true.

    Args:
        table: Of an evaluation or a validation.
        where: What the user called it.

    Raises:
        HairsplitError: The table was made with --weak-absence.
    """
    if is_weak(table):
        hint = "make it without --weak-absence, which is for training"
        raise HairsplitError("some of its negatives may be true: they rest on absence", where=where, hint=hint)


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write any table, whole or not at all."""
    with atomic_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
