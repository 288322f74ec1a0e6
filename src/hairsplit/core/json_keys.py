"""Keys that stand twice in a JSON object: parsers keep one of the two in silence."""

import json
import re
import sys
from functools import partial
from typing import Any

import msgspec
import numpy as np

from hairsplit.core.errors import HairsplitError

_KEY_END = re.compile(rb'"\s*:')


def refuse_twins(raw: bytes | msgspec.Raw, where: str) -> None:
    """See that no object in some JSON text, at any depth, has a key twice.

    A flat object, such as a line of JSON lines, takes about a microsecond.

    Args:
        raw: JSON that was decoded before, and so is known to be sound.
        where: For errors.

    Raises:
        HairsplitError: A key stands twice.
    """
    text = bytes(raw)
    if text[:1] == b"{" and len(msgspec.json.decode(text, type=dict[str, msgspec.Raw])) == len(_KEY_END.findall(text)):
        return
    try:
        # numbers are of no interest here, and Python refuses to read very long ones
        json.loads(text, object_pairs_hook=partial(_unique, where), parse_int=str, parse_float=str)
    except (RecursionError, ValueError) as error:
        problem = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise HairsplitError(
            f"torn or not valid JSON: {problem}", where=where, hint="write or fetch the file again, as UTF-8"
        ) from None


def occurrences(pattern: bytes, text: bytes) -> int:
    """How often 1, 2, 4 or 8 bytes stand in a text, those that overlap counted each: at several GB/s."""
    size = len(pattern)
    kind, value = np.dtype(f"u{size}"), int.from_bytes(pattern, sys.byteorder)
    return sum(
        int(np.count_nonzero(np.frombuffer(text, kind, (len(text) - start) // size, start) == value))
        for start in range(min(size, len(text) - size + 1))
    )


def _unique(where: str, members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        keys = [key for key, _ in members]
        twin = next(key for key in keys if keys.count(key) > 1)
        raise HairsplitError(
            f"the key {twin!r} stands twice; which one counts is not known", where=where, hint="remove one of them"
        )
    return found
