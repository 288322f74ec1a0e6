import math
import re
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from hairsplit.core.types import Estimate
from hairsplit.report.figures import Bars, Similarities, kind_bars, similarity_histograms, training_curves

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)  # noqa: S314 - we wrote it
    return ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]


def bars(*kinds: str) -> list[Bars]:
    low = {kind: Estimate(0.5, 0.45, 0.55, 90, 0.5) for kind in kinds}
    high = {kind: Estimate(0.9, 0.85, 0.93, 90, 0.5) for kind in kinds}
    return [Bars("before", low), Bars("after", high)]


def log(steps: int) -> list[dict[str, Any]]:
    return [
        {"step": step, "loss": 1 / step, "margin": 0.1, "pair_accuracy": 0.5, "lr": 5e-6} for step in range(1, steps)
    ]


def drawn() -> list[str]:
    rng = np.random.default_rng(0)
    return [
        kind_bars(bars("count", "relation"), text_only={"count": Estimate(0.6, 0.5, 0.7, 9), "relation": None}),
        similarity_histograms([Similarities("before", rng.normal(size=50), rng.normal(size=50), rng.normal(size=9))]),
        training_curves(log(30), [{"step": 20, "pair_accuracy": 0.8}], best_step=20),
    ]


@pytest.fixture(scope="module")
def figures() -> list[str]:
    return drawn()


def test_figures_are_the_same_each_time_and_leave_settings_alone(figures: list[str]) -> None:
    settings = dict(matplotlib.rcParams)
    with matplotlib.rc_context({"font.size": 30, "text.parse_math": True}):
        assert drawn() == figures
    assert dict(matplotlib.rcParams) == settings


@pytest.mark.parametrize("number", range(3))
def test_figure_is_an_svg_without_date_with_a_text_for_the_blind(figures: list[str], number: int) -> None:
    svg = figures[number]
    assert svg.startswith("<svg ")
    assert "aria-label=" in svg.split(">", maxsplit=1)[0]
    assert "metadata" not in svg
    assert "http" not in re.sub(r'xmlns(:xlink)?="[^"]+"', "", svg)
    assert texts(svg)


def test_ids_of_two_figures_never_meet() -> None:
    one, two = (kind_bars(bars("count"), name=name) for name in ("one", "two"))
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", one)) <= ids[0]


def test_colours_follow_the_scheme_of_the_page() -> None:
    svg = kind_bars(bars("count"))
    assert "var(--series-0, #8a96a8)" in svg
    assert "var(--series-1, #2f6fde)" in svg
    assert not re.search(r"(?:fill|stroke): #(?!ffffff)", svg)


def test_names_are_text_not_formulas_nor_markup() -> None:
    svg = kind_bars(bars("a$x_1$ <b>&", "关系"))
    assert "a$x_1$ <b>&" in texts(svg)
    assert "关系" in texts(svg)
    assert "<b>" not in svg


def test_long_names_are_cut() -> None:
    assert any(len(text) == 44 and text.endswith("…") for text in texts(kind_bars(bars("kind " * 40))))


def test_every_kind_of_any_evaluation_has_a_row() -> None:
    svg = kind_bars([bars("a", "b")[0], bars("b", "c")[1]])
    assert {"a", "b", "c"} <= set(texts(svg))


def test_an_unknown_interval_draws_no_line() -> None:
    known, unknown = (kind_bars([Bars("m", {"a": Estimate(0.5, low, low, 3, 0.5)})]) for low in (0.4, math.nan))
    assert unknown.count("<path") < known.count("<path")


def test_histograms_tell_the_means_and_take_empty_and_constant_values() -> None:
    svg = similarity_histograms([Similarities("after", [0.5, 0.7], [0.1, 0.1], []), Similarities("x", [], [], [])])
    assert "after: true captions 0.600, hard negatives 0.100" in svg
    assert "random captions" not in texts(svg)
    assert "<svg" in similarity_histograms([Similarities("constant", [0.3], [0.3], [0.3])])


def test_curves_say_what_was_not_logged_and_skip_gaps() -> None:
    svg = training_curves([{"step": 1, "loss": None}, {"step": 2, "loss": 0.5}, {"step": 3, "loss": math.nan}])
    assert texts(svg).count("was not logged") == 3
    assert "Loss: training from 0.5 to 0.5." in svg
    assert "<svg" in training_curves([])


def test_long_logs_are_averaged_in_blocks() -> None:
    rows = [{"step": step, "loss": float(step % 2)} for step in range(1, 5001)]
    svg = training_curves(rows, panels=("loss",))
    assert "training from 0.5 to " in svg or "training from 0.524 to " in svg
    assert len(svg) < 20_000


def test_learning_rate_is_read_off_with_its_power_of_ten() -> None:
    assert "Learning rate, ×10⁻⁶" in texts(training_curves(log(5), panels=("lr",)))


def test_bars_of_other_shares_say_what_they_are_and_have_a_chance_each() -> None:
    def of(chance: float) -> Bars:
        return Bars(str(chance), {"a": Estimate(0.5, 0.4, 0.6, 9, chance)})

    def dashed(svg: str) -> int:
        return svg.count("stroke-dasharray") - 1  # one of the legend

    other = kind_bars([of(0.2), of(0.3)], told="Bars of <edits>", level="by luck")
    assert "Bars of &lt;edits&gt;. a: " in other
    assert "by luck" in texts(other)
    assert "chance" not in texts(other)
    assert (dashed(other), dashed(kind_bars([of(0.2), of(0.2)]))) == (2, 1)
    unknown = Bars("u", {"a": Estimate(0.5, 0.4, 0.6, 9)})
    assert (
        dashed(kind_bars([unknown])),
        dashed(kind_bars([unknown, of(0.2)])),
        dashed(kind_bars([of(0.1), unknown])),
    ) == (0, 1, 1)
