"""One explained pair as a row: sums, edited words, boxes."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hairsplit.core.attribution import Contrast, Quality
from hairsplit.core.types import Edit, Pair
from hairsplit.explain.margin_row import COLUMNS, SCHEMA, boxes_of, edited_words, margin_row
from tests.report.explained import VIEW, direct, indirect

ROLES = ({"role": "subject", "x": 0}, {"role": "object", "x": 10}, {"role": "replacement", "x": 20})


def boxes(*given: dict[str, Any]) -> str:
    return json.dumps([{"id": "0", "noun": "n", "y": 0, "w": 5, "h": 5} | box for box in given])


def pair(contrast: Contrast, **more: Any) -> Pair:
    given: dict[str, Any] = {"image": "a.png", "image_id": "a", "kind": "attribute", "source": "made by hand"} | more
    return Pair(caption=contrast.caption, negative=contrast.negative, **given)


@pytest.mark.parametrize("contrast", [direct(), indirect()], ids=["direct", "indirect"])
def test_parts_add_up_to_the_margin_but_for_the_gap(contrast: Contrast) -> None:
    row = margin_row(7, pair(contrast), contrast)
    assert row["row"] == 7
    assert row["on_blank_image"] + row["with_image"] + row["reference_shift"] == pytest.approx(
        row["margin"] + row["gap"]
    )
    assert row["gap"] == pytest.approx(contrast.gap, abs=1e-6)
    assert list(row) == list(COLUMNS) == SCHEMA.names


def test_the_edited_word_of_a_direct_contrast_is_summed_by_hand() -> None:
    """The second word, two tokens, is another one."""
    contrast = direct()
    assert contrast.direct is not None
    row, one = margin_row(0, pair(contrast), contrast), contrast.direct
    expected = sum(
        float(one.values[token, r, c])
        for token in (2, 3)
        for r in range(one.view.rows)
        for c in range(one.view.columns)
    )
    assert row["heat"] == pytest.approx(expected)
    on_class = float(one.class_values[2] + one.class_values[3])
    assert row["edited_on_class_token"] == pytest.approx(on_class)
    assert row["edited_with_image"] == pytest.approx(expected + on_class)
    assert row["edited_on_blank_image"] == pytest.approx(float(one.text_main[2] + one.text_main[3]))
    assert row["edited_share"] == pytest.approx(1.0, abs=0.01)
    assert row["way"] == "direct"


def test_of_an_indirect_one_the_negatives_words_are_taken_away() -> None:
    """Caption: a red <script>... & dog; negative: a dog </script>: they share "a" and "dog"."""
    contrast = indirect()
    assert contrast.positive_side is not None
    assert contrast.negative_side is not None
    row = margin_row(0, pair(contrast), contrast)
    mine = contrast.positive_side.text_main[2:6].sum()  # red in two tokens, the script, &
    theirs = contrast.negative_side.text_main
    last = [n for n, token in enumerate(contrast.negative_tokens) if token.word == 2]
    assert row["edited_on_blank_image"] == pytest.approx(float(mine - theirs[last].sum()), abs=1e-6)
    assert row["way"] == "indirect"


def test_a_box_of_one_patch_holds_that_patchs_heat() -> None:
    contrast = direct()
    assert contrast.direct is not None
    left, top, right, bottom = VIEW.box(1, 2)
    where = boxes({"role": "subject", "x": left, "y": top, "w": right - left, "h": bottom - top})
    row = margin_row(0, pair(contrast, boxes=where), contrast)
    heat = contrast.direct.values[2:4].sum(0)
    assert row["box"] == "yes"
    assert row["heat_inside"] == pytest.approx(float(heat[1, 2]), abs=1e-5)
    assert row["positive_heat_inside"] == pytest.approx(max(float(heat[1, 2]), 0), abs=1e-5)
    assert row["positive_heat"] == pytest.approx(float(np.maximum(heat, 0).sum()))
    assert row["box_area"] == pytest.approx(1 / 6)


def test_only_positive_heat_counts_as_positive_within_the_boxes_too() -> None:
    """Two columns of three."""
    contrast = direct()
    assert contrast.direct is not None
    heat = contrast.direct.values[2:4].sum(0)
    assert (heat[:, :2] < 0).any()
    left, top, _, _ = VIEW.box(0, 0)
    _, _, right, bottom = VIEW.box(1, 1)
    where = boxes({"role": "subject", "x": left, "y": top, "w": right - left, "h": bottom - top})
    row = margin_row(0, pair(contrast, boxes=where), contrast)
    assert row["heat_inside"] == pytest.approx(float(heat[:, :2].sum()), abs=1e-5)
    assert row["positive_heat_inside"] == pytest.approx(float(np.maximum(heat[:, :2], 0).sum()), abs=1e-5)


def test_of_two_sides_the_worse_residual_is_told_and_the_images_nodes_once() -> None:
    """Both sides share the nodes of the image's line."""
    contrast = indirect()
    sides = contrast.positive_side, contrast.negative_side
    assert sides[0] is not None
    assert sides[1] is not None
    one, two = (
        replace(sides[0], quality=Quality(1e-4, 3e-4, 8, 24)),
        replace(sides[1], quality=Quality(2e-4, 1e-4, 16, 24)),
    )
    row = margin_row(0, pair(contrast), replace(contrast, positive_side=one, negative_side=two))
    assert (row["residual_text"], row["residual_image"]) == (2e-4, 3e-4)
    assert (row["nodes_text"], row["nodes_image"]) == (24, 24)


