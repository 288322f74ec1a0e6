"""Read an evaluation folder: metrics.json, the score of every item, random negatives; a torn file is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json
from hairsplit.core.types import Estimate
from hairsplit.report._fields import Fields, parquet_columns

VERSION = 1
"""Of metrics.json; another version may define its numbers differently and is refused."""
TEXTS = ("id", "image", "kind", "source", "cluster", "caption", "negative")
AGAIN = "run `hairsplit evaluate` again"


@dataclass(frozen=True)
class Scores:
    """The numbers of one group of pairs: a kind, a source, or all."""

    estimates: Mapping[str, Estimate]
    """pair_accuracy, macro_pair_accuracy, avg_pos, acc@1.1 ...; what is unknown is absent."""
    counts: Mapping[str, int]
    """ties, nonpositive_cosines."""


@dataclass(frozen=True)
class Items:
    """The pairs of an evaluation and the cosines a model gave them; all columns are [n], in the order of the file."""

    id: tuple[str, ...]
    image: tuple[str, ...]
    kind: tuple[str, ...]
    source: tuple[str, ...]
    cluster: tuple[str, ...]
    caption: tuple[str, ...]
    negative: tuple[str, ...]
    positive_cosine: NDArray[np.float64]
    negative_cosine: NDArray[np.float64]
    role: tuple[str, ...] = ()
    """Edit that made the negative of its caption; "" where none is known, as of texts that people wrote."""

    def __len__(self) -> int:
        return len(self.id)

    @property
    def edited(self) -> bool:
        """Every negative is its caption after one edit that is known."""
        return bool(self.role) and all(self.role)

    @property
    def margin(self) -> NDArray[np.float64]:
        """[n] cosine of the true caption minus that of the negative; > 0 is right, a tie is a miss."""
        return self.positive_cosine - self.negative_cosine


@dataclass(frozen=True)
class Evaluation:
    """One evaluation folder: one model on one set of pairs."""

    label: str
    folder: Path
    model: str
    model_hash: str
    data: str
    data_hash: str
    images: int
    images_root: Path
    overall: Scores
    kinds: Mapping[str, Scores]
    sources: Mapping[str, Scores]
    text_only: Mapping[str, Estimate | None]
    """Kind -> pair accuracy of a reader blind to the image; "" is all kinds together."""
    text_only_mean: Estimate | None
    """The blind reader's mean over kinds; None where it was not measured."""
    text_only_note: str
    recognition: Mapping[str, Any] | None
    """name, classes, and estimates top1, top5, mean_per_class_recall."""
    retrieval: Mapping[str, Any] | None
    rejects: Mapping[str, int]
    stamp: Mapping[str, Any]
    items: Items = field(repr=False)
    random: NDArray[np.float64] = field(repr=False)
    """[m] cosine of each image with another image's caption; empty where there is none."""


def read_evaluation(folder: Path, label: str) -> Evaluation:
    """Read one evaluation folder, to be called `label`.

    Raises:
        HairsplitError: A file is missing, torn, of another version, or does not fit the others.
    """
    path = folder / "metrics.json"
    fields = Fields(read_json(path), str(path), AGAIN)
    version = fields.value("version")
    if version != VERSION:
        raise HairsplitError(f"has version {version!r}; this report reads {VERSION}", where=str(path), hint=AGAIN)
    overall = _scores(fields.at("overall"), ("pair_accuracy", "macro_pair_accuracy"))
    items = _items(folder / "scores.parquet")
    n = overall.estimates["pair_accuracy"].n
    if len(items) != n:
        what = f"has {len(items)} rows, but metrics.json speaks of {n} pairs"
        raise HairsplitError(what, where=str(folder / "scores.parquet"), hint=AGAIN)
    text_only = fields.optional("text_only")
    return Evaluation(
        label=label,
        folder=folder,
        model=str(fields.at("model").value("name")),
        model_hash=str(fields.at("model").value("hash")),
        data=str(fields.at("data").value("name")),
        data_hash=str(fields.at("data").value("hash")),
        images=len(set(items.image)),
        images_root=folder / str(fields.at("data").value("images_root")),
        overall=overall,
        kinds={name: _scores(fields.at("kinds").at(name), ("pair_accuracy",)) for name in fields.at("kinds")},
        sources=_sources(fields),
        text_only=_text_only(text_only),
        text_only_mean=text_only.estimate_or_none("macro") if text_only else None,
        text_only_note=str(text_only.get("note", "")) if text_only else "",
        recognition=_task(fields.optional("recognition")),
        retrieval=_task(fields.optional("retrieval")),
        rejects=fields.get("rejects", {}),
        stamp=fields.get("stamp", {}),
        items=items,
        random=_random(folder / "random.parquet"),
    )


