"""`hairsplit compare` on the command line, and what came of it as plain text on the terminal."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from hairsplit.core.errors import HairsplitError
from hairsplit.core.wording import counted, percent

Record = Mapping[str, Any]
_NAME, _VALUE = 34, 24
_MOST_KINDS = 25
"""Kinds of a suite that are printed; all are in compare.csv."""
_MANY = frozenset({"kind", "kind and edit role"})

Cache = Annotated[
    Path | None, Option(help="Folder of embeddings, for other comparisons too; by default embeddings/ in --out.")
]
Probe = Annotated[
    bool, Option("--linear-probe", help="With --recognition: logistic regression on the pictures' embeddings, too.")
]
Alphas = Annotated[
    str | None,
    Option(metavar="ALPHAS", help="Models between the base and each other one, too: 0.25,0.5 or 0.1:0.9:0.1."),
]
Picked = Annotated[str | None, Option(help="knee: write the model at the bend of gain against forgetting to picked/.")]


def compare(
    models: Annotated[list[str], Argument(metavar="MODEL MODEL...", help="As for evaluate; the first is the base.")],
    out: Annotated[Path, Option("--out", "-o", help="Where the result goes; must not exist yet.")],
    on: Annotated[
        list[str] | None,
        Option(metavar="SUITE", help="Pairs table, BENCHMARK, or BENCHMARK=DIR with its files; any number of times."),
    ] = None,
    data: Annotated[
        Path | None, Option(help="Folder of the benchmarks' files, or with a sub folder for each benchmark.")
    ] = None,
    images: Annotated[
        list[str] | None, Option(metavar="DIR|SUITE=DIR", help="Folder of the pictures, of all suites or of one.")
    ] = None,
    allow_missing: Annotated[
        bool, Option("--allow-missing", help="Judge on the items of a benchmark that are there; count the others.")
    ] = False,
    recognition: Annotated[Path | None, Option(help="Folder per class, for zero-shot classification.")] = None,
    retrieval: Annotated[Path | None, Option(help="JSON lines of {image, captions}, for recall@k.")] = None,
    retrieval_split: Annotated[str | None, Option(help="Only rows of this `split` or `set`.")] = None,
    cache: Cache = None,
    cache_megabytes: Annotated[int, Option(min=0, help="Of that folder at most; 0: kept in memory only.")] = 4_096,
    linear_probe: Probe = False,
    wise_ft: Alphas = None,
    pick: Picked = None,
    seed: Annotated[int, Option(help="Of everything random; the same seed gives the same bytes.")] = 0,
    device: Annotated[str | None, Option(help="cpu, cuda:0, ...; by default a GPU if there is one.")] = None,
) -> None:
    """Judge models side by side: paired differences with intervals, exact tests, ties, a text-only baseline."""
    from hairsplit import api  # here, so that --help does not load torch
    from hairsplit._verbs.sweep import alphas_of

    if pick not in {None, "knee"}:
        raise HairsplitError(f"no rule is called {pick!r}", where="--pick", hint="knee")
    record = api.compare(
        models,
        on or (),
        out,
        data=data,
        images=images or (),
        allow_missing=allow_missing,
        recognition=recognition,
        retrieval=retrieval,
        retrieval_split=retrieval_split,
        cache=cache,
        cache_megabytes=cache_megabytes,
        linear_probe=linear_probe,
        wise_ft=() if wise_ft is None else alphas_of(wise_ft),
        pick=None if pick is None else "knee",
        seed=seed,
        device=device,
        say=lambda line: typer.echo(line, err=True),
    )
    for line in comparison_lines(record):
        typer.echo(line)
    typer.echo(f"all numbers are in {out}/compare.csv and compare.json; pictures: hairsplit report {out}")
    for sweep in record["sweeps"]:
        if pick:
            typer.echo(f"{sweep['knee']} is in {out}/picked/{sweep['model']}")
    if record["sweeps"]:
        typer.echo(f"gain against forgetting: {out}/trade_off.svg")


def comparison_lines(record: Record) -> Iterator[str]:
    """The headline of every suite, then each suite in full."""
    base = record["base"]
    yield f"{'change from ' + base:<{_NAME}}{'n':>7}  {base:<{_VALUE}}model, its value and change, p by Holm"
    between = {point["model"] for sweep in record["sweeps"] for point in sweep["points"] if 0 < point["alpha"] < 1}
    suites = [_without(suite, between) for suite in record["suites"]]
    for suite in suites:
        for measure in suite["measures"][:1]:
            yield from _headline(suite["name"], measure, base)
    for suite in suites:
        yield ""
        yield from _suite(suite, base)
    yield ""
    yield from _drift({model: sides for model, sides in record["drift"].items() if model not in between})
    for sweep in record["sweeps"]:
        yield ""
        yield from _sweep(sweep)
    kept = record["embeddings"]
    torn = f", {counted(kept['damaged'], 'damaged one')} encoded again" if kept["damaged"] else ""
    yield ""
    yield f"embeddings: {kept['encoded']:,} encoded, {kept['read']:,} read from the cache{torn}"
    yield from record["warnings"]


def _without(suite: Record, models: Collection[str]) -> Record:
    """A suite without the columns of some models: those of a sweep have a table of their own, and all are in files."""

    def kept(of_models: Record) -> Record:
        return {model: value for model, value in of_models.items() if model not in models}

    measures = [{**measure, "models": kept(measure["models"])} for measure in suite["measures"]]
    warnings = [line for line in suite["warnings"] if line.partition(": ")[0] not in models]
    return {**suite, "measures": measures, "left_out": kept(suite["left_out"]), "warnings": warnings}


def _headline(suite: str, measure: Record, base: str) -> Iterator[str]:
    first = measure["models"][base]["estimate"]
    name = _padded(f"{suite}: {measure['name']}")
    head = f"{name}{first['n']:>7}  {percent(first):<{_VALUE}}"
    for model, cell in measure["models"].items():
        if model != base:
            p_value = "" if cell["p_holm"] is None else f"  p {_p(cell['p_holm'])}"
            yield f"{head}{model}: {100 * cell['estimate']['value']:.1f} %  {_change(cell['difference'])}{p_value}"
            head = " " * (_NAME + 9 + _VALUE)


def _suite(suite: Record, base: str) -> Iterator[str]:
    data = suite["data"]
    others = [model for model in suite["measures"][0]["models"] if model != base] if suite["measures"] else []
    yield f"{suite['name']}: {data.get('title', data['name'])}, {data['items']:,} items of {data['images']:,} images"
    columns = "".join(f"  {model:<{_VALUE + 6}}" for model in others)
    yield f"{'':<{_NAME}}{'n':>7}{'chance':>8}{'text-only':>11}  {base:<{_VALUE}}{columns}{'ties':>6}"
    part, shown = "", 0
    for measure in suite["measures"]:
        if measure["part"] != part:
            part, shown = measure["part"], 0
            if part not in {"overall", "aggregate"}:
                yield f"by {part}"
        shown += 1
        if part not in _MANY or shown <= _MOST_KINDS:
            yield _row(measure, base, others)
        elif shown == _MOST_KINDS + 1:
            yield "  and more, in compare.csv"
    note = suite["text_only"]["note"]
    if note:
        yield note if note.startswith("no text-only") else f"text-only: {note}"
    for model, reasons in suite["left_out"].items():
        yield f"left out for {model}: " + ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items()))
    yield from suite["warnings"]


def _row(measure: Record, base: str, others: list[str]) -> str:
    cells = measure["models"]
    first = cells[base]["estimate"]
    indent = "" if measure["part"] in {"overall", "aggregate"} else "  "
    name = f"{indent}{measure['name']}"
    text = measure["text_only"]
    line = f"{_padded(name)}{first['n']:>7}{_share(first['chance']):>8}{_share(text['value'] if text else None):>11}"
    line += f"  {percent(first):<{_VALUE}}"
    for model in others:
        cell = cells[model]
        shown = f"{100 * cell['estimate']['value']:.1f} %  {_change(cell['difference'])}"
        line += f"  {shown:<{_VALUE + 6}}"
    ties = [cell["ties"] for cell in cells.values()]
    return (line + ("" if None in ties else "  " + "/".join(map(str, ties)))).rstrip()


def _padded(name: str) -> str:
    """Filled up to the first column's width; a longer name has a line of its own."""
    return f"{name:<{_NAME}}" if len(name) < _NAME else f"{name}\n{'':<{_NAME}}"


