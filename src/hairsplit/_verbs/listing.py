"""`hairsplit list`: what can be chosen, each with one line."""

import inspect

from hairsplit.captions import FAMILIES
from hairsplit.captions.from_text import RULES
from hairsplit.data.bundles import BUNDLES
from hairsplit.data.formats import FORMATS
from hairsplit.evaluate.benchmarks import BENCHMARKS, Benchmark
from hairsplit.losses import LOSSES
from hairsplit.losses.objectives import OBJECTIVES


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
    }


def _benchmark_line(entry: Benchmark) -> str:
    items = f"{entry.items:,} items" if entry.items is not None else entry.items_note
    chances = [f"{100 * chance:.1f}" for chance in entry.chance.values() if chance is not None]
    chance = f"chance {' / '.join(chances)} %" if chances else "chance depends on the items"
    return f"{entry.title} ({items}; {chance}; {entry.reference})"


def _line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]
