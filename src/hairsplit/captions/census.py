"""The first pass: what the whole input holds, as counts; kept in a file, shards and partitions share it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from hairsplit.captions._choice import Choice
from hairsplit.captions._corpus import Corpus
from hairsplit.captions._counting import corpus_of
from hairsplit.captions._garbage import no_collections
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json, text_hash, write_json
from hairsplit.core.types import Scene
from hairsplit.core.workers import streamed
from hairsplit.scenes import lexicon
from hairsplit.scenes.readers.gqa import RawGraph

PORTION = 64
"""Graphs handed to a worker at once."""
COUNTED = 256
"""So many for the first pass, which is quicker and sums what is counted of each portion; fewer occupy one worker."""
VERSION = 2
_HINT = "name a new file, and it is made: hairsplit captions GRAPHS --corpus FILE"

T = TypeVar("T")


@dataclass
class Census:
    """Counts over the graphs that were chosen."""

    corpora: dict[str | None, Corpus] = field(default_factory=dict)
    """Split -> its counts."""
    scenes: int = 0
    splits: set[str] = field(default_factory=set)
    """Of all sound graphs, chosen or not."""

    def fingerprint(self) -> str:
        """Hash of all counts."""
        return text_hash("".join(self.corpora[split].fingerprint() for split in sorted(self.corpora, key=str)))

    def add(self, other: "Census") -> None:
        """Take in the counts of other graphs."""
        for split, corpus in other.corpora.items():
            add_counts(self.corpora.setdefault(split, Corpus()), corpus)
        self.scenes += other.scenes
        self.splits |= other.splits


def add_counts(corpus: Corpus, other: Corpus) -> None:
    """Add the counts of other scenes to those of `corpus`."""
    for name, table in other.tables().items():
        mine = getattr(corpus, name)
        for key, value in table.items():
            if isinstance(value, Counter):
                mine.setdefault(key, Counter()).update(value)
            else:
                mine[key] += value


def take_census(graphs: Iterable[RawGraph], choice: Choice, *, workers: int) -> Census:
    """Count over the graphs that `choice` lets pass, in bounded memory.

    Raises:
        HairsplitError: A graph is torn, or none is of the chosen split.
    """
    census = Census()
    with no_collections():
        for part in streamed(_counted, choice, portions(graphs, COUNTED), workers=workers, label="counting scenes"):
            census.add(part)
    if choice.split is not None and choice.split not in census.splits:
        found = ", ".join(sorted(census.splits - {str(None)}))
        hint = f"splits in it: {found}" if found else "the graphs name no split: leave --split out"
        raise HairsplitError(f"no scene is of the split {choice.split!r}", where="captions", hint=hint)
    return census


def portions(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one perhaps shorter."""
    rest = iter(items)
    while portion := list(islice(rest, size)):
        yield portion


def _counted(choice: Choice, portion: Sequence[RawGraph]) -> Census:
    census = Census()
    unused: Counter[str] = Counter()  # what is left out is counted by the second pass
    by_split: dict[str | None, list[Scene]] = {}
    with no_collections():
        for graph in portion:
            scene = choice.scene(graph, unused, census.splits)
            if scene is not None:
                by_split.setdefault(scene.split, []).append(scene)
                census.scenes += 1
        census.corpora = {split: corpus_of(scenes) for split, scenes in by_split.items()}
        return census


def write_census(path: Path, census: Census) -> None:
    """Write the counts as JSON, atomically; the same bytes for the same counts."""
    tables = [
        {"split": split, "tables": {name: _listed(table) for name, table in census.corpora[split].tables().items()}}
        for split in sorted(census.corpora, key=str)
    ]
    write_json(
        path,
        {
            "version": VERSION,
            "lexicon_hash": lexicon.fingerprint(),
            "scenes": census.scenes,
            "splits": sorted(census.splits),
            "corpora": tables,
        },
    )


def read_census(path: Path) -> Census:
    """Read what `write_census` wrote.

    Raises:
        HairsplitError: It is missing, torn, something else, or was made with another lexicon.
    """
    known = read_json(path)
    if not isinstance(known, dict) or known.get("version") != VERSION:
        raise HairsplitError("no corpus file of this version", where=str(path), hint=_HINT)
    if known.get("lexicon_hash") != lexicon.fingerprint():
        raise HairsplitError("it was made with another lexicon", where=str(path), hint=_HINT)
    try:
        corpora = {part["split"]: _corpus(part["tables"]) for part in known["corpora"]}
        return Census(corpora, int(known["scenes"]), set(known["splits"]))
    except (KeyError, TypeError, ValueError) as error:
        raise HairsplitError(f"not a corpus file ({error})", where=str(path), hint=_HINT) from None


def _listed(table: Mapping[Any, Any]) -> list[Any]:
    """A table as a sorted list of [key, count], or of [key, table]."""
    return [[key, _listed(value) if isinstance(value, Counter) else value] for key, value in sorted(table.items())]


def _corpus(tables: Mapping[str, list[Any]]) -> Corpus:
    empty = Corpus().tables()
    if tables.keys() != empty.keys():
        raise ValueError("its tables are others")
    filled = {}
    for name, rows in tables.items():
        counts = {_key(key): _table(value) if isinstance(value, list) else int(value) for key, value in rows}
        filled[name] = Counter(counts) if isinstance(empty[name], Counter) else counts
    return Corpus(**filled)  # type: ignore[arg-type]


def _table(rows: list[Any]) -> Counter[Any]:
    return Counter({_key(key): int(value) for key, value in rows})


def _key(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key