def test_the_edit_is_told_as_the_table_has_it() -> None:
    names = ("edit_role", "edit_from", "edit_to")
    row = margin_row(0, pair(direct(), edit=Edit("subject", "red", "tan")), direct())
    assert tuple(row[name] for name in names) == ("subject", "red", "tan")
    assert [margin_row(0, pair(direct()), direct())[name] for name in names] == [None] * 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "no boxes in the table"),
        ("[", "boxes not readable"),
        ("[1]", "boxes not readable"),
        (boxes({"role": "subject", "x": "left"}), "boxes not readable"),
        (boxes({"role": "subject", "x": 1e999}), "boxes not readable"),
        (boxes({"role": "replacement", "x": 0}), "no box of what the caption mentions"),
        (boxes({"role": "subject", "x": 900}), "box outside of what the model sees"),
        (boxes({"role": "subject", "x": 0, "w": 64, "h": 48}), "box of nearly the whole picture"),
    ],
)
def test_without_a_box_there_is_no_heat_inside_and_the_row_says_why(given: str | None, said: str) -> None:
    row = margin_row(0, pair(direct(), boxes=given), direct())
    assert row["box"] == said
    assert row["heat_inside"] is row["positive_heat_inside"] is row["box_area"] is None


@pytest.mark.parametrize(
    ("role", "lefts"),
    [("subject", [0]), ("object", [10]), ("attribute", [0, 10]), ("roles", [0, 10]), (None, [0, 10])],
)
def test_boxes_are_those_of_what_was_edited(role: str | None, lefts: list[int]) -> None:
    edit = Edit(role, "x", "y") if role else None
    found, problem = boxes_of(pair(direct(), boxes=boxes(*ROLES), edit=edit))
    assert [box[0] for box in found] == lefts
    assert not problem


def test_an_edited_object_without_a_box_of_that_role_is_what_the_caption_mentions() -> None:
    found, _ = boxes_of(pair(direct(), boxes=boxes(ROLES[1], ROLES[2]), edit=Edit("subject", "x", "y")))
    assert [box[0] for box in found] == [10]


@pytest.mark.parametrize(
    ("caption", "negative", "mine", "theirs"),
    [
        ("a red dog", "a blue dog", {1}, {1}),
        ("A dog", "a Dog", set(), set()),
        ("a dog bites a man", "a man bites a dog", {1, 4}, {1, 4}),
        ("two red dogs", "two dogs", {1}, set()),
        ("a dog", "not a dog", set(), {0}),
        ("the cup is left of it", "the cup is to the right of it", {3}, {3, 4, 5}),
    ],
)
def test_edited_words(caption: str, negative: str, mine: set[int], theirs: set[int]) -> None:
    assert edited_words(caption.split(), negative.split()) == (mine, theirs)


def test_shares_of_a_margin_within_the_gap_are_null() -> None:
    contrast = direct()
    assert contrast.direct is not None
    row = margin_row(0, pair(contrast), replace(contrast, margin=1e-6))
    assert row["edited_share"] is row["blank_share"] is None
    assert row["gap"] != 0
