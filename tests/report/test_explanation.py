"""What is told of an explanation: sums that add up, words, remarks, and the one scale of all pictures."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hairsplit.core.attribution import Contrast
from hairsplit.report.explanation import (
    REST,
    Explanation,
    limit_of,
    notes_of,
    parts_of,
    record_of,
    rows_of,
    sides,
    sum_of,
    told_rows,
)
from tests.report.explained import WORDS, attribution, direct, indirect

ALL = (attribution, direct, indirect)


@pytest.mark.parametrize("make", ALL)
def test_parts_less_the_gap_are_the_total_and_what_is_printed_adds_up(make: object) -> None:
    whole = sum_of(make())  # type: ignore[operator]
    assert sum(value for _, value in whole.parts) - whole.gap == pytest.approx(whole.total, abs=1e-5)
    shown, total = whole.rounded()
    assert round(sum(value for _, value in shown), 4) == total
    assert shown[-1][1] == pytest.approx(-whole.gap, abs=3e-4)


@pytest.mark.parametrize("special", [0.0, 1.0])
def test_words_add_up_to_the_parts_start_and_end_included(special: float) -> None:
    one = attribution(special=special)
    rows, parts = rows_of(one), parts_of(one)
    assert [row.word for row in rows] == [*WORDS, *([REST] if special else [])]
    assert sum(row.alone for row in rows) == pytest.approx(parts["words"], abs=1e-5)
    assert sum(row.together for row in rows) == pytest.approx(parts["interactions"], abs=1e-5)
    assert rows[1].patches == pytest.approx(float(one.values[2:4].sum()), abs=1e-6)
    assert rows[1].total == pytest.approx(rows[1].alone + rows[1].patches + rows[1].class_token)


def test_of_a_contrast_the_changed_word_carries_the_margin() -> None:
    made = direct()
    rows = told_rows(made)
    assert [row.word for row in rows if row.changed] == ["red"]
    assert {row.total for row in rows if not row.changed} == {0.0}
    assert sum(row.total for row in rows) - made.gap == pytest.approx(made.margin, abs=1e-5)
    assert made.reference_shift == 0.0
    assert [side.name for side in sides(made)] == ["margin", "caption", "negative"]


def test_of_unequal_captions_the_words_and_the_shift_make_the_margin() -> None:
    made = indirect()
    rows = told_rows(made)
    assert [row.word for row in rows][-3:] == ["− a", "− dog", "− </script>"]
    whole = sum(row.total for row in rows) + made.reference_shift
    assert whole - made.gap == pytest.approx(made.margin, abs=1e-5)
    assert any("unequal numbers of tokens" in note for note in notes_of(made))


def test_remarks_say_who_is_preferred_and_what_was_decided_without_looking() -> None:
    made = direct()
    told = [replace(made, margin=m, blank_margin=b) for m, b in ((0.1, 0.04), (0.1, 0.06), (-0.1, -0.02), (0.0, 0.0))]
    without, preferred = "mostly decided without looking", "does not prefer the caption"
    found = [" ".join(notes_of(one)) for one in told]
    assert [without in text for text in found] == [False, True, False, False]
    assert [preferred in text for text in found] == [False, False, True, True]
    deeper = replace(made.direct, config={"text_layer": 1})  # type: ignore[type-var]
    assert any("words have mixed" in note for note in notes_of(replace(made, direct=deeper)))
    assert notes_of(attribution()) == ["a <note>"]


def test_no_picture_goes_beyond_the_scale() -> None:
    made = direct()
    limit = limit_of(made, [(0, 2)])
    for side in sides(made):
        one = side.parts
        heats = [one.heat(), one.image_main, *(one.heat((n, n + 1)) for n in range(len(one.words)))]
        assert max(np.abs(heat).max() for heat in heats) <= limit + 1e-6
    silent = replace(attribution(), values=0 * attribution().values, image_main=0 * attribution().image_main)
    assert limit_of(silent) == 1.0


@pytest.mark.parametrize("make", ALL)
def test_the_record_is_json_and_holds_words_and_spans(make: object) -> None:
    made: Explanation = make()  # type: ignore[operator]
    record = json.loads(json.dumps(record_of(made, [(1, 3)]), allow_nan=False))
    assert record["what"] == ("margin" if isinstance(made, Contrast) else "score")
    first = record["sides"][0]
    (span,) = first["spans"]
    one = sides(made)[0].parts
    assert span["text"] == "red <script>alert(1)</script>"
    assert span["with_patches"] == pytest.approx(sum(first["words"][n]["with_patches"] for n in (1, 2)), abs=1e-6)
    box = span["strongest_patch"]["box"]
    assert tuple(box) in {one.view.box(row, column) for row in range(2) for column in range(3)}
    assert one.bars(tuple(box))[1:3].sum() == pytest.approx(span["strongest_patch"]["value"], abs=1e-5)
