"""From what a user writes behind --on, --data and --images to suites, all read and checked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hairsplit._verbs.benchmark import is_benchmark, needed
from hairsplit._verbs.evaluate import Side
from hairsplit._verbs.suites import LinearProbe, OfField, Pairs, Recognition, Retrieval, Suite
from hairsplit.core.catalog import nearest
from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import read_pairs
from hairsplit.evaluate.benchmarks import BENCHMARKS, prepare


def read_suites(
    on: Sequence[str | Path],
    *,
    data: Path | None,
    images: Sequence[str | Path],
    allow_missing: bool,
    side: Side,
    linear_probe: bool = False,
) -> list[Suite]:
    """All suites that were asked for, recognition and retrieval last.

    Args:
        on: Each a pairs table, a benchmark, or BENCHMARK=DIR with the folder of its files.
        data: Folder of the benchmarks that came without one: its sub folder of the benchmark's name, if there is one.
        images: DIR, for all, or SUITE=DIR, where a suite is as in `on`, without its folder.
        allow_missing: Score what is there of a benchmark.
        side: Recognition and retrieval.
        linear_probe: Ask what the pictures of the recognition set tell without the text tower, too.

    Raises:
        HairsplitError: A misspelt name, a suite asked for twice, or a file or picture that is missing or torn.
    """
    asked = [_parsed(one) for one in on]
    own, shared = _roots(images, [name for name, _, _ in asked])
    if not asked and side.labelled is None and side.rows is None:
        raise HairsplitError("nothing to compare on", where="--on", hint="--on TABLE, --on BENCHMARK=DIR")
    benchmarks = [name for name, is_one, _ in asked if is_one]
    if data is not None and all(folder is not None for _, is_one, folder in asked if is_one):
        raise HairsplitError("no suite needs it", where="--data", hint="leave it out")
    if allow_missing and not benchmarks:
        raise HairsplitError("is for benchmarks, and none was asked for", where="--allow-missing", hint="leave it out")
    labels = _labels(asked)
    found: list[Suite] = []
    for label, (name, is_one, folder) in zip(labels, asked, strict=True):
        root = own.get(name, shared)
        if is_one:
            place = needed(name, folder or _below(data, name))
            prepared = prepare(name, BENCHMARKS[name], place, images=root, allow_missing=allow_missing)
            found.append(OfField(label, prepared))
        else:
            found.append(Pairs(label, read_pairs(Path(name), root)))
    if side.labelled is not None:
        called = side.labelled.root.resolve().name
        label = "recognition" if called == "recognition" else f"recognition {called}"
        found.append(Recognition(label, side.labelled))
        if linear_probe:
            found.append(LinearProbe.of(label.replace("recognition", "linear probe"), side.labelled))
    elif linear_probe:
        raise HairsplitError("has no pictures", where="--linear-probe", hint="add --recognition DIR")
    if side.rows is not None:
        found.append(Retrieval("retrieval", *side.rows))
    return found


def _parsed(one: str | Path) -> tuple[str, bool, Path | None]:
    """Name or path, whether it is a benchmark, and its folder where that was written with it."""
    text = str(one)
    name, equals, folder = text.partition("=")
    if equals and not Path(text).exists() and len(Path(name).parts) == 1 and not Path(name).suffix:
        if name not in BENCHMARKS.names():
            raise HairsplitError(
                f"no benchmark is called {name!r}", where="--on", hint=nearest(name, BENCHMARKS.names())
            )
        return name, True, Path(folder)
    return text, is_benchmark(one), None


def _below(data: Path | None, name: str) -> Path | None:
    if data is None:
        return None
    return data / name if (data / name).is_dir() else data


def _roots(images: Sequence[str | Path], names: Sequence[str]) -> tuple[Mapping[str, Path], Path | None]:
    """Images root of each suite that has one of its own, and that of all others."""
    own: dict[str, Path] = {}
    shared: Path | None = None
    for one in map(str, images):
        name, equals, folder = one.rpartition("=")
        if equals and not Path(one).is_dir():
            if name not in names:
                raise HairsplitError(
                    f"{name!r} is none of the suites", where="--images", hint=nearest(name, list(names))
                )
            own[name] = Path(folder)
        elif shared is not None:
            hint = "for a folder of its own, write --images SUITE=DIR"
            raise HairsplitError("two folders for all suites", where="--images", hint=hint)
        else:
            shared = Path(one)
    return own, shared


def _labels(asked: Sequence[tuple[str, bool, Path | None]]) -> list[str]:
    """A short, unique name of each suite: its name, or its file's, and where that is not enough its folder's too."""
    keys: list[Any] = [(name, folder.resolve() if folder else None) for name, _, folder in asked]
    for n, (key, (name, is_one, _)) in enumerate(zip(keys, asked, strict=True)):
        same = [Path(other).resolve() for other, also, _ in asked[:n] if not also]
        if key in keys[:n] or (not is_one and Path(name).resolve() in same):
            raise HairsplitError(f"{name} is asked for twice", where="--on", hint="name each suite once")
    short = [name if is_one else Path(name).stem for name, is_one, _ in asked]
    return unique_names(short, [folder or Path(name).resolve().parent for name, _, folder in asked])


def unique_names(short: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """Each of `short`, with the name of its folder where it occurs twice, and a number where that does not help."""
    longer = [
        f"{folder.name}/{name}" if short.count(name) > 1 and folder.name else name
        for name, folder in zip(short, folders, strict=True)
    ]
    return [
        name if longer.count(name) == 1 else f"{name} ({longer[: n + 1].count(name)})" for n, name in enumerate(longer)
    ]
