"""`hairsplit evaluate`: pairs, recognition and retrieval, with text-only baseline and stamp, into one folder."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hairsplit.core.errors import HairsplitError
from hairsplit.core.progress import progress_bar
from hairsplit.core.run import new_folder, stamp
from hairsplit.core.tables import PairsTable, read_pairs, refuse_weak
from hairsplit.core.wording import counted
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.forgetting import (
    LabelledImages,
    Retrieved,
    labelled_images,
    read_captions,
    recognise,
    recognition_measures,
    retrieval_measures,
    retrieve,
)
from hairsplit.evaluate.measure import Measure
from hairsplit.evaluate.statistics import estimate_json
from hairsplit.evaluate.suite import Scores, score_pairs, summarise, warnings_of, write_evaluation
from hairsplit.evaluate.text_only import TextOnlyBaseline


def run_evaluation(
    model: str | Path | DualEncoder,
    on: Path,
    out: Path,
    *,
    images: Path | None,
    recognition: Path | None,
    retrieval: Path | None,
    retrieval_split: str | None,
    seed: int,
    device: str | None,
) -> dict[str, Any]:
    """See `hairsplit.api.evaluate`."""
    table = pairs_table(on, images)
    side = Side.read(recognition, retrieval, retrieval_split)
    encoder = model_on(model, device)
    new_folder(out)
    seconds: dict[str, float] = {}
    total = len({p.image for p in table.pairs}) + len({t for p in table.pairs for t in (p.caption, p.negative)})
    with progress_bar("pairs", total) as tick:
        scores = score_pairs(encoder, table, seed=seed, tick=tick)
    seconds["pairs"] = round(scores.seconds, 3)
    beside = side.judge(encoder, seconds, seed=seed)
    record = pairs_record(encoder, table, scores, out, beside=beside, seconds=seconds, seed=seed)
    record["warnings"] += side.warnings
    write_evaluation(out, scores, record, seed=seed)
    return record


def pairs_table(on: Path, images: Path | None) -> PairsTable:
    """The table of pairs that a user named.

    Raises:
        HairsplitError: It is a folder, its negatives may be true (`--weak-absence`), or see `read_pairs`.
    """
    if on.is_dir():
        hint = "name a table that hairsplit captions or import wrote; for a benchmark, --on NAME, and --data DIR"
        raise HairsplitError("is a folder, not a table of pairs", where=f"--on {on}", hint=hint)
    table = read_pairs(on, images)
    refuse_weak(table, f"--on {on}")
    return table


def pairs_record(
    encoder: DualEncoder,
    table: PairsTable,
    scores: Scores,
    out: Path,
    *,
    beside: Mapping[str, Any],
    seconds: Mapping[str, float],
    seed: int,
    blind: TextOnlyBaseline | None = None,
) -> dict[str, Any]:
    """metrics.json of a pairs table; `beside`: `Side.judge`; `blind`: see `summarise`."""
    return {
        **summarise(scores, blind=blind, seed=seed),
        **beside,
        "model": {"name": encoder.name, "hash": encoder.parameters_hash()},
        "data": _data(table, out),
        "rejects": dict(scores.dropped),
        "warnings": [*warnings_of(scores), *cut_warning(encoder, texts_of(table))],
        "seconds": seconds,
        "stamp": stamp(seed=seed, device=str(next(encoder.parameters()).device)),
    }


def texts_of(table: PairsTable) -> Iterator[str]:
    """Captions and negatives of all rows that have both."""
    for pair in table.pairs:
        if pair.negative is not None:
            yield from (pair.caption, pair.negative)


def cut_warning(encoder: DualEncoder, texts: Iterable[str]) -> list[str]:
    """How many different texts the model read in part only, if any."""
    length = encoder.context_length
    cut = sum(encoder.tokenizer.is_over_long(text, length) for text in set(texts))
    return [f"{counted(cut, 'text')} of more than {length} tokens, of which the model reads the first"] if cut else []


def _data(table: PairsTable, out: Path) -> dict[str, Any]:
    pairs = [pair for pair in table.pairs if pair.negative is not None]
    root = Path(os.path.relpath(table.root.resolve(), out.resolve())).as_posix()
    images = len({pair.image for pair in pairs})
    return {"name": table.path.name, "hash": table.hash, "pairs": len(pairs), "images": images, "images_root": root}


@dataclass(frozen=True)
class Side:
    """What is judged beside pairs or a benchmark: recognition and retrieval, to see what was forgotten."""

    labelled: LabelledImages | None
    rows: tuple[Path, list[tuple[str, str]]] | None

    @classmethod
    def read(cls, recognition: Path | None, retrieval: Path | None, retrieval_split: str | None) -> "Side":
        """Read the files that were asked for.

        Raises:
            HairsplitError: A split of no file, or a file or folder is missing or torn.
        """
        if retrieval_split is not None and retrieval is None:
            raise HairsplitError(
                "a split of no file was asked for",
                where="--retrieval-split",
                hint="give the file too: --retrieval FILE",
            )
        labelled = labelled_images(recognition) if recognition else None
        return cls(labelled, _retrieval_rows(retrieval, retrieval_split) if retrieval else None)

    def judge(self, encoder: DualEncoder, seconds: dict[str, float], *, seed: int) -> dict[str, Any]:
        """`recognition` and `retrieval` of a record, null where not asked for; adds to `seconds`."""
        record: dict[str, Any] = {"recognition": None, "retrieval": None}
        labelled = self.labelled
        if labelled is not None:
            started = time.perf_counter()
            with progress_bar("recognition", len(labelled.images)) as tick:
                found = recognition_measures(labelled, recognise(encoder, labelled, tick=tick))
            record["recognition"] = recognition_record(labelled, found, seed=seed)
            seconds["recognition"] = round(time.perf_counter() - started, 3)
        if self.rows is not None:
            started = time.perf_counter()
            record["retrieval"] = _retrieval(encoder, *self.rows, seed=seed)
            seconds["retrieval"] = round(time.perf_counter() - started, 3)
        return record

    @property
    def warnings(self) -> list[str]:
        """What was left out."""
        if self.labelled is None or not self.labelled.others:
            return []
        return [f"recognition: {self.labelled.others:,} files are no pictures by their suffix and were left out"]


def model_on(model: str | Path | DualEncoder, device: str | None) -> DualEncoder:
    """A model, loaded if it is not yet, on a device that was seen to work."""
    encoder = model if isinstance(model, DualEncoder) else dual_encoder.load(model)
    return encoder.to(_device(device))


def _device(device: str | None) -> torch.device:
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(name)
        torch.zeros(1, device=chosen).cpu()  # what torch has a name for may still not be in this machine
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise HairsplitError(
            f"the device {name!r} cannot be used ({reason})", where="--device", hint="such as cpu or cuda:0"
        ) from None
    return chosen


def _retrieval_rows(file: Path, split: str | None) -> tuple[Path, list[tuple[str, str]]]:
    rows = read_captions(file, split)
    first = rows[0][0]
    for root in (file.parent, file.parent / "images"):
        if (root / first).is_file():
            return root, rows
    raise HairsplitError(
        f"the picture {first!r} is neither beside the file nor in images/", where=str(file), hint="put it there"
    )


def _retrieval(encoder: DualEncoder, root: Path, rows: list[tuple[str, str]], *, seed: int) -> dict[str, Any]:
    with progress_bar("retrieval", len({image for image, _ in rows}) + len(rows)) as tick:
        found = retrieve(encoder, root, rows, tick=tick)
    return retrieval_record(found, retrieval_measures(found), seed=seed)


def recognition_record(data: LabelledImages, measures: Iterable[Measure], *, seed: int) -> dict[str, Any]:
    """`recognition` of a record."""
    classes: dict[str, Any] = {"name": data.root.resolve().name, "classes": len(data.classes)}
    if data.others:
        classes["files that are no pictures"] = data.others
    return classes | {measure.name: estimate_json(measure.estimate(seed)) for measure in measures}


def retrieval_record(found: Retrieved, measures: Iterable[Measure], *, seed: int) -> dict[str, Any]:
    """`retrieval` of a record."""
    numbers: dict[str, Any] = {measure.name: estimate_json(measure.estimate(seed)) for measure in measures}
    return numbers | {"images": len(found.images), "captions": len(found.owner)}
