"""`hairsplit compare`: models side by side on any suites, with paired differences to the first."""

import contextlib
import csv
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hairsplit._verbs.asked_suites import read_suites
from hairsplit._verbs.compared_models import Known, Model, check_names, known_model, labels_of, loaded, twins
from hairsplit._verbs.drifting import Rows, Watched, drift_json, embedded, watched
from hairsplit._verbs.evaluate import Side
from hairsplit._verbs.suites import Asked, Blind, Judged, Suite, Work
from hairsplit._verbs.sweep import (
    Pick,
    betweens,
    check_axes,
    inner,
    sweep_json,
    write_figure,
    write_picked,
)
from hairsplit.core.errors import HairsplitError
from hairsplit.core.progress import progress_bar
from hairsplit.core.run import atomic_file, filled_folder, folder_name, refuse_full, stamp, write_json
from hairsplit.core.slot_file import can_share
from hairsplit.core.wording import counted
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.comparison import COLUMNS, Compared, compare, corrected, csv_rows, rows_json
from hairsplit.evaluate.embedding_cache import EmbeddingCache

VERSION = 1
"""Of compare.json."""
CACHE = "embeddings"
"""Sub folder of the result that holds the embeddings, if no other is named."""
_RECORDS = frozenset({"pairs", "benchmark"})
"""Suites whose folders `hairsplit report` reads."""
Say = Callable[[str], None]


def run_comparison(
    models: Sequence[str | Path | DualEncoder],
    on: Sequence[str | Path],
    out: Path,
    *,
    data: Path | None,
    images: Sequence[str | Path],
    allow_missing: bool,
    recognition: Path | None,
    retrieval: Path | None,
    retrieval_split: str | None,
    cache: Path | None,
    cache_megabytes: int,
    linear_probe: bool,
    wise_ft: Sequence[float],
    pick: Pick | None,
    seed: int,
    device: str | None,
    say: Say,
) -> dict[str, Any]:
    """See `hairsplit.api.compare`."""
    started = time.perf_counter()
    labels = labels_of(models)
    refuse_full(out, {CACHE})
    _check_cache(cache, out)
    between = betweens(models, labels, inner(wise_ft))
    check_names(labels, between)
    side = Side.read(recognition, retrieval, retrieval_split)
    suites = read_suites(
        on, data=data, images=images, allow_missing=allow_missing, side=side, linear_probe=linear_probe
    )
    check_axes([suite.sort for suite in suites], pick, sweeps=bool(between))
    named: dict[str, Model] = {**dict(zip(labels, models, strict=True)), **{one.name: one for one in between}}
    known = [known_model(label, model, device) for label, model in named.items()]
    folder = (cache or out / CACHE) if cache_megabytes and (can_share() or cache is not None) else None
    with closing(EmbeddingCache(folder, cache_megabytes)) as kept, filled_folder(out, {CACHE}) as temporary:
        work = [suite.work() for suite in suites]
        blinds = _prepared(suites, work, kept, seed, say)
        bench = _Bench(suites, work, blinds, kept, device, (temporary, out), seed, say)
        judged, moved = _judged(known, bench)
        record = _record(known, bench, judged, moved)
        if between:
            record["sweeps"] = sweep_json(record, between)
            write_figure(temporary, record["sweeps"], pick=pick)
        for sweep in record["sweeps"] if pick is not None else ():
            write_picked(temporary, sweep, between, dict(zip(labels, models, strict=True)))
        record |= {"seconds": round(time.perf_counter() - started, 3), "stamp": stamp(seed=seed)}
        _write(temporary, record)
    return record


@dataclass(frozen=True)
class _Bench:
    """What every model is judged on, and with what."""

    suites: Sequence[Suite]
    work: Sequence[Work]
    """Of each suite."""
    blinds: Sequence[Blind]
    kept: EmbeddingCache
    device: str | None
    out: tuple[Path, Path]
    """Where the scores are written, and where that folder will lie in the end."""
    seed: int
    say: Say


def _judged(
    known: Sequence[Known], bench: _Bench
) -> tuple[dict[str, Sequence[Judged]], dict[str, dict[str, dict[str, Any] | None]]]:
    """Every model on every suite, and how far each has drifted from the first."""
    what = watched(bench.work, bench.seed)
    base: dict[str, Rows] | None = None
    judged: dict[str, Sequence[Judged]] = {}
    moved: dict[str, dict[str, dict[str, Any] | None]] = {}
    for n, one in enumerate(known):
        judged[one.label], rows = _judge(one, f"{one.label} ({n + 1} of {len(known)})", bench, what)
        if base is None:
            base = rows
        else:
            moved[one.label] = drift_json(what, base, rows, seed=bench.seed)
    return judged, moved


def _record(
    known: Sequence[Known],
    bench: _Bench,
    judged: Mapping[str, Sequence[Judged]],
    moved: Mapping[str, dict[str, dict[str, Any] | None]],
) -> dict[str, Any]:
    suites = bench.suites
    compared = _compared(suites, bench.blinds, judged, bench.seed)
    return {
        "version": VERSION,
        "base": known[0].label,
        "models": [{"label": one.label, "name": one.name, "hash": one.hash} for one in known],
        "suites": [
            _suite_json(suite, compared[n], bench.blinds[n], {label: own[n] for label, own in judged.items()})
            for n, suite in enumerate(suites)
        ],
        "holm": {"tests": len(suites) * (len(known) - 1), "over": "the first measure of each suite and model"},
        "drift": dict(moved),
        "sweeps": [],
        "folders": [
            _folder(label, suite.name).as_posix() for label in judged for suite in suites if suite.sort in _RECORDS
        ],
        "embeddings": vars(bench.kept.counts),
        "warnings": twins(known),
    }