def _sweep(sweep: Record) -> Iterator[str]:
    """From the base to a model: gain, what is kept, and which models no other beats on both."""
    gain, kept = sweep["gain"], sweep["kept"]
    yield f"from the base to {sweep['model']}: {gain['suite']}, {gain['measure']} | {kept['suite']}, {kept['measure']}"
    for point in sweep["points"]:
        marks = ("front" if point["on_front"] else "") + (", knee" if point["model"] == sweep["knee"] else "")
        both = "".join(f"{percent(point[side]):<{_VALUE}}" for side in ("gain", "kept"))
        yield f"  {point['alpha']:<8g}{both}{marks}".rstrip()


def _drift(drifts: Record) -> Iterator[str]:
    """How far embeddings have moved: mean cosine to the base's, and CKA, 1 where nothing moved."""
    yield f"{'drift from the base':<{_NAME}}{'n':>7}  {'cosine to the base':<{_VALUE}}CKA"
    for model, sides in drifts.items():
        for side, found in sides.items():
            if found is not None:
                n = (found["cka"] or found["cosine"] or {"n": 0})["n"]
                head = f"{model + ', ' + side:<{_NAME}}{n:>7}"
                yield f"{head}  {_number(found['cosine']):<{_VALUE}}{_number(found['cka'])}"


def _number(estimate: Record | None) -> str:
    """A cosine or CKA: "0.784 [0.779, 0.789]"."""
    return "-" if estimate is None else _bounded(estimate, 1, ".3f")


def _change(change: Record | None) -> str:
    """A paired difference in points: "+5.1 [+3.2, +7.0]"."""
    return "" if change is None else _bounded(change, 100, "+.1f")


def _bounded(estimate: Record, scale: float, form: str) -> str:
    value, *ends = (estimate[name] for name in ("value", "low", "high"))
    interval = "unknown" if None in ends else ", ".join(f"{scale * end:{form}}" for end in ends)
    return f"{scale * value:{form}} [{interval}]"


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.2g}"
