"""`hairsplit list`: what can be chosen, each with one line."""

import inspect

from hairsplit.captions import FAMILIES
from hairsplit.captions.from_text import RULES
from hairsplit.core.catalog import nearest
from hairsplit.core.errors import HairsplitError
from hairsplit.data.bundles import BUNDLES
from hairsplit.data.formats import FORMATS
from hairsplit.evaluate.benchmarks import BENCHMARKS, Benchmark
from hairsplit.explain.methods import METHODS
from hairsplit.losses import LOSSES
from hairsplit.losses.objectives import OBJECTIVES


def run_listing(what: str | None) -> dict[str, list[tuple[str, str]]]:
    """See `hairsplit.api.list_`."""
    known = listing()
    if what is not None and what in dict(known["benchmarks"]):
        return {what: benchmark_facts(what)}
    if what is not None and what not in known:
        raise HairsplitError(f"nothing is listed under {what!r}", where="list", hint=nearest(what, tuple(known)))
    return known if what is None else {what: known[what]}


def listing() -> dict[str, list[tuple[str, str]]]:
    """Kind of thing -> (name, description) rows."""
    return {
        "losses": [(name, _line(LOSSES[name].compute)) for name in LOSSES.names()],
        "objectives": [(name, _line(spec)) for name, spec in OBJECTIVES.items()],
        "formats": [(name, FORMATS[name].description) for name in FORMATS.names()],
        "bundles": [(name, BUNDLES[name].description) for name in BUNDLES.names()],
        "families": [(name, " / ".join(FAMILIES[name].example)) for name in FAMILIES.names()],
        "rules": [(name, " / ".join(RULES[name].example)) for name in RULES.names()],
        "benchmarks": [(name, _benchmark_line(BENCHMARKS[name])) for name in BENCHMARKS.names()],
        "methods": [(name, METHODS[name].description) for name in METHODS.names()],
    }


def benchmark_facts(name: str) -> list[tuple[str, str]]:
    """All that is known of a benchmark: what, and the answer."""
    entry = BENCHMARKS[name]
    chances = [
        f"{outcome} {100 * chance:.1f} %" if chance is not None else f"{outcome} depends on the items"
        for outcome, chance in entry.chance.items()
    ]
    files = [(file.name, file.published) for file in entry.files]
    files += [other for file in entry.files for other in file.others.items()]
    return [
        ("title", entry.title),
        ("items", f"{entry.items:,}" if entry.items is not None else entry.items_note),
        ("chance", ", ".join(chances)),
        ("own tie rule", f"{entry.tie_rule} (here a tie is a miss)"),
        ("licence", entry.licence),
        ("cite", f"{entry.citation} ({entry.reference})"),
        *(("number", f"{rule.name} ({rule.published})" if rule.published else rule.name) for rule in entry.aggregates),
        *(("file", f"{file}  {published}") for file, published in files),
        *(("pictures", f"{collection.name}  {collection.published}") for collection in entry.collections),
    ]


def _benchmark_line(entry: Benchmark) -> str:
    items = f"{entry.items:,} items" if entry.items is not None else entry.items_note
    chances = [f"{100 * chance:.1f}" for chance in entry.chance.values() if chance is not None]
    chance = f"chance {' / '.join(chances)} %" if chances else "chance depends on the items"
    return f"{entry.title} ({items}; {chance}; {entry.reference})"


def _line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]
