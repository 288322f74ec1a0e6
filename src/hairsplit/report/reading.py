"""Find the evaluation and run folders a report is made of; what holds neither is an error."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import inside
from hairsplit.core.run import read_json
from hairsplit.report._fields import Fields
from hairsplit.report.benchmark_folder import Benchmarked, read_benchmarked
from hairsplit.report.evaluation_folder import Evaluation, read_evaluation
from hairsplit.report.run_folder import Run, read_run

COMPARISON = "compare.json"
T = TypeVar("T", Evaluation, Run, Benchmarked)


@dataclass(frozen=True)
class Material:
    """All that was found, in the order given; labels are unique."""

    evaluations: tuple[Evaluation, ...]
    runs: tuple[Run, ...]
    benchmarks: tuple[Benchmarked, ...] = ()
    """Evaluations on a benchmark; those of pairs of captions are among the evaluations too."""


def read_folders(folders: Sequence[Path]) -> Material:
    """Read every evaluation, benchmark and run in `folders` and their direct sub folders; one met twice is read once.

    Raises:
        HairsplitError: A folder is missing or holds neither, or a file in it is torn, incomplete or of another version.
    """
    if not folders:
        raise HairsplitError("no folder to report on", where="report", hint="name evaluation or run folders")
    evaluations: dict[Path, Evaluation] = {}
    runs: dict[Path, Run] = {}
    benchmarks: dict[Path, Benchmarked] = {}
    for folder in folders:
        found = list(_candidates(folder))
        if not found:
            raise _nothing_in(folder)
        for path in found:
            key = path.resolve()
            if _is_evaluation(path) and key not in evaluations:
                evaluations[key] = read_evaluation(path, _label(path))
            if _is_run(path) and key not in runs:
                runs[key] = read_run(path, _label(path))
            if _is_benchmark(path) and key not in benchmarks:
                benchmarks[key] = read_benchmarked(path, _label(path))
    return Material(_unique(evaluations.values()), _unique(runs.values()), _unique(benchmarks.values()))


def _nothing_in(folder: Path) -> HairsplitError:
    message = "no such folder"
    if folder.is_dir():
        message = "holds neither an evaluation (metrics.json) nor a run (metrics.jsonl or config.yaml)"
    elif folder.exists():
        message = "is a file, not a folder"
    hint = "name folders written by `hairsplit evaluate` or `hairsplit train`"
    return HairsplitError(message, where=str(folder), hint=hint)


def _candidates(folder: Path) -> Iterator[Path]:
    """The folder, if it is an evaluation or a run, and those direct sub folders that are; of a comparison, its own."""
    if not folder.is_dir():
        return
    if (folder / COMPARISON).is_file():
        yield from _compared(folder)
        return
    children = sorted((child for child in folder.iterdir() if child.is_dir()), key=_time_order)
    if _is_evaluation(folder) or _is_benchmark(folder) or _is_run(folder):
        yield folder
        yield from (child for child in children if _is_evaluation(child) or _is_benchmark(child))
        return
    for child in children:
        if _is_evaluation(child) or _is_benchmark(child) or _is_run(child):
            yield from _candidates(child)


def _compared(folder: Path) -> Iterator[Path]:
    """The evaluations that a comparison consists of, the base first."""
    fields = Fields(read_json(folder / COMPARISON), str(folder / COMPARISON), "run `hairsplit compare` again")
    named = fields.value("folders")
    for name in named if isinstance(named, list) else []:
        place = inside(folder, str(name))
        if not (_is_evaluation(place) or _is_benchmark(place)):
            raise HairsplitError("is gone from the comparison", where=str(place), hint="run `hairsplit compare` again")
        yield place


def _time_order(folder: Path) -> tuple[int, str]:
    return ({"before": 0, "after": 2}.get(folder.name, 1), folder.name)


def _is_evaluation(folder: Path) -> bool:
    return (folder / "metrics.json").is_file()


def _is_benchmark(folder: Path) -> bool:
    return (folder / "benchmark.json").is_file()


def _is_run(folder: Path) -> bool:
    return (folder / "metrics.jsonl").is_file() or (folder / "config.yaml").is_file()


def _label(folder: Path) -> str:
    here = folder.resolve()
    return here.parent.name if here.name == "evaluation" else here.name


def _unique(found: Iterable[T]) -> tuple[T, ...]:
    """Give equal labels their parent folder's name too, and a number where that does not help."""
    parts = list(found)
    labels = [part.label for part in parts]
    longer = [
        f"{part.folder.resolve().parent.name}/{part.label}" if labels.count(part.label) > 1 else part.label
        for part in parts
    ]
    seen: dict[str, int] = {}
    out = []
    for part, label in zip(parts, longer, strict=True):
        seen[label] = seen.get(label, 0) + 1
        out.append(replace(part, label=label if seen[label] == 1 else f"{label} ({seen[label]})"))
    return tuple(out)
