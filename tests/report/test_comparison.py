from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hairsplit.report.comparison import compare, extremes, group_by_data, lowest
from hairsplit.report.evaluation_folder import Evaluation, read_evaluation
from tests.report.folders import write_evaluation


@pytest.fixture
def evaluation(tmp_path: Path) -> Evaluation:
    write_evaluation(tmp_path / "a", pairs=12)
    return read_evaluation(tmp_path / "a", "a")


def with_margins(evaluation: Evaluation, margins: list[float], rows: list[int] | None = None) -> Evaluation:
    """The same evaluation with other cosines, and only some of its rows, in the order given."""
    rows = list(range(len(margins))) if rows is None else rows
    old = evaluation.items
    texts: dict[str, Any] = {
        name: tuple(getattr(old, name)[row] for row in rows)
        for name in ("id", "image", "kind", "source", "cluster", "caption", "negative")
    }
    items = replace(old, **texts, positive_cosine=np.asarray(margins), negative_cosine=np.zeros(len(margins)))
    return replace(evaluation, items=items)


def test_difference_counts_items_that_turned_and_a_tie_is_a_miss(evaluation: Evaluation) -> None:
    before = with_margins(evaluation, [-1.0] * 6 + [0.0] * 2 + [1.0] * 4)
    after = with_margins(evaluation, [1.0] * 6 + [0.0, 1.0] + [1.0, 1.0, 0.0, -1.0])
    found = compare(before, after)
    assert found.overall is not None
    assert (found.overall.turned.second_only, found.overall.turned.first_only) == (7, 2)
    assert found.overall.change.value == pytest.approx(5 / 12)
    assert found.overall.change.low <= 5 / 12 <= found.overall.change.high
    by_kind = [found.kinds[kind].change.value for kind in sorted(set(evaluation.items.kind))]
    assert found.macro is not None
    assert found.macro.value == pytest.approx(np.mean(by_kind))


def test_items_are_joined_by_id_not_by_place(evaluation: Evaluation) -> None:
    before = with_margins(evaluation, [1.0, -1.0] * 6)
    order = [11, 3, 0, 7, 2, 1, 9, 4, 5, 6, 8, 10]
    after = with_margins(evaluation, [[1.0, -1.0][row % 2] for row in order], order)
    found = compare(before, after)
    assert found.overall is not None
    assert (found.overall.change.value, found.unpaired) == (0.0, 0)


def test_items_of_one_side_only_are_counted(evaluation: Evaluation) -> None:
    found = compare(with_margins(evaluation, [1.0] * 12), with_margins(evaluation, [1.0] * 5, [0, 1, 2, 3, 4]))
    assert found.unpaired == 7
    assert found.overall is not None
    assert found.overall.change.n == 5


def test_without_a_shared_item_there_is_no_difference(evaluation: Evaluation) -> None:
    found = compare(with_margins(evaluation, [1.0] * 2, [0, 1]), with_margins(evaluation, [1.0] * 2, [2, 3]))
    assert (found.macro, found.overall, found.kinds, found.unpaired) == (None, None, {}, 4)


def test_groups_keep_data_apart(evaluation: Evaluation) -> None:
    other = replace(evaluation, data_hash="e", label="b")
    groups = group_by_data([evaluation, other, replace(evaluation, label="c")])
    assert [[one.label for one in group.evaluations] for group in groups] == [["a", "c"], ["b"]]
    assert [len(group.comparisons) for group in groups] == [1, 0]


def test_one_picture_fills_one_place_and_equal_values_are_ordered_by_id() -> None:
    values = np.asarray([0.1, 0.0, 0.0, 0.5, -0.2])
    assert lowest(values, ["a", "b", "b", "c", "a"], ["5", "4", "3", "2", "1"], 3) == [4, 2, 3]


def test_extremes_by_margin_and_by_its_change(evaluation: Evaluation) -> None:
    before = with_margins(evaluation, [0.0] * 12)
    after = with_margins(evaluation, [0.3, -0.4, 0.2, 0.0, *[0.1] * 8])
    found = extremes(after, compare(before, after), 2)
    rows = {name: [example.after_row for example in examples] for name, examples in found.items()}
    assert rows == {"worst": [1, 3], "best": [0, 2], "improved": [0, 2], "worsened": [1]}
    assert set(extremes(after, None, 2)) == {"worst", "best"}
