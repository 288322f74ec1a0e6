"""`hairsplit evaluate` on the command line, and a benchmark's result as plain text on the terminal."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from hairsplit.cli.arguments import BASE, WISE_FT
from hairsplit.core.wording import percent

Record = Mapping[str, Any]
_MOST_KINDS = 25
"""Kinds that are printed; all are in benchmark.json."""
_NAME = 62


def evaluate(
    model: Annotated[str, Argument(help="'tiny', a run or model folder, OpenAI or open_clip weights, or a hub id.")],
    on: Annotated[str, Option(help="Pairs table, or a benchmark: see `hairsplit list benchmarks`.")],
    out: Annotated[Path, Option("--out", "-o", help="Where the result goes; must not exist yet.")],
    data: Annotated[Path | None, Option(help="Folder of a benchmark's files.")] = None,
    images: Annotated[Path | None, Option(help="Folder of the pictures, if not the table's, or not --data.")] = None,
    allow_missing: Annotated[
        bool, Option("--allow-missing", help="Judge on the items of a benchmark that are there; count the others.")
    ] = False,
    recognition: Annotated[Path | None, Option(help="Folder per class, for zero-shot classification.")] = None,
    retrieval: Annotated[Path | None, Option(help="JSON lines of {image, captions}, for recall@k.")] = None,
    retrieval_split: Annotated[str | None, Option(help="Only rows of this `split` or `set`.")] = None,
    seed: Annotated[int, Option(help="Of everything random; the same seed gives the same bytes.")] = 0,
    device: Annotated[str | None, Option(help="cpu, cuda:0, ...; by default a GPU if there is one.")] = None,
    wise_ft: Annotated[float | None, Option("--wise-ft", metavar="ALPHA", help=WISE_FT)] = None,
    base: Annotated[str | None, Option(help=BASE)] = None,
) -> None:
    """Judge a model on a pairs table or a benchmark: intervals, a text-only baseline, what it still recognises."""
    from hairsplit import api  # here, so that --help does not load torch
    from hairsplit.cli.tables import evaluation_lines

    record = api.evaluate(
        model,
        on,
        out,
        data=data,
        images=images,
        allow_missing=allow_missing,
        recognition=recognition,
        retrieval=retrieval,
        retrieval_split=retrieval_split,
        seed=seed,
        device=device,
        wise_ft=wise_ft,
        base=base,
    )
    for line in benchmark_lines(record) if "benchmark" in record else evaluation_lines(record):
        typer.echo(line)
    typer.echo(f"per-item scores and all numbers are in {out}")


def benchmark_lines(record: Record) -> Iterator[str]:
    """A benchmark: every aggregate with n, interval, chance and the suite's own tie rule; kinds; what to know."""
    entry = record["benchmark"]
    yield entry["title"]
    yield f"{'':<{_NAME}}{'n':>7}  {'ours: a tie is a miss':<24}{'chance':>7}  {'own rule':>8}  reported by"
    for number in record["aggregates"]:
        yield _aggregate(number)
        if number["incomplete_units"]:
            yield f"  {number['incomplete_units']:,} units were left out, as an item of theirs is missing"
    yield from _kinds(record)
    for part in ("recognition", "retrieval"):
        for name, value in (record[part] or {}).items():
            if isinstance(value, dict):
                yield _row(f"{part} {name}", value)
    if entry["ties"] != "miss" or any(record["items_that_tie"].values()):
        ties = ", ".join(f"{name} {count:,}" for name, count in record["items_that_tie"].items())
        yield f"items whose outcome hangs on a tie: {ties or 'unknown'}"
    yield f"own tie rule: {entry['tie_rule']}"
    blind = record["text_only"]
    if blind["overall"]:
        yield f"text-only baseline: {percent(blind['overall'])} of caption pairs, chance 50.0 ({blind['note']})"
    else:
        yield blind["note"]
    for title, counts in (("left out", record["left_out"]), ("besides", record["counts"])):
        told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items()) if count)
        if told:
            yield f"{title}: {told}"
    yield from record["warnings"]
    yield f"cite: {entry['citation']} ({entry['reference']}); licence: {entry['licence']}"


def _kinds(record: Record) -> Iterator[str]:
    kinds = record["by_kind"]
    for kind in list(kinds)[:_MOST_KINDS]:
        for outcome, value in kinds[kind].items():
            name = kind if len(kinds[kind]) == 1 else f"{kind} {outcome}"
            yield _row(f"  {name}", value)
    if len(kinds) > _MOST_KINDS:
        yield f"  and {len(kinds) - _MOST_KINDS:,} more kinds, in benchmark.json"


def _aggregate(number: Record) -> str:
    estimate = number["estimate"]
    if estimate is None:
        return f"{number['name']:<{_NAME}}{0:>7}  no item"
    own = number["value_by_the_suites_own_tie_rule"]
    shown = f"{100 * own:.1f}" if own is not None else ""
    found, published = len(number["parts"]), number["published_groups"]
    name = number["name"] + (f" [{found} of {published}]" if published and found < published else "")
    return f"{_row(name, estimate)}  {shown:>8}  {number['published']}".rstrip()


def _row(name: str, estimate: Record) -> str:
    chance = "" if estimate["chance"] is None else f"{100 * estimate['chance']:.1f}"
    return f"{name:<{_NAME}}{estimate['n']:>7}  {percent(estimate):<24}{chance:>7}"
