"""What the tests of readers share."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hairsplit.core.types import Pair, Reject
from hairsplit.data.formats import FORMATS, Note, Row


@dataclass(frozen=True)
class Sorted:
    """The rows of a reader, by what they are."""

    pairs: list[Pair]
    rejects: list[Reject]
    notes: list[Note]

    @property
    def reasons(self) -> Counter[str]:
        return Counter(reject.reason for reject in self.rejects)


def sort(rows: Iterable[Row]) -> Sorted:
    found = Sorted([], [], [])
    for row in rows:
        {Pair: found.pairs, Reject: found.rejects, Note: found.notes}[type(row)].append(row)  # type: ignore[attr-defined]
    return found


def read(name: str, path: Path) -> Sorted:
    return sort(FORMATS[name].read(path))


def read_text(name: str, folder: Path, text: str, suffix: str | None = None) -> Sorted:
    path = folder / f"annotations{suffix or FORMATS[name].suffix}"
    path.write_text(text, "utf-8")
    return read(name, path)
