"""Tar archives from strangers: names expanded, members checked before anything is read, then grouped into samples."""

import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import MAX_BYTES

MAX_SHARDS = 100_000
_BRACES = re.compile(r"\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}")
_TORN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, UnicodeDecodeError)

Members = dict[str, bytes]
"""What follows the key in a member's name, in small letters -> its bytes."""


@dataclass
class Grouped:
    """Members that follow each other and have the same key."""

    key: str
    members: Members = field(default_factory=dict)
    large: list[str] = field(default_factory=list)
    """Members too large to be read."""
    twice: list[str] = field(default_factory=list)
    """Members that came again: which one counts is not known."""


def shards(pattern: str) -> list[Path]:
    """The archives that `pattern` means: one file, all `*.tar` of a folder, or a pattern with `{000..003}` or `{a,b}`.

    Raises:
        HairsplitError: One of them is missing, or there are none.
    """
    if Path(pattern).is_dir():
        found = sorted(p for p in Path(pattern).iterdir() if p.name.endswith((".tar", ".tar.gz", ".tgz")))
        if not found:
            raise HairsplitError("no .tar in the folder", where=pattern, hint="name the shards: 'shard-{000..003}.tar'")
        return found
    names = list(islice(_expanded(pattern), MAX_SHARDS + 1))
    if len(names) > MAX_SHARDS:
        raise HairsplitError(f"means more than {MAX_SHARDS:,} shards", where=pattern, hint="name fewer at a time")
    missing = [name for name in names if not Path(name).is_file()]
    if missing:
        raise HairsplitError(
            f"{len(missing):,} of {len(names):,} shards are missing, the first is {missing[0]}",
            where=pattern,
            hint="a pattern is written 'shard-{000..003}.tar', in quotes",
        )
    return [Path(name) for name in names]


def _expanded(pattern: str) -> Iterator[str]:
    match = _BRACES.search(pattern)
    if match is None:
        yield pattern
        return
    first, last, words = match.groups()
    if words is None:
        width = len(first) if first.startswith("0") or len(first) == len(last) else 0
        step = 1 if int(first) <= int(last) else -1
        choices: Iterator[str] = (f"{n:0{width}d}" for n in range(int(first), int(last) + step, step))
    else:
        choices = iter(words.split(","))
    for choice in choices:
        yield from _expanded(pattern[: match.start()] + choice + pattern[match.end() :])


def refuse_unsafe(path: Path) -> int:
    """Look at the headers of all members; returns how many files there are.

    Raises:
        HairsplitError: A member is absolute, goes up, is a link or a device; or the archive is torn or none.
    """
    count = 0
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                problem = _problem(member)
                if problem:
                    raise HairsplitError(
                        f"the member {member.name!r} {problem}; nothing of the archive was used",
                        where=str(path),
                        hint="get it from someone else, or make it again with plain files only",
                    )
                count += member.isreg()
            _refuse_open_end(archive, path)
    except _TORN as error:
        raise torn(path, error) from None
    return count


def _refuse_open_end(archive: tarfile.TarFile, path: Path) -> None:
    """`tarfile` takes whatever is no header for the end; the end is a block of zeros."""
    file = archive.fileobj
    if file is None:
        return
    file.seek(archive.offset)
    if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        message = f"the archive is torn at byte {archive.offset:,}: neither a member nor the end"
        raise HairsplitError(message, where=str(path), hint="fetch it again")
    while file.read(1 << 20):  # a compressed one has its checksum at the end
        pass


def torn(path: Path, error: Exception) -> HairsplitError:
    """What to say of an archive that cannot be read."""
    what = "" if isinstance(error, tarfile.ReadError) and "\n" in str(error) else f" ({error})"  # of every compression
    return HairsplitError(f"not a tar archive, or torn{what}", where=str(path), hint="fetch it again")


def _problem(member: tarfile.TarInfo) -> str | None:
    pure, windows = PurePosixPath(member.name), PureWindowsPath(member.name)
    if pure.is_absolute() or windows.drive or windows.root:
        return "has an absolute path"
    if ".." in pure.parts or ".." in windows.parts:
        return "goes up out of the archive"
    if member.islnk() or member.issym():
        return "is a link"
    if not (member.isreg() or member.isdir()) or member.issparse():
        return "is neither a plain file nor a folder"
    return None


def samples(path: Path, wanted: frozenset[str]) -> Iterator[Grouped]:
    """Yield the samples of an archive.

    As in WebDataset, members that follow each other and agree up to the first dot of their file's name are a sample.
    Only members whose name goes on as one of `wanted`, in any case of letters, are read.
    """
    held: Grouped | None = None
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                if not member.isreg():
                    continue
                folder, _, name = member.name.rpartition("/")
                stem, _, rest = name.partition(".")
                this = f"{folder}/{stem}".removeprefix("./").lstrip("/")
                if held is None or this != held.key:
                    if held is not None:
                        yield held
                    held = Grouped(this)
                what = rest.lower()
                if what not in wanted:
                    pass
                elif what in held.members:
                    held.twice.append(what)
                elif member.size > MAX_BYTES:
                    held.large.append(what)
                elif (file := archive.extractfile(member)) is not None:
                    held.members[what] = file.read()
                archive.members = []  # type: ignore[attr-defined] # it would remember every member
            if held is not None:
                yield held
    except _TORN as error:
        raise torn(path, error) from None
