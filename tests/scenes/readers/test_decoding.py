"""Graphs are decoded by a faster library than the standard one, to the same values and errors."""

import json
from typing import Any

import msgspec
import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Reject
from hairsplit.scenes.readers.gqa import RawGraph, clean

ODD = (
    '{"width": 9, "height": 9, "objects": {"1": {"name": "cup", "x": %s, "y": 1, "w": 2, "h": 2}}}',
    '{"width": 9, "height": 9, "objects": {"1": {"name": %s, "x": 1, "y": 1, "w": 2, "h": 2}}}',
    '{"width": 9, "height": 9, "objects": {"1": {"name": "cup", "x": 1, "y": 1, "w": 2, "h": 2, "note": %s}}}',
    "%s",
)
VALUES = (
    "1",
    "1.0",
    "-0",
    "1e-3",
    "0.1",
    "1e23",
    "9007199254740993",
    "1" * 30,
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
)
TEXTS = (
    '"cup"',
    '"caf\\u00e9"',
    '"\\ud83d\\ude00"',
    '"\\ud800"',
    '"a\\u0000b"',
    '"\x7f"',
    '"a\tb"',
    '""',
    "null",
    "[[1]]",
)
WRONG = ("", "01", "1.", "'a'", '"\\x"', "[1,]", "nul")


@pytest.mark.parametrize("value", [*VALUES, *TEXTS, *WRONG])
@pytest.mark.parametrize("graph", ODD)
def test_a_graph_is_decoded_as_the_standard_library_decodes_it(
    graph: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = RawGraph("g.json", "1", (graph % value).encode())

    def read_by(decode: Any) -> object:
        monkeypatch.setattr("hairsplit.scenes.readers.gqa.msgspec.json.decode", decode)
        rejects: list[Reject] = []
        try:
            return clean(raw, rejects), rejects
        except HairsplitError as error:
            return str(error)

    assert read_by(msgspec.json.decode) == read_by(json.loads)
