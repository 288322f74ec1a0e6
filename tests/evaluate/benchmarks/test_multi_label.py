"""Zero-shot recognition of several classes: the layout, and mAP against a plain loop and scikit-learn."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from hairsplit import api
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.evaluate.benchmarks import BENCHMARKS, Judgement, judge_benchmark, prepare
from hairsplit.evaluate.embed import embed_images, embed_texts
from tests.evaluate.benchmarks.made import make
from tests.small_world import SHAPE, constant_encoder

NAME = "zero_shot_multi_label"
ROWS: list[dict[str, Any]] = [
    {"image": "0.jpg", "labels": ["dog", "traffic light"]},
    {"image": "1.jpg", "labels": ["dog"], "difficult": ["cat", "unicorn"]},
    {"image": "2.jpg", "labels": []},
    {"image": "3.jpg", "labels": ["cat"], "difficult": ["dog"]},
    {"image": "4.jpg", "labels": ["cat", "dog"]},
    {"image": "5.jpg", "labels": ["traffic light"]},
    {"image": "6.jpg", "labels": ["cat"]},
]


@pytest.fixture(scope="module")
def encoder() -> DualEncoder:
    return new(SHAPE, seed=1)


def folder(path: Path, rows: list[dict[str, Any]]) -> Path:
    return make(NAME, path, {"labels.jsonl": "\n".join(map(json.dumps, rows))})


def judge(encoder: DualEncoder, path: Path, **options: Any) -> Judgement:
    return judge_benchmark(encoder, prepare(NAME, BENCHMARKS[NAME], path, **options))


def test_map_is_the_mean_over_classes_of_what_a_plain_loop_finds(encoder: DualEncoder, tmp_path: Path) -> None:
    judged = judge(encoder, folder(tmp_path, ROWS))
    images = embed_images(encoder, tmp_path, [row["image"] for row in ROWS]).astype(np.float64)
    expected = {}
    for name in ("cat", "dog", "traffic light"):
        both = embed_texts(encoder, [f"a photo of a {name}.", f"a picture of a {name}."]).astype(np.float64)
        vector = both.mean(axis=0) / np.linalg.norm(both.mean(axis=0))
        asked = [n for n, row in enumerate(ROWS) if name not in row.get("difficult", [])]
        order = sorted(asked, key=lambda n: -float(images[n] @ vector))
        found, precisions = 0, []
        for place, n in enumerate(order, 1):
            if name in ROWS[n]["labels"]:
                found += 1
                precisions.append(found / place)
        expected[name] = sum(precisions) / len(precisions)
        peer = average_precision_score([name in ROWS[n]["labels"] for n in asked], images[asked] @ vector)
        assert expected[name] == pytest.approx(peer)
        estimate = judged.kinds[name]["average_precision"]
        assert estimate.value == pytest.approx(expected[name])
        assert estimate.n == len(asked)
    assert set(judged.kinds) == set(expected)
    average, eleven = judged.numbers
    assert (average.name, eleven.name) == ("mAP", "mAP, 11-point")
    assert average.estimate is not None
    assert average.estimate.value == pytest.approx(sum(expected.values()) / 3)
    assert (average.estimate.n, average.parts, average.groups) == (7, {"cat": 3, "dog": 3, "traffic light": 2}, 3)
    assert average.estimate.low < average.estimate.value < average.estimate.high
    chances = [estimate["average_precision"].chance for estimate in judged.kinds.values()]
    assert average.estimate.chance == pytest.approx(np.mean([chance for chance in chances if chance is not None]))


def test_the_table_gives_the_numbers_again(encoder: DualEncoder, tmp_path: Path) -> None:
    judged = judge(encoder, folder(tmp_path, ROWS))
    rows = judged.table.to_pylist()
    assert [(row["image"], row["labels"], row["difficult"]) for row in rows[:2]] == [
        ("0.jpg", ["dog", "traffic light"], []),
        ("1.jpg", ["dog"], ["cat"]),  # nowhere is a unicorn: it is no class
    ]
    for place, name in enumerate(("cat", "dog", "traffic light")):
        asked = [row for row in rows if name not in row["difficult"]]
        again = average_precision_score([name in row["labels"] for row in asked], [r["cosines"][place] for r in asked])
        assert judged.kinds[name]["average_precision"].value == pytest.approx(again)


def test_pictures_that_tie_count_against_the_class(tmp_path: Path) -> None:
    """Copies of one picture, half of them labelled."""
    rows = [{"image": f"{n}.jpg", "labels": ["dog"] if n % 2 else []} for n in range(4)]
    folder(tmp_path, rows)
    for n in range(1, 4):
        (tmp_path / f"{n}.jpg").write_bytes((tmp_path / "0.jpg").read_bytes())
    for model in (constant_encoder(), new(SHAPE, seed=1)):
        average, _ = judge(model, tmp_path).numbers
        assert average.estimate is not None
        assert average.estimate.value == pytest.approx((1 / 3 + 2 / 4) / 2)
        assert average.ties_hit == 1


def test_a_class_that_no_picture_left_shows_is_not_in_the_mean(encoder: DualEncoder, tmp_path: Path) -> None:
    folder(tmp_path, ROWS)
    for gone in ("0.jpg", "5.jpg"):
        (tmp_path / gone).unlink()
    judged = judge(encoder, tmp_path, allow_missing=True)
    assert judged.left_out == {"missing_image": 2}
    assert (set(judged.numbers[0].parts), judged.numbers[0].groups) == ({"cat", "dog"}, 3)
    for gone in ("1.jpg", "3.jpg", "4.jpg", "6.jpg"):
        (tmp_path / gone).unlink()
    with pytest.raises(HairsplitError, match="no picture that is there has a label"):
        judge(encoder, tmp_path, allow_missing=True)


def test_every_number_is_in_what_is_written(encoder: DualEncoder, tmp_path: Path) -> None:
    record = api.evaluate(encoder, NAME, tmp_path / "out", data=folder(tmp_path / "data", ROWS), device="cpu")
    assert [number["name"] for number in record["aggregates"]] == ["mAP", "mAP, 11-point"]
    page = api.report([tmp_path / "out"], tmp_path / "r.html").read_text("utf-8")
    assert "mAP, 11-point" in page
    assert "traffic light" in page


@pytest.mark.parametrize(
    ("lines", "message", "where"),
    [
        ([{"image": "1.jpg", "labels": ["a"]}, {"image": "1.jpg", "labels": []}], "'1.jpg' stands twice", "line 2"),
        ([{"image": "1.jpg", "labels": ["a"], "difficult": ["a"]}], "'a' is a label and difficult at once", "line 1"),
        ([{"image": "1.jpg", "labels": ["a", " "]}], "a label is empty", "line 1"),
        ([{"image": "1.jpg", "labels": []}], "no picture has a label", "labels.jsonl"),
        ([{"image": "1.jpg", "label": "a"}], "label", "line 1"),
        ([{"image": "1.jpg", "labels": "a"}], "labels", "line 1"),
    ],
)
def test_a_row_that_cannot_be_meant_is_named(lines: list[Any], message: str, where: str, tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    with pytest.raises(HairsplitError, match=message) as caught:
        prepare(NAME, BENCHMARKS[NAME], tmp_path)
    assert caught.value.where.endswith(where)
    assert caught.value.hint
