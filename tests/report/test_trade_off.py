"""The picture of gain against forgetting: same bytes, told in words, points that are picked or beaten look so."""

import re
import xml.etree.ElementTree as ET
from typing import Any

from hairsplit.core.types import Estimate
from hairsplit.report.trade_off import Curve, Spot, axes, trade_off


def spot(label: str, gain: float, kept: float, *, on_front: bool = False, picked: bool = False) -> Spot:
    return Spot(
        label,
        Estimate(gain, gain - 0.02, gain + 0.02, 100),
        Estimate(kept, float("nan"), float("nan"), 100),
        on_front=on_front,
        picked=picked,
    )


CURVE = Curve(
    "run<1>", (spot("0", 0.6, 0.99), spot("0.5", 0.8, 0.98, on_front=True, picked=True), spot("1", 0.85, 0.8))
)


def test_it_is_the_same_each_time_and_told_to_those_who_do_not_see_it() -> None:
    svg = trade_off([CURVE], gain="pair accuracy", kept="top-1")
    assert svg == trade_off([CURVE], gain="pair accuracy", kept="top-1")
    root = ET.fromstring(svg)  # noqa: S314 - our own
    told = "run<1>: 0: 60.0 and 99.0 %; 0.5: 80.0 and 98.0 %, picked; 1: 85.0 and 80.0 %"
    assert root.attrib["aria-label"] == f"pair accuracy against top-1. {told}."
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"run<1>", "picked", "0.5", "pair accuracy, %", "top-1, %"} <= set(texts)


def test_an_unknown_interval_draws_no_line() -> None:
    def lines(svg: str) -> int:
        return len(re.findall(r'stroke-opacity="0.45"|stroke-opacity: 0.45', svg))

    known = Curve("a", (Spot("0", Estimate(0.5, 0.4, 0.6, 9), Estimate(0.5, 0.4, 0.6, 9)),))
    assert lines(trade_off([CURVE], gain="g", kept="k")) == 3  # of the gain of three models
    assert lines(trade_off([known], gain="g", kept="k")) == 2


def test_without_a_pick_nothing_is_said_to_be_picked() -> None:
    plain = Curve("run", (spot("0", 0.6, 0.99), spot("1", 0.85, 0.8)))
    assert "picked" not in trade_off([plain, Curve("other", plain.spots)], gain="g", kept="k")


def test_the_axes_are_the_first_suites_with_numbers() -> None:
    def suite(name: str, sort: str, *measures: str) -> dict[str, Any]:
        return {"name": name, "sort": sort, "measures": [{"name": one} for one in measures]}

    empty, again = suite("empty", "pairs"), suite("again", "pairs", "pair accuracy")
    first, flowers = suite("first", "benchmark", "ITT", "TOT"), suite("flowers", "recognition", "top1", "top5")
    shapes, flickr = suite("shapes", "recognition", "top1"), suite("flickr", "retrieval", "image_to_text@1")
    found = axes([empty, flickr, first, again, flowers, shapes])
    assert found == (("first", {"name": "ITT"}), ("flowers", {"name": "top1"}))
    assert axes([again, flickr]) == (("again", {"name": "pair accuracy"}), ("flickr", {"name": "image_to_text@1"}))
    assert axes([empty, flickr]) is axes([again]) is None