def _check_cache(cache: Path | None, out: Path) -> None:
    """See that embeddings have a folder of their own.

    Raises:
        HairsplitError: `cache` is a file, or lies where the result goes.
    """
    if cache is None:
        return
    if cache.exists() and not cache.is_dir():
        raise HairsplitError(f"{cache} is a file", where="--cache", hint="name a folder")
    here, result = cache.resolve(), out.resolve()
    if here != result / CACHE and (here == result or result in here.parents):
        raise HairsplitError(f"{cache} is where the result goes", where="--cache", hint=f"leave it out: {out / CACHE}")


def _prepared(suites: Sequence[Suite], work: Sequence[Work], kept: EmbeddingCache, seed: int, say: Say) -> list[Blind]:
    """Read every picture's bytes, so that a missing one is found now, and fit the blind readers."""
    pictures = {path for shown, _ in work for path, _ in shown}
    with progress_bar("hashing pictures", len(pictures)) as tick:
        for path in sorted(pictures):
            kept.content(path)
            tick(1)
    say(f"{counted(len(suites), 'suite')}, {counted(len(pictures), 'picture')}")
    return [suite.blind(seed) for suite in suites]


def _judge(known: Known, shown: str, bench: _Bench, what: Watched) -> tuple[list[Judged], dict[str, Rows]]:
    """Judge one model on every suite, each picture and text being encoded once; also what is watched of it."""
    label, suites, cache = known.label, bench.suites, bench.kept
    encoder = loaded(known.model, bench.device)
    if encoder.parameters_hash() != known.hash:
        raise HairsplitError("the weights have changed meanwhile", where=str(label), hint="compare them again")
    total = sum(len(set().union(*parts)) for parts in zip(*bench.work, strict=True))
    found: dict[int, Judged] = {}
    order = sorted(range(len(suites)), key=lambda n: suites[n].sort in _RECORDS)  # whose records hold the others'
    beside: dict[str, Any] = {"recognition": None, "retrieval": None}
    with closing(cache.of(encoder)) as kept:
        with progress_bar(shown, total) as tick:
            ask = partial(Asked, encoder, kept, seed=bench.seed, tick=tick)
            for n in order:
                suite = suites[n]
                started, before = time.perf_counter(), replace(cache.counts)
                place = _folder(label, suite.name)
                final = bench.out[1] / place
                asked = ask(blind=bench.blinds[n], beside=beside, folder=bench.out[0] / place, final=final)
                with _told_of(f"{label} on {suite.name}"):
                    found[n] = suite.judge(asked)
                beside |= found[n].beside or {}
                encoded, read = cache.counts.encoded - before.encoded, cache.counts.read - before.read
                seconds = time.perf_counter() - started
                bench.say(
                    f"{label} on {suite.name}: {encoded:,} encoded, {read:,} read from the cache, {seconds:.1f} s"
                )
        rows = embedded(what, encoder, kept)
    return [found[n] for n in range(len(suites))], rows


@contextlib.contextmanager
def _told_of(what: str) -> Iterator[None]:
    """Name the model and the suite in an error that knows neither: of several, which one has diverged."""
    try:
        yield
    except HairsplitError as error:
        where = f"{what}, {error.where}" if error.where else what
        raise HairsplitError(error.message, where=where, hint=error.hint) from None


def _folder(model: str, suite: str) -> Path:
    """Of the scores of a model on a suite."""
    return Path("scores", folder_name(model), folder_name(suite))


def _compared(
    suites: Sequence[Suite], blinds: Sequence[Blind], judged: Mapping[str, Sequence[Judged]], seed: int
) -> list[Compared]:
    return corrected(
        [
            compare(
                suite.name,
                {label: own[n].measures for label, own in judged.items()},
                blinds[n].estimates,
                seed=seed,
            )
            for n, suite in enumerate(suites)
        ]
    )


def _suite_json(suite: Suite, compared: Compared, blind: Blind, judged: Mapping[str, Judged]) -> dict[str, Any]:
    return {
        "name": suite.name,
        "sort": suite.sort,
        "data": suite.data(),
        "text_only": blind.json(),
        "left_out": {label: dict(one.left_out) for label, one in judged.items() if one.left_out},
        "warnings": _told(judged),
        "measures": rows_json(compared.rows),
    }


def _told(judged: Mapping[str, Judged]) -> list[str]:
    """Warnings of a suite: once where all models have the same one, else with the model's name."""
    lines = dict.fromkeys(line for one in judged.values() for line in one.warnings)
    common = [line for line in lines if all(line in one.warnings for one in judged.values())]
    own = [f"{label}: {line}" for label, one in judged.items() for line in one.warnings if line not in common]
    return common + own


def _write(folder: Path, record: Mapping[str, Any]) -> None:
    with atomic_file(folder / "compare.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=COLUMNS)
        writer.writeheader()
        writer.writerows(csv_rows(record))
    write_json(folder / "compare.json", record)
