"""Words that several layers print."""

from collections.abc import Mapping
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
