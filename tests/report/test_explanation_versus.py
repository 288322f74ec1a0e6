"""Two models beside each other: numbers in logits, the page alone and well-formed, and what its script adds up."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hairsplit.core.attribution import Contrast
from hairsplit.core.errors import HairsplitError
from hairsplit.report.explanation import by_group
from hairsplit.report.explanation_versus import compared, versus_lines, versus_record, write_versus
from tests.report.explained import PICTURE, attribution, direct, indirect
from tests.report.test_browser import chromium
from tests.report.test_explanation_page import Tree

NAMES = ("<i>before</i>", "after")
FRAME = """<!doctype html><body style="margin:0">
<iframe id="f" src="{page}" style="width:1200px;height:900px;border:0"></iframe>
<script>
document.getElementById("f").onload = event => {{
  const page = event.target.contentDocument, inside = event.target.contentWindow;
  const all = selector => [...page.querySelectorAll(selector)];
  const bars = n => all(`.view:not([hidden]) .chips[data-panel="${{n}}"] .chip .n`).map(e => e.textContent);
  const three = () => [0, 1, 2].map(bars);
  const key = (e, name, shift) => e.dispatchEvent(
    new inside.KeyboardEvent("keydown", {{key: name, shiftKey: Boolean(shift), bubbles: true, cancelable: true}}));
  const found = {{plain: three(), scale: all(".scale span").map(e => e.textContent)}};
  page.getElementById("main").click();
  found.main = three();
  page.getElementById("main").click();
  const chips = all('.chips[data-panel="1"] .chip');
  chips[1].focus();
  found.opacity = all(".heat").map(e => [...e.querySelectorAll("rect:not([class])")].map(
    r => Number(r.getAttribute("fill-opacity"))));
  const patches = all(".patches")[1];
  patches.focus();
  key(patches, "ArrowRight");
  found.box = three();
  found.framed = all(".heat .frame[display=inline]").length;
  key(patches, "Escape");
  all("input[name=unit]")[1].click();
  found.share = three();
  document.title = JSON.stringify(found);
}};
</script>"""


def both() -> Any:
    """A model and another one, whose logits have another scale."""
    second = attribution(seed=7)
    return attribution(), replace(second, logit_scale=20.0)


def test_numbers_are_each_models_logits() -> None:
    first, second = both()
    record = versus_record(first, second)
    score = next(row for row in record["parts"] if row["name"] == "= score")
    assert score["first"] == pytest.approx(10 * first.score)
    assert score["second"] == pytest.approx(20 * second.score)
    assert score["difference"] == pytest.approx(20 * second.score - 10 * first.score)
    parts = record["parts"][: record["parts"].index(score)]
    for which in ("first", "second", "difference"):
        assert sum(row[which] for row in parts) == pytest.approx(score[which], abs=1e-5)
    told = "\n".join(versus_lines(record))
    assert f"{score['difference']:+.3f}" in told
    assert "note on B: a <note>" in told


def other_indirect() -> Contrast:
    """Of another model, with other numbers of the same captions."""
    mine, theirs = attribution(seed=7), attribution(("a", "dog", "</script>"), seed=8)
    return replace(
        indirect(),
        margin=mine.score - theirs.score,
        blank_margin=0.5,
        positive_side=replace(mine, logit_scale=20.0),
        negative_side=replace(theirs, logit_scale=20.0),
    )


def test_margins_of_unequal_captions_are_told_by_both_sides() -> None:
    first, second = indirect(), other_indirect()
    assert len(compared(first, second)) == 2
    record = versus_record(first, second)
    parts = {row["name"]: row for row in record["parts"]}
    whole = parts.pop("= margin")
    blank = parts.pop("margin on the blank image")
    assert whole["first"] == pytest.approx(10 * first.margin)
    assert whole["difference"] == pytest.approx(20 * second.margin - 10 * first.margin)
    assert (blank["first"], blank["second"]) == (0.0, 10.0)
    assert "blank captions of unequal length" in parts
    for which in ("first", "second", "difference"):
        assert sum(row[which] for row in parts.values()) == pytest.approx(whole[which], abs=1e-4)
    words = {row["word"]: row for row in record["words"]}
    assert list(words) == [*first.positive_side.words, *(f"− {word}" for word in first.negative_side.words)]  # type: ignore[union-attr]
    sides = [made.negative_side for made in (first, second)]
    theirs = [(one.bars() + one.by_word(one.class_values))[1] for one in sides]  # type: ignore[union-attr]
    assert words["− dog"]["first"] == pytest.approx(-10 * theirs[0])
    assert words["− dog"]["second"] == pytest.approx(-20 * theirs[1])
    with_image = sum(row["second"] for row in record["words"])
    assert with_image == pytest.approx(parts["words with this image"]["second"], abs=1e-4)


def test_a_margin_of_its_own_and_a_difference_have_nothing_in_common() -> None:
    with pytest.raises(HairsplitError, match="one model's margin has a sum of its own"):
        compared(direct(), indirect())


def test_other_tokens_are_refused() -> None:
    with pytest.raises(HairsplitError, match="different captions"):
        compared(attribution(), attribution(("a", "tan", "dog"), seed=3))


@pytest.mark.parametrize("make", [both, lambda: (direct(), direct()), lambda: (indirect(), other_indirect())])
def test_the_page_is_well_formed_escaped_and_loads_nothing(make: Any, tmp_path: Path) -> None:
    write_versus(make(), NAMES, PICTURE, tmp_path / "page.html", "red")
    text = (tmp_path / "page.html").read_text("utf-8")
    tree = Tree()
    tree.feed(text)
    tree.close()
    assert tree.open == []
    ids = [a["id"] for _, a in tree.attributes if "id" in a]
    assert len(ids) == len(set(ids))
    for tag, attributes in tree.attributes:
        assert tag not in {"link", "iframe", "object"}
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/"))
    assert "<i>before" not in text
    assert "&lt;i&gt;before" in text
    write_versus(make(), NAMES, PICTURE, tmp_path / "again.html", "red")
    assert text == (tmp_path / "again.html").read_text("utf-8")


@pytest.mark.browser
def test_words_and_boxes_are_chosen_in_all_three_pictures(tmp_path: Path) -> None:
    first, second = both()
    write_versus((first, second), NAMES, PICTURE, tmp_path / "page.html")
    (tmp_path / "frame.html").write_text(FRAME.format(page=(tmp_path / "page.html").as_uri()), "utf-8")
    frame = (tmp_path / "frame.html").as_uri()
    title = re.search(r"<title>(.*?)</title>", chromium(tmp_path / "profile", "--dump-dom", frame))
    assert title is not None
    found = json.loads(title[1])

    def three(mine: Any, theirs: Any, factors: tuple[float, float], digits: int = 3) -> list[list[str]]:
        one, other = factors[0] * np.asarray(mine, float), factors[1] * np.asarray(theirs, float)
        rows = (one, other, other - one)
        return [[f"{value:+.{digits}f}".replace("-", "−") for value in row] for row in rows]

    logits = (10.0, 20.0)
    bars = first.bars(), second.bars()
    assert found["plain"] == three(*bars, logits)
    mains = [one.by_word(one.text_main) for one in (first, second)]
    assert found["main"] == three(bars[0] + mains[0], bars[1] + mains[1], logits)
    box = first.view.box(0, 0)
    assert found["box"] == three(first.bars(box), second.bars(box), logits)
    assert found["framed"] == 6  # two rectangles, white and black, in each of three pictures
    shares = compared_shares(first, second)
    assert found["share"] == three(*bars, shares, 4)
    red = [by_group(one, one.values)[1].ravel() for one in (first, second)]
    heats = [10 * red[0], 20 * red[1], 20 * red[1] - 10 * red[0]]
    end = float(found["scale"][1])
    expected = [(0.92 * np.abs(heat) / end).tolist() for heat in heats]
    for got, wanted in zip(found["opacity"], expected, strict=True):
        assert got == pytest.approx(wanted, abs=1e-3)


def compared_shares(first: Any, second: Any) -> tuple[float, float]:
    """From each model's numbers to shares of what its words and patches add together."""
    one, other = (1 / abs(float(m.values.sum(dtype=float) + m.class_values.sum(dtype=float))) for m in (first, second))
    return one, other
