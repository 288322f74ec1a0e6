"""The state of an engine that shards: one file per rank, which any number of ranks and any engine can read.

A file holds runs of the flattened tensors, as safetensors: the parts that its rank has of each weight and of each
tensor of the optimiser. Where a run begins stands in the file's metadata. See docs/decisions/0008.
"""

import contextlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file
from hairsplit.train.checkpoint import STATE, TrainState, torn

Run = tuple[int, Tensor]
"""Where a run begins in the flattened tensor, and its numbers [n]; or (0, a count []), which has no place."""
WEIGHT = "weight"
"""What a weight goes by among the tensors that belong to a parameter; the others are the optimiser's."""
COUNT = "step"
"""What the optimisers of torch call their count of steps, of no dimension whatever the parameter's shape is."""


@dataclass(frozen=True)
class Shards:
    """What one rank holds of weights and of the optimiser's state, and what all of it is."""

    runs: Mapping[str, Mapping[str, Run]]
    """Parameter -> `WEIGHT` or the optimiser's name of a tensor -> this rank's run of it."""
    shapes: Mapping[str, Sequence[int]]
    """Parameter -> its shape in one process."""
    learning: Sequence[str]
    """The parameters in the optimiser's order."""


def shards_folder(run: Path, step: int) -> Path:
    """The folder of all ranks' files of this step."""
    return (run / STATE).with_name(f"step_{step:06d}")


def part_name(rank: int) -> str:
    """The file of a rank."""
    return f"rank_{rank:05d}.safetensors"


def save_part(folder: Path, shards: Shards, *, step: int, rank: int) -> None:
    """Write this rank's file, whole or not at all.

    Raises:
        OSError: It could not be written.
        SafetensorError: The same, told by the library.
    """
    runs = {f"{kind}/{name}": run for name, kinds in shards.runs.items() for kind, run in kinds.items()}
    about = {"step": step, "rank": rank, "begins": {key: begin for key, (begin, values) in runs.items() if values.ndim}}
    with atomic_file(folder / part_name(rank)) as temporary:
        tensors = {key: values.detach().cpu().contiguous() for key, (_, values) in runs.items()}
        save_file(tensors, temporary, {"hairsplit": json.dumps(about)})


