"""The folder of a long run of explanations: what was asked for, and what is done, safe against a kill at any moment."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json, refuse_full, writable, write_json
from hairsplit.core.wording import settings_changed

try:
    import fcntl
except ModuleNotFoundError:  # Windows: nothing keeps two runs apart there
    fcntl = None  # type: ignore[assignment]

PLAN, DONE = "plan.json", "done.jsonl"
PAIRS, SECONDS = "pairs.parquet", "seconds.parquet"
FILES = (PLAN, DONE, PAIRS, SECONDS, "summary.json", "summary.html")
"""All that such a folder may hold; a kill may leave a half-written one beside it, under a hidden name."""
NAMES = "names"
"""Key of a plan whose values may change from one start to the next: they say what things are called."""


@dataclass(frozen=True)
class Journal:
    """What is done: a line of JSON for each picture, in the order of the plan, so that their number says all."""

    folder: Path
    plan: Mapping[str, Any]
    """Of the first start."""

    @property
    def path(self) -> Path:
        """The lines."""
        return self.folder / DONE

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what was done, picture by picture."""
        if self.path.exists():
            with self.path.open("rb") as file:
                for line in file:
                    yield json.loads(line)

    def whole(self) -> int:
        """Cut off what a kill has left of a line, and all behind it; how many lines there are then."""
        good = count = 0
        if not self.path.exists():
            return 0
        with self.path.open("rb+") as file:
            for line in file:
                if not line.endswith(b"\n") or not _is_line(line, count):
                    break
                good, count = good + len(line), count + 1
            file.truncate(good)
        return count

    def add(self, number: int, done: Mapping[str, Any]) -> None:
        """Write what came of picture `number`; it is on disk when this returns."""
        text = json.dumps({"picture": number, **done}, ensure_ascii=False, allow_nan=False)
        with self.path.open("ab") as file:
            file.write(text.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def remove(self) -> None:
        """Remove the lines."""
        self.path.unlink(missing_ok=True)


def _is_line(line: bytes, number: int) -> bool:
    try:
        return bool(json.loads(line)["picture"] == number)
    except (ValueError, TypeError, KeyError):
        return False


@contextmanager
def opened(folder: Path, plan: Mapping[str, Any]) -> Iterator[Journal]:
    """The journal of a new folder, or of one whose run goes on; nobody else works there meanwhile.

    After a mistake of the user's by which nothing was done, the folder is as it was before the first start: with the
    mistake mended, it is free for another plan.

    Raises:
        HairsplitError: The folder holds something else, a run of another plan, or one that is still going on.
    """
    had = folder.exists()
    if had and not (folder / PLAN).exists():
        refuse_full(folder, [child.name for child in _remains(folder)])
    writable(folder)
    with _alone(folder):
        for child in _remains(folder):
            child.unlink()
        if not (folder / PLAN).exists():
            write_json(folder / PLAN, plan)
        known = read_json(folder / PLAN)
        if not isinstance(known, dict):
            raise HairsplitError("is no plan", where=str(folder / PLAN), hint="choose another --out")
        if changes := settings_changed(_unnamed(known), _unnamed(plan)):
            raise HairsplitError(
                f"this folder holds a run of something else: {'; '.join(changes)}",
                where=str(folder),
                hint="choose another --out, or go on with what it was started with",
            )
        journal = Journal(folder, known)
        try:
            yield journal
        except HairsplitError:
            if not journal.whole() and not (folder / PAIRS).exists():
                for name in (DONE, PLAN):
                    (folder / name).unlink(missing_ok=True)
                if not had and not any(folder.iterdir()):
                    folder.rmdir()
            raise


def _unnamed(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in plan.items() if key != NAMES}


def _remains(folder: Path) -> list[Path]:
    """Half-written files of a run that was killed."""
    if not folder.is_dir():
        return []
    starts = (".write-test-", *(f".{name}." for name in FILES))
    return [child for child in folder.iterdir() if child.name.startswith(starts)]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process, however that ends
        yield
    except BlockingIOError:
        raise HairsplitError(
            "another run is at work in this folder", where=str(folder), hint="wait for it, or choose another --out"
        ) from None
    finally:
        os.close(handle)
