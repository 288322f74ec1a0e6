"""A comparison in a report: one number of each suite, drift, gain against forgetting, and files that are torn."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.report.compare_folder import read_compared
from hairsplit.report.html import write_report
from hairsplit.report.reading import read_folders
from tests.report.folders import write_comparison, write_evaluation
from tests.report.test_html import Page, words


def test_every_number_is_read_with_its_difference(tmp_path: Path) -> None:
    found = read_compared(write_comparison(tmp_path), "c")
    assert (found.base, found.models, found.holm) == ("old", ("new",), 2)
    assert [(suite.name, len(suite.rows), suite.items) for suite in found.suites] == [
        ("test", 3, 60),
        ("seen <i>", 1, 60),
    ]
    row = found.suites[0].rows[1]
    assert (row.name, row.part, row.chance, row.text_only) == ("mean over kinds", "overall", 0.5, None)
    assert (row.cells["old"].difference, row.cells["old"].turned, row.cells["old"].p_holm) == (None, None, None)
    cell = row.cells["new"]
    assert cell.estimate.value == 0.85
    assert cell.difference is not None
    assert cell.difference.value == pytest.approx(0.25)
    assert (cell.turned, cell.p_value, cell.p_holm) == ((17, 3), 0.0026, 0.0052)
    assert [(one.model, one.side, one.cka) for one in found.drift] == [("new", "texts", None)]


def test_a_sweep_is_a_curve_and_its_models_are_no_columns(tmp_path: Path) -> None:
    found = read_compared(write_comparison(tmp_path, sweep=True), "c")
    assert found.models == ("new",)
    assert set(found.suites[0].rows[0].cells) == {"old", "new"}
    assert {one.model for one in found.drift} == {"new"}
    assert found.between == {(tmp_path / "scores/new@0.5/test").resolve()}
    shown = found.trade_off
    assert shown is not None
    assert (shown.gain, shown.kept, shown.swept) == ("mean over kinds (test)", "zero-shot top-1 (seen <i>)", True)
    (curve,) = shown.curves
    assert [(spot.label, spot.gain.value, spot.kept.value, spot.picked) for spot in curve.spots] == [
        ("0", 0.6, 0.99, False),
        ("0.5", 0.8, 0.97, True),
        ("1", 0.85, 0.8, False),
    ]


def test_without_a_sweep_each_model_is_a_point(tmp_path: Path) -> None:
    shown = read_compared(write_comparison(tmp_path), "c").trade_off
    assert shown is not None
    assert not shown.swept
    (curve,) = shown.curves
    told = [(spot.label, spot.gain.value, spot.kept.value, spot.on_front) for spot in curve.spots]
    assert told == [("old", 0.6, 0.99, True), ("new", 0.85, 0.8, True)]


def test_a_model_that_another_beats_is_not_on_the_front(tmp_path: Path) -> None:
    def worse(record: dict[str, Any]) -> None:
        record["suites"][1]["measures"][0]["models"]["new"]["estimate"]["value"] = 0.995

    change(write_comparison(tmp_path), worse)
    shown = read_compared(tmp_path, "c").trade_off
    assert shown is not None
    assert [spot.on_front for spot in shown.curves[0].spots] == [False, True]


def test_where_nothing_can_be_forgotten_there_is_no_trade_off(tmp_path: Path) -> None:
    assert read_compared(write_comparison(tmp_path, recognition=False), "c").trade_off is None
    page = write_report([tmp_path], tmp_path / "r.html").read_text("utf-8")
    assert "Gain against forgetting" not in page


def test_the_page_has_headline_holm_drift_and_the_curve_before_the_kinds(tmp_path: Path) -> None:
    page = write_report([write_comparison(tmp_path, sweep=True)], tmp_path / "r.html").read_text("utf-8")
    text = words(page)
    for part in (
        "Compared with old",
        "corrected for 2 tests (suites × models, those between two included)",
        "test pair accuracy, n = 60 50.0 %",
        "0.0052",
        "17 / 3 0.0026",
        "Gain against forgetting",
        "0.5 80.0 % [75.0, 85.0] 97.0 % [92.0, 102.0] yes, knee",
        "Drift from old",
        "new, texts 50 0.778 [0.728, 0.828] –",
        "new and old &lt;b&gt; have the same weights.",
    ):
        assert part in text, part
    assert "0.5: 80.0 and 97.0 %, knee" in page
    assert "new@0.5" not in page
    assert "seen <i>" not in page
    assert page.index("Compared with old") < page.index("Pair accuracy by kind")
    parsed = Page(page)
    assert parsed.open == []
    assert {link.removeprefix("#") for link in parsed.links} <= set(parsed.ids)
    assert len(parsed.ids) == len(set(parsed.ids))


def test_models_are_called_as_they_were_in_the_comparison(tmp_path: Path) -> None:
    write_comparison(tmp_path, sweep=True)
    material = read_folders([tmp_path])
    assert [one.label for one in material.evaluations] == ["old", "new", "new@0.5"]
    assert [one.label for one in material.without_between().evaluations] == ["old", "new"]
    page = write_report([tmp_path], tmp_path / "r.html").read_text("utf-8")
    assert page.count('<th scope="col" class="num">new</th>') >= 3
    again = write_report([tmp_path], tmp_path / "again.html").read_text("utf-8")
    assert again == page


def test_a_comparison_on_recognition_alone_is_a_report_too(tmp_path: Path) -> None:
    write_comparison(tmp_path)

    def only_recognition(record: dict[str, Any]) -> None:
        record |= {"suites": record["suites"][1:], "folders": []}

    change(tmp_path, only_recognition)
    text = words(write_report([tmp_path], tmp_path / "r.html").read_text("utf-8"))
    assert f"Report: {tmp_path.name}" in text
    assert "seen &lt;i&gt; zero-shot top-1, n = 60" in text
    assert "Pair accuracy by kind" not in text


def test_a_comparison_beside_an_evaluation_and_below_a_folder(tmp_path: Path) -> None:
    write_comparison(tmp_path / "all" / "c")
    write_evaluation(tmp_path / "all" / "more", skill=0.2)
    found = read_folders([tmp_path / "all"])
    assert [one.label for one in found.comparisons] == ["c"]
    assert [one.label for one in found.evaluations] == ["old", "new", "more"]
    assert len(read_folders([tmp_path / "all", tmp_path / "all" / "c"]).comparisons) == 1


def change(folder: Path, how: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "compare.json"
    record = json.loads(path.read_text("utf-8"))
    how(record)
    path.write_text(json.dumps(record), "utf-8")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda r: r.update(version=2), "has version 2; this report reads 1"),
        (lambda r: r.pop("version"), "version is missing"),
        (lambda r: r.update(suites={}), "suites is not a list"),
        (lambda r: r.update(base="gone"), "the base 'gone' is none of the models"),
        (lambda r: r["suites"][0]["measures"][0]["models"].pop("new"), "measures.models.new is missing"),
        (lambda r: r["suites"][0]["measures"][0]["models"]["new"].pop("estimate"), "new.estimate is missing"),
        (lambda r: r.update(folders=["scores/gone/test"]), "is gone from the comparison"),
        (lambda r: r.update(folders=["../x"]), "not a plain path"),
        (lambda r: r.update(folders=None), "folders is not a list"),
        (lambda r: r.update(suites=[3]), "suites is not an object"),
        (lambda r: r["sweeps"][0]["points"][0].pop("alpha"), "alpha is missing"),
        (lambda r: r["sweeps"][0]["points"][0].update(alpha="x"), "alpha is not a number"),
        (lambda r: r["suites"][1].pop("sort"), "suites.sort is missing"),
        (lambda r: r["holm"].update(tests="x"), "holm.tests is not a number"),
        (lambda r: r["suites"][0]["data"].update(items=None), "data.items is not a number"),
    ],
)
def test_a_torn_comparison_says_what_is_missing(
    tmp_path: Path, how: Callable[[dict[str, Any]], object], message: str
) -> None:
    change(write_comparison(tmp_path, sweep=True), how)
    with pytest.raises(HairsplitError, match=message) as caught:
        read_folders([tmp_path])
    assert str(tmp_path) in caught.value.where


def test_half_a_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    write_comparison(tmp_path)
    (tmp_path / "compare.json").write_text((tmp_path / "compare.json").read_text("utf-8")[:-20], "utf-8")
    with pytest.raises(HairsplitError, match=r"compare\.json"):
        read_folders([tmp_path])
