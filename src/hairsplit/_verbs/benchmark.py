"""`hairsplit evaluate --on BENCHMARK`: every published aggregate, with intervals, chance and ties both ways."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hairsplit._verbs.evaluate import Side, cut_warning, model_on
from hairsplit.core.catalog import nearest
from hairsplit.core.errors import HairsplitError
from hairsplit.core.progress import progress_bar
from hairsplit.core.run import new_folder, stamp, write_json
from hairsplit.core.tables import write_parquet
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.benchmarks import (
    BENCHMARKS,
    Benchmark,
    Judgement,
    Number,
    Prepared,
    data_record,
    files_of,
    judge_benchmark,
    prepare,
)
from hairsplit.evaluate.statistics import estimate_json, estimate_or_null
from hairsplit.evaluate.suite import summarise, text_only_json, warnings_of, write_evaluation
from hairsplit.evaluate.text_only import TextOnlyBaseline

VERSION = 1
"""Of benchmark.json."""


def is_benchmark(on: str | Path) -> bool:
    """Whether `on` names a benchmark, not a file.

    Raises:
        HairsplitError: It is neither a path nor a benchmark's name.
    """
    name, path = str(on), Path(on)
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return False
    if name in BENCHMARKS.names():
        return True
    if path.exists():
        return False
    hint = nearest(name, BENCHMARKS.names())
    raise HairsplitError(f"{name!r} is neither a file nor a benchmark", where="--on", hint=hint)


def no_benchmark(on: str | Path, data: Path | None, *, allow_missing: bool) -> None:
    """Refuse what only a benchmark has.

    Raises:
        HairsplitError: `data` or `allow_missing` was given with a pairs table.
    """
    if data is not None or allow_missing:
        option = "--data" if data is not None else "--allow-missing"
        raise HairsplitError(f"{on} is a pairs table, no benchmark", where=option, hint="leave it out")


def run_benchmark(
    model: str | Path | DualEncoder,
    name: str,
    out: Path,
    *,
    data: Path | None,
    images: Path | None,
    allow_missing: bool,
    recognition: Path | None,
    retrieval: Path | None,
    retrieval_split: str | None,
    seed: int,
    device: str | None,
) -> dict[str, Any]:
    """See `hairsplit.api.evaluate`."""
    prepared = prepare(name, BENCHMARKS[name], needed(name, data), images=images, allow_missing=allow_missing)
    side = Side.read(recognition, retrieval, retrieval_split)
    encoder = model_on(model, device)
    new_folder(out)
    with progress_bar(name, prepared.total) as tick:
        judged = judge_benchmark(encoder, prepared, seed=seed, tick=tick)
    seconds = {"benchmark": round(judged.seconds, 3)}
    beside = side.judge(encoder, seconds, seed=seed)
    record = benchmark_record(encoder, prepared, judged, out, beside=beside, seconds=seconds, seed=seed)
    record["warnings"] += side.warnings
    write_benchmark(out, judged, record, seed=seed)
    return record


def needed(name: str, data: Path | None) -> Path:
    """The folder of a benchmark's files.

    Raises:
        HairsplitError: None was given; says which files it should hold.
    """
    if data is None:
        lines = files_of(BENCHMARKS[name])
        raise HairsplitError(
            f"{name} needs a folder with its files" + (f"\n{lines}" if lines else ""), where="--data", hint="--data DIR"
        )
    return data


def benchmark_record(
    encoder: DualEncoder,
    prepared: Prepared,
    judged: Judgement,
    out: Path,
    *,
    beside: Mapping[str, Any],
    seconds: Mapping[str, float],
    seed: int,
    blind: TextOnlyBaseline | None = None,
) -> dict[str, Any]:
    """benchmark.json; `beside`: `Side.judge`; `blind`: the text-only baseline, if it is at hand."""
    entry = prepared.benchmark
    record = summarise(judged.scores, blind=blind, seed=seed) if judged.scores is not None else {}
    record |= {
        "benchmark": _entry(prepared.name, entry),
        "items": judged.items,
        "aggregates": [_number(number, entry) for number in judged.numbers],
        "by_kind": {
            kind: {outcome: estimate_json(value) for outcome, value in found.items()}
            for kind, found in judged.kinds.items()
        },
        "items_that_tie": dict(judged.ties),
        "left_out": dict(judged.left_out),
        "counts": dict(judged.counts),
    }
    record.setdefault("text_only", _text_only(blind or judged.text_only, entry))
    return {
        **record,
        **beside,
        "model": {"name": encoder.name, "hash": encoder.parameters_hash()},
        "data": _data(prepared, judged, out),
        "rejects": dict(judged.left_out),
        "warnings": [*_warnings(prepared, judged), *cut_warning(encoder, prepared.texts)],
        "seconds": seconds,
        "stamp": stamp(seed=seed, device=str(next(encoder.parameters()).device)),
    }


def write_benchmark(out: Path, judged: Judgement, record: Mapping[str, Any], *, seed: int) -> None:
    """Write items.parquet, what an evaluation of pairs has, where it is one, and, last, benchmark.json."""
    for file, table in (("items.parquet", judged.table), ("statements.parquet", judged.statements)):
        if table is not None:
            write_parquet(out / file, table)
    if judged.scores is not None:
        write_evaluation(out, judged.scores, record, seed=seed)
    write_json(out / "benchmark.json", {"version": VERSION, **record})


def _entry(name: str, entry: Benchmark) -> dict[str, Any]:
    return {
        "name": name,
        "title": entry.title,
        "published_items": entry.items,
        "note": entry.items_note,
        "outcomes": {outcome.name: outcome.meaning for outcome in entry.outcomes},
        "ties": entry.ties,
        "tie_rule": entry.tie_rule,
        "licence": entry.licence,
        "reference": entry.reference,
        "citation": entry.citation,
    }


def _number(number: Number, entry: Benchmark) -> dict[str, Any]:
    return {
        "name": number.name,
        "outcome": number.outcome,
        "over": number.over,
        "published": number.published,
        "estimate": estimate_or_null(number.estimate),
        "value_if_ties_hit": number.ties_hit,
        "value_by_the_suites_own_tie_rule": _own_rule(number, entry),
        "parts": dict(number.parts),
        "published_groups": number.groups,
        "incomplete_units": number.incomplete,
    }


def _own_rule(number: Number, entry: Benchmark) -> float | None:
    """What the suite's own code would print; None where it leaves ties to the order of sorting."""
    if number.estimate is None or entry.ties == "order":
        return None
    return number.ties_hit if entry.ties == "hit" else number.estimate.value


def _text_only(found: TextOnlyBaseline | None, entry: Benchmark) -> dict[str, Any]:
    if found is None:
        return {"overall": None, "macro": None, "kinds": {}, "note": f"no text-only baseline: {entry.blind}"}
    return text_only_json(found)


def _data(prepared: Prepared, judged: Judgement, out: Path) -> dict[str, Any]:
    root = Path(os.path.relpath(prepared.pictures.root.resolve(), out.resolve())).as_posix()
    return data_record(prepared) | {"pairs": judged.items, "images_root": root}


def _warnings(prepared: Prepared, judged: Judgement) -> list[str]:
    entry = prepared.benchmark
    found = warnings_of(judged.scores) if judged.scores is not None else []
    if prepared.folder.missing:
        names = ", ".join(file.name for file in prepared.folder.missing)
        found.append(
            f"{len(prepared.folder.missing)} of {len(entry.files)} files are missing and were not judged: {names}"
        )
    if entry.items is not None and judged.items != entry.items:
        what = f"{judged.items:,} items were judged; the published files hold {entry.items:,}"
        found.append(f"{what}: numbers of other sets of items are not comparable")
    return found
