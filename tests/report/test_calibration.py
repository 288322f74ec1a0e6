"""Bins of margins against a plain loop, by hand, and their picture."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.evaluate.statistics import wilson
from hairsplit.report.calibration import BINS, FEWEST, Margins, calibration, margin_calibration


@given(margins=st.lists(st.floats(-1, 1), max_size=90))
def test_every_pair_is_in_one_bin_and_bins_go_up(margins: list[float]) -> None:
    bins = calibration(margins)
    assert len(bins) == min(BINS, len(margins) // FEWEST)
    if not bins:
        return
    assert sum(one.n for one in bins) == len(margins)
    assert max(one.n for one in bins) - min(one.n for one in bins) <= 1
    assert [one.distance for one in bins] == sorted(one.distance for one in bins)
    hits = sum(margin > 0 for margin in margins)
    assert sum(one.n * one.right for one in bins) == pytest.approx(hits)


def test_bins_by_hand() -> None:
    small = [0.01] * 12 + [-0.01] * 8  # 60 % right
    large = [0.5] * 19 + [-0.5]
    first, second = calibration(np.array(large + small))
    assert (first.distance, first.right, first.n) == (0.01, 0.6, 20)
    assert (second.distance, second.right) == (0.5, 0.95)
    assert (second.low, second.high) == wilson(19, 20)


def test_a_constant_model_is_never_right() -> None:
    assert [one.right for one in calibration(np.zeros(60))] == [0, 0, 0]


def test_numbers_that_are_none_are_left_out() -> None:
    assert calibration([float("nan")] * 5 + [0.1] * 19) == []
    assert calibration([]) == []


def test_the_picture_is_the_same_each_time_and_told() -> None:
    margins = np.linspace(-0.1, 0.3, 40)
    panels = [Margins("before", margins), Margins("<after>", [0.1])]
    svg = margin_calibration(panels)
    assert svg == margin_calibration(panels)
    root = ET.fromstring(svg)  # noqa: S314 - our own
    assert root.attrib["aria-label"].endswith("; <after>: too few pairs.")
    assert "before: 50 % at 0.0" in root.attrib["aria-label"]
    assert {"before", "<after>", "chance"} <= {element.text for element in root.iter()}
