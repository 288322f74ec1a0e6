"""Two models as one still picture: three heats of each word, in logits, drawn with one scale."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.report import explanation_versus_figure as figure
from hairsplit.report.explanation_figure import WIDTH
from hairsplit.report.explanation_versus_figure import strongest, threes, write_versus_figure
from tests.report.explained import PICTURE, WORDS, attribution, direct, indirect
from tests.report.test_explanation_versus import NAMES, both, other_indirect

FACTORS = (10.0, 20.0)
MAKERS: dict[str, Callable[[], Any]] = {"png": both, "svg": lambda: (indirect(), other_indirect())}


def test_of_each_word_a_heat_of_each_model_and_the_difference() -> None:
    first, second = both()
    found = threes((first, second), FACTORS, ["red"])
    assert [name for name, _ in found] == ["all words", "“red”", *WORDS]
    heats = dict(found)
    np.testing.assert_allclose(heats["dog"][0], 10 * first.heat("dog"), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(heats["dog"][1], 20 * second.heat("dog"), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(heats["“red”"], heats["red"], rtol=1e-5, atol=1e-5)
    for one in heats.values():
        np.testing.assert_array_equal(one[2], one[1] - one[0])
    np.testing.assert_allclose(sum(heats[word] for word in WORDS), heats["all words"], rtol=1e-5, atol=1e-5)


def test_words_of_a_negative_of_another_length_are_taken_away() -> None:
    first, second = indirect(), other_indirect()
    found = dict(threes((first, second), FACTORS, []))
    theirs = [made.negative_side for made in (first, second)]
    assert all(theirs)
    np.testing.assert_allclose(found["− dog"][1], -20 * theirs[1].heat("dog"), rtol=1e-5, atol=1e-5)  # type: ignore[union-attr]
    words = [name for name in found if name != "caption − negative"]
    assert len(words) == len(WORDS) + 3
    np.testing.assert_allclose(sum(found[word] for word in words), found["caption − negative"], rtol=1e-5, atol=1e-5)


def test_words_that_one_model_alone_lists_shift_no_other() -> None:
    """The start and end tokens add something in the first model only."""
    first, second = indirect(), other_indirect()
    first = replace(first, positive_side=attribution(special=1.0))
    found = threes((first, second), FACTORS, [])
    assert found[-3][0] == "− a"
    np.testing.assert_allclose(found[-3][1][1], -20 * second.negative_side.heat("a"), rtol=1e-5, atol=1e-5)  # type: ignore[union-attr]


def test_the_strongest_are_shown_in_their_order_and_zeros_are_not() -> None:
    sizes = [0.0, 3.0, 0.0, 1.0, *[2.0] * figure.MOST]
    shown = strongest([(str(n), np.full((3, 1, 1), size)) for n, size in enumerate(sizes)])
    names = [name for name, _ in shown]
    assert names == ["0", "1", *map(str, range(4, 2 + figure.MOST))]


@pytest.mark.parametrize("kind", MAKERS)
def test_same_inputs_give_the_same_bytes(kind: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.{kind}" for name in ("x", "y")]
    for file in files:
        write_versus_figure(MAKERS[kind](), NAMES, PICTURE, file, ["red"])
    assert files[0].read_bytes() == files[1].read_bytes()
    if kind == "png":
        with Image.open(files[0]) as drawn:
            assert drawn.width == pytest.approx(WIDTH * 96 / 72, abs=1)
    else:
        text = files[0].read_text("utf-8")
        for said in ("A: &lt;i&gt;before", "B: after", "B − A", "&lt;script&gt;alert"):
            assert said in text


def test_one_scale_for_all_pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limits, largest = [], []

    def note(_axes: Any, cell: Any, _small: Any, _size: Any, limit: float, **_told: Any) -> None:
        limits.append(limit)
        largest.append(np.abs(cell.heat).max())

    monkeypatch.setattr(figure, "draw_heat", note)
    write_versus_figure(both(), NAMES, PICTURE, tmp_path / "x.png")
    assert set(limits) == {max(largest)}
    assert len(limits) == 3 * (1 + len(WORDS))


def test_what_cannot_be_compared_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    other = attribution(("a", "tan", "dog"), seed=3)
    with pytest.raises(HairsplitError, match="different captions"):
        write_versus_figure((attribution(), other), NAMES, PICTURE, tmp_path / "x.png")
    with pytest.raises(HairsplitError, match="green"):
        write_versus_figure(both(), NAMES, PICTURE, tmp_path / "x.png", ["green"])
    assert not list(tmp_path.iterdir())


def test_of_a_margin_words_that_both_captions_share_are_left_out(tmp_path: Path) -> None:
    write_versus_figure((direct(), direct()), NAMES, PICTURE, tmp_path / "x.svg")
    text = (tmp_path / "x.svg").read_text("utf-8")
    assert "words that are not shown add exactly 0" in text
    assert ">red<" in text
    assert ">dog<" not in text
