"""Pairs as a person checks them: where the frames lie, and what is said where there can be none."""

import json
from pathlib import Path
from typing import Any

import pytest

from hairsplit.report.pairs_page import boxes_on, pairs_view
from hairsplit.report.pictures import Gallery, Picture
from tests.small_world import paint

PICTURE = Picture("data:", 100, 50, full_width=200, full_height=100)
CUP: dict[str, Any] = {"id": "1", "noun": "cup", "role": "subject", "x": 20, "y": 10, "w": 40, "h": 50}


def _row(**more: Any) -> dict[str, Any]:
    texts = {"caption": "The cup is red.", "negative": "The cup is blue.", "image": "a.png", "kind": "attribute"}
    return {"row": 7, **texts, **more}


def test_frames_are_in_per_cent_of_the_picture_itself() -> None:
    boxes, problem = boxes_on(json.dumps([CUP]), PICTURE)
    assert problem == ""
    assert boxes == [{"place": ["10.00", "10.00", "20.00", "50.00"], "noun": "cup", "roles": "subject", "colour": 0}]


def test_an_object_in_two_roles_has_one_frame_and_others_have_other_colours() -> None:
    plate = CUP | {"id": "2", "noun": "plate", "role": "object", "x": 100}
    boxes, _ = boxes_on(json.dumps([CUP, plate, CUP | {"role": "object"}, CUP]), PICTURE)
    assert [(box["noun"], box["roles"], box["colour"]) for box in boxes] == [
        ("cup", "subject, object", 0),
        ("plate", "object", 1),
    ]


def test_boxes_of_a_larger_picture_are_not_drawn_on_a_small_one() -> None:
    boxes, problem = boxes_on(json.dumps([CUP | {"x": 166}]), PICTURE)
    assert (boxes, problem) == ([], "boxes are of a picture larger than this one (200 x 100)")
    boxes, problem = boxes_on(json.dumps([CUP | {"x": 162}]), PICTURE)  # annotators are off by a pixel or two
    assert (len(boxes), problem) == (1, "")


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"x": 1}', "[[]]", '[{"x": 1}]', json.dumps([CUP | {"w": float("nan")}])]
)
def test_boxes_that_cannot_be_read_are_said_so(text: str) -> None:
    assert boxes_on(text, PICTURE) == ([], "boxes not readable")


@pytest.mark.parametrize(
    ("text", "picture"), [(None, PICTURE), ("", PICTURE), ("[]", None), ("x", Picture(problem="broken"))]
)
def test_no_boxes_or_no_picture_is_no_problem(text: str | None, picture: Picture | None) -> None:
    assert boxes_on(text, picture) == ([], "")


def test_a_card_marks_the_edit_and_gives_its_reasons(tmp_path: Path) -> None:
    paint(tmp_path / "a.png", "red", (200, 100))
    rows = [_row(edit_role="attribute", evidence="exclusive_attribute", boxes=json.dumps([CUP])), _row(kind="count")]
    groups = pairs_view(rows, Gallery(), tmp_path)
    assert [group["kind"] for group in groups] == ["attribute", "count"]
    card, bare = groups[0]["cards"][0], groups[1]["cards"][0]
    assert card["caption"] == "The cup is <mark>red.</mark>"
    assert card["negative"] == "The cup is <mark>blue.</mark>"
    assert card["reasons"] == ["attribute", "exclusive attribute"]
    assert len(card["boxes"]) == 1
    assert (bare["reasons"], bare["boxes"], bare["problem"]) == ([], [], "")


def test_without_any_picture_rows_are_text_only(tmp_path: Path) -> None:
    gallery = Gallery()
    card = pairs_view([_row(boxes=json.dumps([CUP]))], gallery, tmp_path, shown=False)[0]["cards"][0]
    assert (card["picture"], card["boxes"], gallery.missing) == (None, [], {})
