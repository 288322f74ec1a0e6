"""Words that several layers print."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def counted(count: int, noun: str, plural: str = "") -> str:
    """1 -> "1 pair", 2000 -> "2,000 pairs"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def percent(estimate: Mapping[str, Any]) -> str:
    """A share in JSON with its interval: "68.4 % [66.7, 70.2]"."""
    value = f"{100 * estimate['value']:.1f} %"
    if estimate["low"] is None:
        return f"{value} [unknown]"
    return f"{value} [{100 * estimate['low']:.1f}, {100 * estimate['high']:.1f}]"


def settings_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two trees of settings: ["lr was 0.1, is now 0.2", "data.seed was 0, is now null"]."""
    one, two = (dict(_flat(tree)) for tree in (before, now))
    found = []
    for key in [*one, *(key for key in two if key not in one)]:
        old, new = (json.dumps(tree.get(key), default=str) for tree in (one, two))
        if old != new:
            found.append(f"{key} was {old.strip(chr(34))}, is now {new.strip(chr(34))}")
    return found


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