def refuse_absent(folder: Path, ranks: int) -> None:
    """To be called by the first rank when all have written their files: see that it sees them, and that they last.

    Raises:
        HairsplitError: A file is not there: the ranks do not share the run folder.
    """
    for rank in range(ranks):
        if not (folder / part_name(rank)).is_file():
            raise HairsplitError(
                f"what rank {rank} wrote cannot be seen by the first rank; the state before is whole",
                where=str(folder),
                hint="put the run folder on a file system that all machines share",
            )
    with contextlib.suppress(OSError):  # not all file systems can do it for folders
        for place in (folder, folder.parent):  # the files' names are to last, too, before the state says they are there
            handle = os.open(place, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def drop_shards(run: Path, *, keep: str | None) -> None:
    """Remove the shards of all states but one: of those replaced, or of a kill before the state was written.

    Args:
        run: Its folder.
        keep: Name of the folder to keep, if any.
    """
    for folder in (run / STATE).parent.glob("step_*"):
        if folder.name != keep:  # what a network's file system does not let go yet goes at the next save
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class _Part:
    """One rank's file, or all of a state that is not sharded."""

    runs: Mapping[str, Mapping[str, tuple[int, int] | None]]
    """Parameter -> kind of tensor -> where its run begins, and its length; None: a count."""
    read: Callable[[str, str], Any]
    """(kind, parameter) -> something that gives numbers of its run when sliced, and a count as `[...]`."""


class Reader:
    """Runs of a saved state, from as few files as hold them.

    Args:
        parts: Opens a part by its number.
        order: The numbers of the parts, the likeliest first.
        torn: Makes the error of numbers that no part has.
    """

    def __init__(
        self, parts: Callable[[int], _Part], order: Sequence[int], torn: Callable[[str], HairsplitError]
    ) -> None:
        self._open, self._order, self._torn = parts, order, torn
        self._opened: list[_Part] = []

    def numbers(self, kind: str, name: str, begin: int, end: int) -> Tensor:
        """The numbers [begin, end) of a flattened tensor, a copy.

        Raises:
            HairsplitError: They are not all there, or a file is missing or torn.
        """
        pieces: list[Run] = []
        missing = [(begin, end)] if begin < end else []
        for part in self._parts() if missing else ():
            first, length = part.runs.get(name, {}).get(kind) or (0, 0)
            last = first + length
            read = part.read(kind, name) if length else None
            for a, b in ((max(a, first), min(b, last)) for a, b in missing):
                if read is not None and a < b:
                    pieces.append((a, read[a - first : b - first]))
            gaps = (gap for a, b in missing for gap in ((a, min(b, first)), (max(a, last), b)))
            missing = [(a, b) for a, b in gaps if a < b] if length else missing
            if not missing:
                break
        if missing:
            raise self._torn(f"no {kind} of {name} from number {missing[0][0]:,} on")
        return torch.cat([values for _, values in sorted(pieces, key=lambda run: run[0])] or [torch.empty(0)])

    def optimizer(self, name: str, begin: int, end: int) -> dict[str, Tensor]:
        """The optimiser's numbers [begin, end) of a parameter, and its counts; {} if it has no state."""
        for part in self._parts():
            kinds = {kind: run for kind, run in part.runs.get(name, {}).items() if kind != WEIGHT}
            if kinds:
                return {
                    kind: part.read(kind, name)[...].clone() if run is None else self.numbers(kind, name, begin, end)
                    for kind, run in kinds.items()
                }
        return {}

    def _parts(self) -> Iterator[_Part]:
        for place, number in enumerate(self._order):
            if place == len(self._opened):
                self._opened.append(self._open(number))
            yield self._opened[place]


class Saved:
    """A state to go on from, sharded or not, as an engine reads it."""

    def __init__(self, run: Path, state: TrainState, *, rank: int) -> None:
        self._run, self._state, self._rank = run, state, rank
        self.groups: list[dict[str, Any]] = state.optimizer["param_groups"]
        """The optimiser's groups, each with its settings and the numbers of its parameters."""

    @contextlib.contextmanager
    def reader(self, learning: Sequence[str]) -> Iterator[Reader]:
        """Runs of it, copied out of its files while they are open.

        Args:
            learning: The parameters in the optimiser's order.

        Raises:
            HairsplitError: A file is missing or torn, or the state is of other parameters.
        """
        file = self._run / STATE
        if (shards := self._state.shards) is None:
            yield Reader(lambda _: _in_memory(self._state, learning), [0], lambda why: torn(self._run, why, file))
            return
        folder, ranks = file.with_name(shards["folder"]), range(shards["ranks"])
        if shards["learning"] != list(learning):
            raise torn(self._run, "it is of other parameters", file)
        with contextlib.ExitStack() as files:

            def part(rank: int) -> _Part:
                return _in_file(files, self._run, folder / part_name(rank), step=self._state.step, rank=rank)

            order = sorted(ranks, key=lambda rank: rank != self._rank)  # its own first
            yield Reader(part, order, lambda why: torn(self._run, why, folder))

    def model(self) -> dict[str, Tensor]:
        """The whole model's state.

        Raises:
            HairsplitError: See `reader`.
        """
        if (shards := self._state.shards) is None:
            return self._state.model
        with self.reader(shards["learning"]) as reader:
            return {
                name: reader.numbers(WEIGHT, name, 0, math.prod(shape)).reshape(shape)
                for name, shape in shards["shapes"].items()
            }

    def optimizer(self) -> dict[str, Any]:
        """The whole optimiser's state, as that of one process.

        Raises:
            HairsplitError: See `reader`.
        """
        if (shards := self._state.shards) is None:
            return self._state.optimizer
        state = {}
        with self.reader(shards["learning"]) as reader:
            for index, name in enumerate(shards["learning"]):
                shape = shards["shapes"][name]
                if entries := reader.optimizer(name, 0, math.prod(shape)):
                    state[index] = {
                        kind: values.reshape(shape) if values.ndim else values for kind, values in entries.items()
                    }
        return {"state": state, "param_groups": self.groups}


def _in_memory(state: TrainState, learning: Sequence[str]) -> _Part:
    tensors = {name: {WEIGHT: value} for name, value in state.model.items()}
    for index, entries in state.optimizer["state"].items():
        tensors[learning[index]] |= {kind: value for kind, value in entries.items() if isinstance(value, Tensor)}
    return _Part(
        {
            name: {kind: None if kind == COUNT else (0, value.numel()) for kind, value in kinds.items()}
            for name, kinds in tensors.items()
        },
        lambda kind, name: tensors[name][kind] if kind == COUNT else tensors[name][kind].reshape(-1),
    )


def _in_file(files: contextlib.ExitStack, run: Path, file: Path, *, step: int, rank: int) -> _Part:
    if not file.is_file():
        raise torn(run, f"the part of rank {rank} is missing", file)
    runs: dict[str, dict[str, tuple[int, int] | None]] = {}
    try:
        opened = files.enter_context(safe_open(file, "pt"))
        about = json.loads(opened.metadata()["hairsplit"])
        for key in opened.keys():  # noqa: SIM118 - it is no mapping
            kind, _, name = key.partition("/")
            begin = about["begins"].get(key)
            runs.setdefault(name, {})[kind] = None if begin is None else (begin, *opened.get_slice(key).get_shape())
        found = about["step"], about["rank"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise torn(run, str(error).partition("\n")[0] or type(error).__name__, file) from None
    if found != (step, rank):
        raise torn(run, f"it is of step {found[0]} and rank {found[1]}, not of step {step} and rank {rank}", file)

    def read(kind: str, name: str) -> Any:
        key = f"{kind}/{name}"
        return opened.get_tensor(key) if runs[name][kind] is None else opened.get_slice(key)

    return _Part(runs, read)
