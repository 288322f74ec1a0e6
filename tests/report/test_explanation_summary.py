"""The page of explained margins, from a summary made by hand."""

from pathlib import Path
from typing import Any

import pytest

from hairsplit.report.explanation_summary import (
    estimate,
    kinds_of,
    margin_bars,
    summary_view,
    unit_of,
    write_summary_page,
)


def number(value: float, width: float | None = 0.1, chance: float | None = None) -> dict[str, Any]:
    ends = {"low": None, "high": None} if width is None else {"low": value - width, "high": value + width}
    return {"value": value, "n": 5, "chance": chance, **ends}


def part(margin: float, *, indirect: int = 0, heat: bool = True) -> dict[str, Any]:
    return {
        "pairs": 5,
        "images": 4,
        "direct": 5 - indirect,
        "indirect": indirect,
        "pair_accuracy": number(0.8, chance=0.5),
        "blank_accuracy": number(0.5, chance=0.5),
        "margin": number(margin),
        "on_blank_image": number(0.25 * margin),
        "with_image": number(0.75 * margin),
        "reference_shift": number(0.0),
        "blank_share": number(0.25, None),
        "blank_weight": number(0.4),
        "edited_share": None,
        "heat_inside": number(0.3, chance=0.1) if heat else None,
        "with_box": 5 * heat,
        "without_box": {} if heat else {"no boxes in the table": 5},
        "gap": {"largest": 2e-4, "mean": 1e-5},
        "residual": 3e-4,
    }


def record(
    *, indirect: int = 0, heat: bool = True, kinds: tuple[str, ...] = ("<b>swap</b>", "count")
) -> dict[str, Any]:
    return {
        "version": 1,
        "model": {"name": "<script>alert(1)</script>", "hash": "abc"},
        "data": {"name": "pairs & co.parquet", "hash": "def", "chosen": 12},
        "sample": 5,
        "seed": 0,
        "indirect": False,
        "settings": {"score": "cosine", "text_layer": 0},
        "logit_scale": 50.0,
        "dropped": {"picture missing": 2},
        "overall": part(0.02, indirect=indirect, heat=heat),
        "kinds": {kind: part(0.01 * (n + 1), indirect=indirect, heat=heat) for n, kind in enumerate(kinds)},
    }


def test_the_page_is_one_file_that_loads_nothing_and_escapes_strangers_text(tmp_path: Path) -> None:
    page = write_summary_page(record(), tmp_path / "a.html").read_text("utf-8")
    assert "<script" not in page
    assert "<b>swap" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "http-equiv" in page
    assert page.count("<svg") == 3
    assert "2 rows: picture missing" in page
    assert write_summary_page(record(), tmp_path / "b.html").read_text("utf-8") == page


def test_means_are_told_in_logits_and_unknown_ends_as_such(tmp_path: Path) -> None:
    page = write_summary_page(record(), tmp_path / "a.html").read_text("utf-8")
    assert "+1.000" in page  # 0.02 x 50
    assert "no interval" in page
    told = margin_bars(record())
    assert "count: on the blank image +0.25, with the image +0.75, margin +1.00" in told
    dot = record()
    dot["settings"]["score"] = "dot"
    assert unit_of(dot) == (1.0, "dot product")


def test_blanks_of_unequal_length_are_drawn_only_where_there_are_any() -> None:
    assert "unequal length" not in margin_bars(record())
    assert "unequal length" in margin_bars(record(indirect=1))


def test_without_boxes_there_is_no_heat(tmp_path: Path) -> None:
    page = write_summary_page(record(heat=False), tmp_path / "a.html").read_text("utf-8")
    assert page.count("<svg") == 2
    assert "5 pairs without heat in boxes: no boxes in the table" in page


def test_one_kind_alone_is_not_told_twice() -> None:
    assert list(kinds_of(record(kinds=("count",)))) == ["count"]
    assert list(kinds_of(record()))[-1] == "all pairs"
    assert len(summary_view(record())["rows"]) == 3


def test_an_estimate_keeps_chance_and_scales_its_ends() -> None:
    found = estimate(number(0.2, 0.1, 0.5), 10.0)
    assert found is not None
    assert (found.value, found.low, found.high, found.chance) == pytest.approx((2.0, 1.0, 3.0, 0.5))
    assert estimate(None) is None
