"""The files of a benchmark in a user's folder: found, or named exactly with where they are published."""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import inside
from hairsplit.core.json_keys import refuse_twins

if TYPE_CHECKING:
    from hairsplit.evaluate.benchmarks._benchmark import Benchmark, Collection, DataFile, Picture

T = TypeVar("T")
_SHOWN = 80
"""Most missing files that a message lists, a line each."""


@dataclass(frozen=True)
class Folder:
    """The annotation files of one benchmark that were found."""

    root: Path
    found: dict[str, Path]
    """Published name -> path."""
    missing: tuple["DataFile", ...] = ()
    """Non-empty only where the user allowed it."""

    def __iter__(self) -> Iterator[tuple[str, Path]]:
        return iter(self.found.items())


def open_folder(name: str, files: Sequence["DataFile"], root: Path, *, allow_missing: bool) -> Folder:
    """Look for every file in `root` and in `root`/data, under its published name and its bare name, also with `.gz`.

    Where it is not there, another file that will do is taken.

    Raises:
        HairsplitError: No such folder, or files are missing; says each one and where it is published.
    """
    if not root.is_dir():
        raise HairsplitError(
            f"no such folder; it should hold\n{listed(files)}", where=str(root), hint="--data DIR, with these files"
        )
    found: dict[str, Path] = {}
    for file in files:
        for path in (place for name in (file.name, *file.others) for place in _places(root, name)):
            if path.is_file():
                found[file.name] = path
                break
    missing = tuple(file for file in files if file.name not in found)
    if missing and not (allow_missing and found):
        share = f"{len(missing)} of {len(files)} files are missing" if len(files) > 1 else "a file is missing"
        hint = "fetch them into this folder" if len(missing) > 1 else "fetch it into this folder"
        hint += ", or score what is there: --allow-missing" if found else ""
        raise HairsplitError(f"{name}: {share}\n{listed(missing)}", where=str(root), hint=hint)
    return Folder(root, found, missing)


def _places(root: Path, name: str) -> Iterator[Path]:
    for folder in (root, root / "data"):
        for spelled in dict.fromkeys((name, name.removeprefix("data/"), PurePosixPath(name).name)):
            yield folder / spelled
            yield folder / f"{spelled}.gz"


def listed(files: Sequence["DataFile"]) -> str:
    """A line per file: its name and where it is published."""
    width = max((len(name) for file in files for name in (file.name, *file.others)), default=0)
    lines = [f"    {file.name:<{width}}  {file.published}" for file in files[:_SHOWN]]
    others = {name: place for file in files for name, place in file.others.items()}
    lines += [f" or {name:<{width}}  {place}" for name, place in others.items()]
    return "\n".join([*lines, *[f"    and {len(files) - _SHOWN} more"] * (len(files) > _SHOWN)])


def files_of(benchmark: "Benchmark") -> str:
    """A line per annotation file and per collection of pictures: its name, and where it is published."""
    pictures = [f"    pictures: {collection.name}  {collection.published}" for collection in benchmark.collections]
    return "\n".join([listed(benchmark.files)] * bool(benchmark.files) + pictures)


def content(path: Path) -> bytes:
    """The bytes of a file, unpacked if it is gzipped.

    Raises:
        HairsplitError: It cannot be read or unpacked.
    """
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise HairsplitError(f"cannot be read ({error})", where=str(path), hint="fetch it again") from None


def read_json(path: Path, kind: type[T], shape: str) -> T:
    """Decode a JSON file as `kind`; keys that `kind` does not name are ignored.

    Raises:
        HairsplitError: Torn, or of another shape than `shape`, which is how a user would write it.
    """
    return _decoded(content(path), kind, str(path), shape)


def read_lines(path: Path, kind: type[T], shape: str) -> Iterator[tuple[int, T]]:
    """Yield number (from 1) and row of a JSON-lines file; a JSON list of the same rows is read as well.

    Raises:
        HairsplitError: As `read_json`.
    """
    raw = content(path)
    if raw.lstrip()[:1] == b"[":
        rows: list[T] = _decoded(raw, list[kind], str(path), shape)  # type: ignore[valid-type]
        yield from enumerate(rows, 1)
        return
    for number, line in enumerate(raw.split(b"\n"), 1):
        if line.strip():
            yield number, _decoded(line, kind, f"{path}, line {number}", shape)


def _decoded(raw: bytes, kind: type[T], where: str, shape: str) -> T:
    try:
        found = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise HairsplitError(f"{error}", where=where, hint=f"expected {shape}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HairsplitError(f"torn or not valid JSON ({error})", where=where, hint="fetch the file again") from None
    refuse_twins(raw, where)
    return found


@dataclass(frozen=True)
class Pictures:
    """Where each picture of a suite lies."""

    root: Path
    paths: dict["Picture", Path]
    missing: Counter[str] = field(default_factory=Counter)
    """Collection -> pictures of it that are not there."""


def find_pictures(benchmark: "Benchmark", wanted: Sequence["Picture"], root: Path, *, allow_missing: bool) -> Pictures:
    """Look for each picture in its collection's folders below `root`, under its path and under its bare name.

    Raises:
        HairsplitError: Pictures are missing and were not allowed to; says how many of which collection, and where it is
            published. Or a path leaves its folder.
    """
    if not root.is_dir():
        raise HairsplitError("no such folder of pictures", where=str(root), hint="--images DIR")
    collections = {collection.name: collection for collection in benchmark.collections}
    unique = list(dict.fromkeys(wanted))
    folders = {name: [root / f for f in c.folders if (root / f).is_dir()] for name, c in collections.items()}
    paths: dict[Picture, Path] = {}
    known: dict[tuple[str, str], Path | None] = {}
    for picture in unique:
        key = (picture.collection, picture.path)
        if key not in known:
            known[key] = _look(folders[picture.collection], picture.path)
        if (path := known[key]) is not None:
            paths[picture] = path
    gone = {key: None for key, path in known.items() if path is None}
    missing = Counter(name for name, _ in gone)
    if gone and not (allow_missing and paths):
        lines = []
        for name, count in sorted(missing.items()):
            total = len({path for collection, path in known if collection == name})
            first = next(path for collection, path in gone if collection == name)
            lines.append(_line(collections[name], count, total, first))
        hint = f"unpack them below {root}, or say where they are: --images DIR"
        raise HairsplitError(
            f"{len(gone):,} of {len(known):,} pictures are missing\n" + "\n".join(lines),
            where=str(root),
            hint=hint + ("; or score what is there: --allow-missing" if paths else ""),
        )
    return Pictures(root, paths, missing)


def _look(folders: Sequence[Path], path: str) -> Path | None:
    for spelled in dict.fromkeys((path, PurePosixPath(path).name)):
        for folder in folders:
            found = inside(folder, spelled)
            if found.is_file():
                return found
    return None


def _line(collection: "Collection", count: int, total: int, first: str) -> str:
    looked = ", ".join("itself" if folder == "." else f"{folder}/" for folder in collection.folders)
    share = f"{count:,} of {total:,}" if count < total else f"all {total:,}"
    return f"    {collection.name}: {share}, such as {first}; looked in {looked}; published at {collection.published}"
