"""Find the evaluation and run folders a report is made of; what holds neither is an error."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from hairsplit.core.errors import HairsplitError
from hairsplit.report import compare_folder
from hairsplit.report.benchmark_folder import Benchmarked, read_benchmarked
from hairsplit.report.compare_folder import Compared, read_compared
from hairsplit.report.evaluation_folder import Evaluation, read_evaluation
from hairsplit.report.run_folder import Run, read_run

T = TypeVar("T", Evaluation, Run, Benchmarked, Compared)


@dataclass(frozen=True)
class Material:
    """All that was found, in the order given; labels are unique."""

    evaluations: tuple[Evaluation, ...]
    runs: tuple[Run, ...]
    benchmarks: tuple[Benchmarked, ...] = ()
    """Evaluations on a benchmark; those of pairs of captions are among the evaluations too."""
    comparisons: tuple[Compared, ...] = ()
    """Their evaluations and benchmarks are among the others."""

    def without_between(self) -> "Material":
        """Without evaluations of models between two, which a comparison's picture of gain and forgetting shows."""
        hidden = {place for one in self.comparisons for place in one.between}
        return replace(
            self,
            evaluations=tuple(one for one in self.evaluations if one.folder.resolve() not in hidden),
            benchmarks=tuple(one for one in self.benchmarks if one.folder.resolve() not in hidden),
        )


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
    comparisons: dict[Path, Compared] = {}
    for folder in folders:
        found = list(_candidates(folder, comparisons))
        if not found and folder.resolve() not in comparisons:
            raise _nothing_in(folder)
        for path, label in found:
            key = path.resolve()
            if _is_evaluation(path) and key not in evaluations:
                evaluations[key] = read_evaluation(path, label)
            if _is_run(path) and key not in runs:
                runs[key] = read_run(path, label)
            if _is_benchmark(path) and key not in benchmarks:
                benchmarks[key] = read_benchmarked(path, label)
    parts = _unique(evaluations.values()), _unique(runs.values()), _unique(benchmarks.values())
    return Material(*parts, _unique(comparisons.values()))


def _nothing_in(folder: Path) -> HairsplitError:
    message = "no such folder"
    if folder.is_dir():
        message = "holds neither an evaluation (metrics.json), nor a comparison (compare.json), nor a run (config.yaml)"
    elif folder.exists():
        message = "is a file, not a folder"
    hint = "name folders written by `hairsplit evaluate`, `hairsplit compare` or `hairsplit train`"
    return HairsplitError(message, where=str(folder), hint=hint)


def _candidates(folder: Path, comparisons: dict[Path, Compared]) -> Iterator[tuple[Path, str]]:
    """What to read, and its label: the folder, if it is an evaluation or a run, and those direct sub folders that are.

    A comparison is read here, into `comparisons`; its evaluations are candidates, the base's first.
    """
    if not folder.is_dir():
        return
    if _is_comparison(folder):
        yield from _compared(folder, comparisons)
        return
    children = sorted((child for child in folder.iterdir() if child.is_dir()), key=_time_order)
    if _is_evaluation(folder) or _is_benchmark(folder) or _is_run(folder):
        yield folder, _label(folder)
        yield from ((child, _label(child)) for child in children if _is_evaluation(child) or _is_benchmark(child))
        return
    for child in children:
        if _is_evaluation(child) or _is_benchmark(child) or _is_run(child) or _is_comparison(child):
            yield from _candidates(child, comparisons)


def _compared(folder: Path, comparisons: dict[Path, Compared]) -> Iterator[tuple[Path, str]]:
    """The evaluations that a comparison consists of, the base first."""
    found = read_compared(folder, _label(folder))
    comparisons.setdefault(folder.resolve(), found)
    for place, called in found.records:
        if not (_is_evaluation(place) or _is_benchmark(place)):
            raise HairsplitError("is gone from the comparison", where=str(place), hint=compare_folder.AGAIN)
        yield place, called


def _time_order(folder: Path) -> tuple[int, str]:
    return ({"before": 0, "after": 2}.get(folder.name, 1), folder.name)


def _is_evaluation(folder: Path) -> bool:
    return (folder / "metrics.json").is_file()


def _is_benchmark(folder: Path) -> bool:
    return (folder / "benchmark.json").is_file()


def _is_comparison(folder: Path) -> bool:
    return (folder / compare_folder.NAME).is_file()


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
