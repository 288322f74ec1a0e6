"""From what a user writes behind --on, --data and --images to suites, all read and checked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hairsplit._verbs.benchmark import is_benchmark, needed
from hairsplit._verbs.evaluate import Side, pairs_table
from hairsplit._verbs.suites import LinearProbe, OfField, Pairs, Recognition, Retrieval, Suite
from hairsplit.core.catalog import nearest
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import folder_name
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
            found.append(Pairs(label, pairs_table(Path(name), root)))
    found += _beside(side, [suite.name for suite in found], linear_probe=linear_probe)
    return found


def _beside(side: Side, taken: Sequence[str], *, linear_probe: bool) -> list[Suite]:
    """Recognition, a probe of it, and retrieval, whose names are none of `taken`.

    Raises:
        HairsplitError: A probe without pictures.
    """
    found: list[Suite] = []
    if side.labelled is not None:
        called = side.labelled.root.resolve().name
        label = "recognition" if called == "recognition" else f"recognition {called}"
        found.append(Recognition(_free(label, taken), side.labelled))
        if linear_probe:
            probe = label.replace("recognition", "linear probe", 1)
            found.append(LinearProbe.of(_free(probe, taken), side.labelled))
    elif linear_probe:
        raise HairsplitError("has no pictures", where="--linear-probe", hint="add --recognition DIR")
    if side.rows is not None:
        found.append(Retrieval(_free("retrieval", taken), *side.rows))
    return found


def _free(name: str, taken: Sequence[str]) -> str:
    """The name, or with the first number from 2 that makes it one of its own, as a folder too."""
    *_, found = unique_names([*taken, name], [Path()] * (len(taken) + 1))
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
    """Each of `short`, with the name of its folder where it occurs twice, and a number where that does not help.

    Two names are taken for one where their folders could be, on any system.
    """
    keys = [_key(name) for name in short]
    found: list[str] = []
    for name, key, folder in zip(short, keys, folders, strict=True):
        longer = f"{folder.name}/{name}" if keys.count(key) > 1 and folder.name else name
        number, one = 1, longer
        while _key(one) in map(_key, found):
            number += 1
            one = f"{longer} ({number})"
        found.append(one)
    return found


def _key(name: str) -> str:
    return folder_name(name).casefold()
