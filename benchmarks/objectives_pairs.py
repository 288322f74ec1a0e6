"""Paired comparisons within the comparison of objectives: mode by mode, and the default objective in every mode.

    python benchmarks/objectives_pairs.py FOLDER [--modes text_encoder full_encoder]

Differences to the default objective in the same mode, then of the default objective to itself in the default mode;
percentage points, the seeds that both have, the same pictures in each resample. FOLDER is that of
`benchmarks/objectives.py`; see there, and `objectives_table.py` for what the columns mean.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from objectives_table import DEFAULT, DEFAULT_MODE, Found, Hits, cell, changes, markdown, points, read, shared_hits

from hairsplit.core.errors import HairsplitError

SHOWN = ("gain", "recognition", "retrieval")


def within(found: Found, mode: str) -> list[str]:
    """Each objective against the default one, in one mode; no table if that has not been run."""
    rows = []
    for name in found.objectives:
        pair = shared_hits(found, (DEFAULT, name), mode) if name != DEFAULT and found.of(name, mode) else {}
        if pair:
            rows.append([name, *_differences(found, pair[DEFAULT], pair[name])])
    if not rows:
        return []
    return [f"`{mode}`, each minus `{DEFAULT}`:", "", *markdown(["objective", *SHOWN], rows)]


def across(found: Found) -> list[str]:
    """The default objective in each mode against itself in the default mode."""
    start = cell(found, DEFAULT, DEFAULT_MODE)
    rows = []
    for mode in found.modes:
        one = cell(found, DEFAULT, mode)
        if mode != DEFAULT_MODE and one.hits is not None and start.hits is not None:
            rows.append([mode, *_differences(found, start.hits, one.hits), f"{one.step / start.step:.2f}"])
    if not rows:
        return []
    title = f"`{DEFAULT}`, each mode minus `{DEFAULT_MODE}`, and the processor time of a step next to that one's:"
    return [title, "", *markdown(["trainable", *SHOWN, "step"], rows)]


def _differences(found: Found, before: Hits, after: Hits) -> list[str]:
    change = changes(found, before, after)
    return [points(change[name]) for name in SHOWN]


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--modes", nargs="+", help="those of the folder if left out")
    arguments = parser.parse_args(words)
    try:
        found = read(arguments.folder)
    except HairsplitError as error:
        sys.exit(str(error))
    tables = [line for mode in arguments.modes or found.modes for line in within(found, mode)]
    print("\n".join([*tables, *across(found)]) or "nothing of it can be paired yet")


if __name__ == "__main__":
    main()