def _scores(fields: Fields, required: Sequence[str]) -> Scores:
    estimates = {}
    for name in fields:
        if isinstance(fields.get(name, None), dict):
            estimates[name] = fields.estimate(name)
    for name in required:
        if name not in estimates:
            fields.estimate(name)  # raises, and says what is missing where
    counts = {name: value for name in fields if isinstance(value := fields.get(name, None), int)}
    return Scores(estimates, counts)


def _sources(fields: Fields) -> dict[str, Scores]:
    sources = fields.optional("sources")
    return {name: _scores(sources.at(name), ("pair_accuracy",)) for name in sources} if sources else {}


def _text_only(fields: Fields | None) -> dict[str, Estimate | None]:
    if fields is None:
        return {}
    kinds = fields.optional("kinds")
    known = {name: kinds.estimate_or_none(name) for name in kinds} if kinds else {}
    return {"": fields.estimate_or_none("overall"), **known}


def _task(fields: Fields | None) -> dict[str, Any] | None:
    if fields is None:
        return None
    plain = {name: fields.get(name, None) for name in fields}
    return {name: fields.estimate(name) if isinstance(value, dict) else value for name, value in plain.items()}


def same_task(first: Mapping[str, Any] | None, second: Mapping[str, Any] | None) -> bool:
    """Whether two records of recognition or retrieval are of the same set, so that their numbers stand beside."""
    if first is None or second is None:
        return False

    def size(task: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value.n if isinstance(value, Estimate) else value for name, value in task.items()}

    return size(first) == size(second)


def _items(path: Path) -> Items:
    columns = parquet_columns(path, (*TEXTS, "positive_cosine", "negative_cosine"), AGAIN)
    texts = {name: tuple("" if value is None else str(value) for value in columns[name].to_pylist()) for name in TEXTS}
    if len(set(texts["id"])) != len(texts["id"]):
        raise HairsplitError("an id occurs twice", where=str(path), hint=AGAIN)
    return Items(
        id=texts["id"],
        image=texts["image"],
        kind=texts["kind"],
        source=texts["source"],
        cluster=texts["cluster"],
        caption=texts["caption"],
        negative=texts["negative"],
        positive_cosine=_floats(columns["positive_cosine"], path),
        negative_cosine=_floats(columns["negative_cosine"], path),
        role=_roles(path, len(texts["id"])),
    )


def _roles(path: Path, count: int) -> tuple[str, ...]:
    """The edit role of each row; the column is optional."""
    if "edit_role" not in pq.read_schema(path).names:
        return ("",) * count
    return tuple(str(role or "") for role in parquet_columns(path, ("edit_role",), AGAIN)["edit_role"].to_pylist())


def _floats(column: Any, path: Path) -> NDArray[np.float64]:
    try:
        return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
    except (TypeError, ValueError):
        raise HairsplitError("a cosine is not a number", where=str(path), hint=AGAIN) from None


def _random(path: Path) -> NDArray[np.float64]:
    if not path.is_file():
        return np.empty(0)
    return _floats(parquet_columns(path, ("cosine",), AGAIN)["cosine"], path)
