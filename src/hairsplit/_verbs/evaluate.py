"""`hairsplit evaluate`: pairs, recognition and retrieval, with text-only baseline and stamp, into one folder."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import new_folder, stamp
from hairsplit.core.tables import PairsTable, read_pairs
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.embed import Progress as Tick
from hairsplit.evaluate.forgetting import LabelledImages, labelled_images, read_captions, retrieval, zero_shot
from hairsplit.evaluate.suite import estimate_json, score_pairs, summarise, warnings_of, write_evaluation


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
    if retrieval_split is not None and retrieval is None:
        raise HairsplitError(
            "a split of no file was asked for", where="--retrieval-split", hint="give the file too: --retrieval FILE"
        )
    table = read_pairs(on, images)
    labelled = labelled_images(recognition) if recognition else None
    rows = _retrieval_rows(retrieval, retrieval_split) if retrieval else None
    encoder = model if isinstance(model, DualEncoder) else dual_encoder.load(model)
    encoder = encoder.to(_device(device))
    new_folder(out)
    seconds: dict[str, float] = {}
    total = len({p.image for p in table.pairs}) + len({t for p in table.pairs for t in (p.caption, p.negative)})
    with _bar("pairs", total) as tick:
        scores = score_pairs(encoder, table, seed=seed, tick=tick)
    seconds["pairs"] = round(scores.seconds, 3)
    record = summarise(scores, seed=seed)
    record["recognition"] = record["retrieval"] = None
    if labelled is not None:
        started = time.perf_counter()
        with _bar("recognition", len(labelled.images)) as tick:
            found = zero_shot(encoder, labelled, seed=seed, tick=tick)
        classes: dict[str, Any] = {"name": labelled.root.resolve().name, "classes": len(labelled.classes)}
        if labelled.others:
            classes["files that are no pictures"] = labelled.others
        record["recognition"] = classes | {name: estimate_json(value) for name, value in found.items()}
        seconds["recognition"] = round(time.perf_counter() - started, 3)
    if rows is not None:
        started = time.perf_counter()
        record["retrieval"] = _retrieval(encoder, *rows, seed=seed)
        seconds["retrieval"] = round(time.perf_counter() - started, 3)
    record |= {
        "model": {"name": encoder.name, "hash": encoder.parameters_hash()},
        "data": _data(table, on, out),
        "rejects": dict(scores.dropped),
        "warnings": [*warnings_of(scores), *_left_out(labelled)],
        "seconds": seconds,
        "stamp": stamp(seed=seed, device=str(next(encoder.parameters()).device)),
    }
    write_evaluation(out, scores, record, seed=seed)
    return record


def _data(table: PairsTable, on: Path, out: Path) -> dict[str, Any]:
    pairs = [pair for pair in table.pairs if pair.negative is not None]
    root = Path(os.path.relpath(table.root.resolve(), out.resolve())).as_posix()
    images = len({pair.image for pair in pairs})
    return {"name": on.name, "hash": table.hash, "pairs": len(pairs), "images": images, "images_root": root}


def _left_out(labelled: LabelledImages | None) -> list[str]:
    if labelled is None or not labelled.others:
        return []
    return [f"recognition: {labelled.others:,} files are no pictures by their suffix and were left out"]


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
    with _bar("retrieval", images + len(rows)) as tick:
        found = retrieval(encoder, root, rows, seed=seed, tick=tick)
    numbers: dict[str, Any] = {name: estimate_json(value) for name, value in found.items()}
    return numbers | {"images": images, "captions": len(rows)}


@contextmanager
def _bar(label: str, total: int) -> Iterator[Tick]:
    """A progress bar with the time left, where the error stream is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done: progress.update(task, advance=done)
