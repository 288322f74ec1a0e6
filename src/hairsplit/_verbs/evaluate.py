"""`hairsplit evaluate`: pairs, recognition and retrieval, with text-only baseline and stamp, into one folder."""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hairsplit.core.errors import HairsplitError
from hairsplit.core.progress import progress_bar
from hairsplit.core.run import new_folder, stamp
from hairsplit.core.tables import PairsTable, read_pairs
from hairsplit.core.wording import counted
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.forgetting import LabelledImages, labelled_images, read_captions, retrieval, zero_shot
from hairsplit.evaluate.statistics import estimate_json
from hairsplit.evaluate.suite import score_pairs, summarise, warnings_of, write_evaluation


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
    table = read_pairs(on, images)
    side = Side.read(recognition, retrieval, retrieval_split)
    encoder = model_on(model, device)
    new_folder(out)
    seconds: dict[str, float] = {}
    total = len({p.image for p in table.pairs}) + len({t for p in table.pairs for t in (p.caption, p.negative)})
    with progress_bar("pairs", total) as tick:
        scores = score_pairs(encoder, table, seed=seed, tick=tick)
    seconds["pairs"] = round(scores.seconds, 3)
    record = summarise(scores, seed=seed) | side.judge(encoder, seconds, seed=seed)
    record |= {
        "model": {"name": encoder.name, "hash": encoder.parameters_hash()},
        "data": _data(table, on, out),
        "rejects": dict(scores.dropped),
        "warnings": [*warnings_of(scores), *cut_warning(encoder, _texts(table)), *side.warnings],
        "seconds": seconds,
        "stamp": stamp(seed=seed, device=str(next(encoder.parameters()).device)),
    }
    write_evaluation(out, scores, record, seed=seed)
    return record


def _texts(table: PairsTable) -> Iterator[str]:
    for pair in table.pairs:
        if pair.negative is not None:
            yield from (pair.caption, pair.negative)


def cut_warning(encoder: DualEncoder, texts: Iterable[str]) -> list[str]:
    """How many different texts the model read in part only, if any."""
    length = encoder.context_length
    cut = sum(encoder.tokenizer.is_over_long(text, length) for text in set(texts))
    return [f"{counted(cut, 'text')} of more than {length} tokens, of which the model reads the first"] if cut else []


def _data(table: PairsTable, on: Path, out: Path) -> dict[str, Any]:
    pairs = [pair for pair in table.pairs if pair.negative is not None]
    root = Path(os.path.relpath(table.root.resolve(), out.resolve())).as_posix()
    images = len({pair.image for pair in pairs})
    return {"name": on.name, "hash": table.hash, "pairs": len(pairs), "images": images, "images_root": root}


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
                found = zero_shot(encoder, labelled, seed=seed, tick=tick)
            classes: dict[str, Any] = {"name": labelled.root.resolve().name, "classes": len(labelled.classes)}
            if labelled.others:
                classes["files that are no pictures"] = labelled.others
            record["recognition"] = classes | {name: estimate_json(value) for name, value in found.items()}
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
    images = len({image for image, _ in rows})
    with progress_bar("retrieval", images + len(rows)) as tick:
        found = retrieval(encoder, root, rows, seed=seed, tick=tick)
    numbers: dict[str, Any] = {name: estimate_json(value) for name, value in found.items()}
    return numbers | {"images": images, "captions": len(rows)}
