"""The page of an audit: its numbers, its pictures, and that it fits a phone."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from hairsplit.core.types import Estimate
from hairsplit.evaluate.audit import audit_pairs
from hairsplit.evaluate.audit_columns import columns_of
from hairsplit.evaluate.audit_overlap import compare_pictures, pictures_of, pictures_of_table
from hairsplit.evaluate.audit_sample import sample_pairs
from hairsplit.report.audit_figures import blind_dots, edit_bars, length_bars, word_bars
from hairsplit.report.audit_page import write_audit_page
from tests.evaluate.audits import balanced, pair, planted
from tests.report.test_browser import FRAME, chromium
from tests.small_world import paint

SAME = [pair("same", "a cup", "A cup"), pair("same", "a cup", "a hat"), pair("same", "a hat", "a cup")]


BOXES = """[{"id": "1", "noun": "<cup>", "role": "subject", "x": 0, "y": 6, "w": 30, "h": 12}]"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("audit")
    rows = [*planted(60, "length", "a_kind_with_a_rather_long_name"), *balanced(60), *SAME]
    for n, name in enumerate(sorted({row.image for row in rows})):
        paint(root / "images" / name, (n * 3 % 256, n * 7 % 256, n * 11 % 256))
    shutil.copytree(root / "images", root / "other")
    mine = pictures_of_table(columns_of(rows), root / "images", "t")
    other = pictures_of(root / "other")
    record: dict[str, Any] = audit_pairs(columns_of(rows), resamples=100) | {
        "data": {"name": "t.parquet"},
        "rejects": {"identical_texts": 3},
        "pictures": {"found": len(mine.names), "missing": 0, "copies": {"files": 0}},
        "overlaps": [compare_pictures(mine, other, look=False, workers=1)],
        "looks": [row | {"boxes": BOXES, "evidence": "by_hand"} for row in sample_pairs(columns_of(rows), most=9)],
        "most_bits": 8,
        "stamp": {"seed": 0},
    }
    roots = {mine.label: mine.root, other.label: other.root}
    return write_audit_page(record, root / "audit.html", root=mine.root, roots=roots)


def test_numbers_findings_and_pictures_stand_on_the_page(page: Path) -> None:
    text = page.read_text("utf-8")
    plain = re.sub(r"<[^>]+>|\s+", " ", text)
    assert "a kind with a rather long name" in plain
    assert "Pairs whose texts are the same, but for case and spaces" in text
    assert "left out by the reader: identical texts" in plain
    assert text.count("<svg") == 4
    assert text.count("data:image/") > 12
    assert "by content" in plain
    assert text.count('<span class="box b0" style="left:0.00%;top:25.00%;width:100.00%;height:50.00%"></span>') == 9
    assert text.count("&lt;cup&gt; <small>subject</small>") == 9
    assert "by hand · row" in plain
    assert "nan" not in plain.lower().split()


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_of_an_audit_sticks_out_sideways(page: Path, tmp_path: Path, width: int) -> None:
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=page.as_uri(), width=width), "utf-8")
    dom = chromium(tmp_path / "profile", "--window-size=1400,900", "--dump-dom", frame.as_uri())
    title = re.search(r"<title>(.*?)</title>", dom)
    assert title is not None, dom[:2000]
    assert title[1].startswith(f'{{"width":{width},"out":[],"broken":0,')


def test_figures_tell_their_numbers_to_those_who_do_not_see_them() -> None:
    unknown = Estimate(0.75, float("nan"), float("nan"), 4, 0.5)
    svg = blind_dots({"all": {"length": Estimate(0.1, 0.05, 0.2, 9, 0.5)}, "few": {"length": unknown}}, ["length"])
    assert "all: length 10.0 %; few: length 75.0 %" in svg
    assert "-1: 2, +0: 5, +1: 3" in length_bars({"-1": 2, "0": 5, "1": 3})
    assert "1: 4, 9 or more: 1" in edit_bars({"1": 4, "9 or more": 1})
    assert "not 0 true, 5 negative" in word_bars([{"word": "not", "caption_only": 0, "negative_only": 5}])
