"""Benchmarks in a report: every aggregate with its interval, n and chance, whatever its questions are."""

import json
from pathlib import Path
from typing import Any

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.report.benchmark_folder import read_benchmarked, tables
from hairsplit.report.html import write_report
from hairsplit.report.reading import read_folders


def estimate(value: float, n: int = 40, chance: float | None = 0.25) -> dict[str, Any]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": n, "chance": chance}


def record(**changes: Any) -> dict[str, Any]:
    first = {"name": "group", "published": "the paper", "estimate": estimate(0.123)}
    numbers = [
        first | {"value_by_the_suites_own_tie_rule": 0.2},
        {"name": "text <b>", "published": "", "estimate": estimate(0.456, chance=None)},
        {"name": "image", "published": "", "estimate": None},
    ]
    entry = {"name": "winoground", "title": "Winoground: two", "tie_rule": "strict", "citation": "Thrush"}
    return {
        "version": 1,
        "benchmark": entry | {"reference": "arXiv:1", "licence": "theirs"},
        "model": {"name": "some model", "hash": "h"},
        "data": {"name": "winoground", "hash": "d"},
        "items": 400,
        "aggregates": numbers,
        "by_kind": {"verb": {"text": estimate(0.7), "image": estimate(0.6)}, "noun": {"text": estimate(0.5)}},
        "text_only": {"overall": None, "note": "no text-only baseline: same words"},
        "left_out": {"missing_image": 3},
        "warnings": ["399 items were judged"],
    } | changes


def folder(path: Path, **changes: Any) -> Path:
    path.mkdir(parents=True)
    (path / "benchmark.json").write_text(json.dumps(record(**changes)), "utf-8")
    return path


def test_all_numbers_are_read(tmp_path: Path) -> None:
    found = read_benchmarked(folder(tmp_path / "a"), "a")
    rows = [(row.name, row.own_rule) for row in found.aggregates]
    assert rows == [("group", 0.2), ("text <b>", None), ("image", None)]
    assert found.aggregates[0].estimate is not None
    assert (found.aggregates[0].estimate.value, found.aggregates[0].estimate.chance) == (0.123, 0.25)
    assert found.aggregates[2].estimate is None
    assert [row.name for row in found.kinds] == ["verb, text", "verb, image", "noun"]
    assert (found.items, found.left_out) == (400, {"missing_image": 3})


def test_models_on_the_same_items_stand_side_by_side_and_others_apart(tmp_path: Path) -> None:
    few = [{"name": "text <b>", "published": "", "estimate": estimate(0.9)}]
    changes: list[tuple[str, dict[str, Any]]] = [
        ("a", {}), ("b", {"data": {"name": "winoground", "hash": "other items"}}), ("c", {"aggregates": few})
    ]  # fmt: skip
    one, two = tables([read_benchmarked(folder(tmp_path / name, **change), name) for name, change in changes])
    assert ([m.label for m in one.models], [m.label for m in two.models]) == (["a", "c"], ["b"])
    rows = {row.name: cells for row, cells in one.rows("aggregates")}
    assert [cell and cell.name for cell in rows["group"]] == ["group", None]
    assert [cell and cell.name for cell in rows["text <b>"]] == ["text <b>", "text <b>"]


def test_the_page_shows_each_number_with_interval_n_and_chance(tmp_path: Path) -> None:
    folder(tmp_path / "runs" / "a")
    page = write_report([tmp_path / "runs"], tmp_path / "r.html").read_text("utf-8").replace("\u00a0", " ")
    for text in (
        "Report: winoground", "12.3 %", "[2.3, 22.3]", "n = 40; the paper", "25.0 %", "own tie rule 20.0 %",
        "text &lt;b&gt;", "verb, image", "no text-only baseline: same words", "left out 3, missing_image",
        "399 items were judged", "Cite: Thrush (arXiv:1). Licence: theirs.", "some model", "400 items of winoground",
    ):  # fmt: skip
        assert text in page, text
    assert "text <b>" not in page
    # headings that stay in view while the rest scrolls have the colour of a card: each table must lie on one
    assert '<div class="scroll card" role="region" tabindex="0" aria-label="winoground: number">' in page
    details = page[page.index("<details><summary>By kind") : page.index("</details>")]
    assert 'aria-label="winoground: kind"' in details


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "version is missing"),
        (json.dumps(record(version=2)), "has version 2"),
        (json.dumps(record(aggregates={})), "aggregates is not a list"),
        (json.dumps(record(aggregates=[{"estimate": None}])), r"aggregates\.name is missing"),
        (json.dumps(record(aggregates=[{"name": "a", "estimate": {"value": 1}}])), r"estimate\.n is not a number"),
        ("{", r"benchmark\.json"),
    ],
)
def test_a_torn_or_foreign_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "benchmark.json").write_text(content, "utf-8")
    with pytest.raises(HairsplitError, match=message) as caught:
        read_folders([tmp_path])
    assert caught.value.where.startswith(str(tmp_path / "benchmark.json"))
