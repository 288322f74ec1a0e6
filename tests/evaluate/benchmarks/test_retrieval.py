"""Retrieval and zero-shot: recall against sorting by hand, and per-class numbers against loops."""

import json
from pathlib import Path

import numpy as np
import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.evaluate.benchmarks import BENCHMARKS, judge_benchmark, prepare
from hairsplit.evaluate.benchmarks._benchmark import CaptionedImages
from hairsplit.evaluate.benchmarks._files import open_folder
from hairsplit.evaluate.benchmarks._retrieval import ALL, FIVE
from hairsplit.evaluate.embed import embed_images, embed_texts
from hairsplit.evaluate.forgetting import labelled_images, zero_shot
from tests.evaluate.benchmarks.made import make
from tests.small_world import SHAPE, paint


@pytest.fixture(scope="module")
def encoder() -> DualEncoder:
    return new(SHAPE, seed=1)


def test_recall_is_what_sorting_by_hand_gives_with_all_captions_and_with_five(
    encoder: DualEncoder, tmp_path: Path
) -> None:
    texts = [
        [f"photo {n} of a {word}" for word in ["cat", "dog", "cup", "car", "bus", "tree"][: 3 + n]] for n in range(4)
    ]
    rows = [{"image": f"val2014/{n}.jpg", "caption": own} for n, own in enumerate(texts)]
    make("coco_retrieval", tmp_path, {"coco_karpathy_test.json": json.dumps(rows)})
    judged = judge_benchmark(encoder, prepare("coco_retrieval", BENCHMARKS["coco_retrieval"], tmp_path))
    values = {n.name: n.estimate.value for n in judged.numbers if n.estimate is not None}
    images = embed_images(encoder, tmp_path / "val2014", [f"val2014/{n}.jpg" for n in range(4)])
    for way, most in ((ALL, 9), (FIVE, 5)):
        kept = [(n, text) for n, own in enumerate(texts) for text in own[:most]]
        s = images.astype(np.float64) @ embed_texts(encoder, [text for _, text in kept]).astype(np.float64).T
        owner = [n for n, _ in kept]
        to_text = [[owner[c] for c in np.argsort(-s[i])] for i in range(4)]
        to_image = [list(np.argsort(-s[:, c])) for c in range(len(kept))]
        for k in (1,):
            expected = np.mean([i in to_text[i][:k] for i in range(4)])
            assert values[f"image to text R@{k}, {way}"] == pytest.approx(expected)
            expected = np.mean([owner[c] in to_image[c][:k] for c in range(len(kept))])
            assert values[f"text to image R@{k}, {way}"] == pytest.approx(expected)
    assert judged.table.num_rows == judged.items == 3 + 4 + 5 + 6
    ranks = judged.table.column("text_to_image_rank_five").to_pylist()
    assert ranks.count(None) == 1  # the sixth caption of one image
    assert not any("R@5" in name for name in values)  # of four images five are no question


def test_zero_shot_is_that_of_recognition_elsewhere(encoder: DualEncoder, tmp_path: Path) -> None:
    for n, colour in enumerate(("red", "green", "blue", "white", "black", "orange", "pink")):
        for k in range(2):
            paint(tmp_path / f"{colour}_wall" / f"{k}.png", colour, (24 + n, 24 + 2 * k))
    (tmp_path / "red_wall" / "notes.txt").touch()
    prepared = prepare("zero_shot", BENCHMARKS["zero_shot"], tmp_path)
    judged = judge_benchmark(encoder, prepared)
    elsewhere = zero_shot(encoder, labelled_images(tmp_path))
    mine = {number.name: number.estimate for number in judged.numbers}
    for name, key in (
        ("top-1", "top1"),
        ("top-5", "top5"),
        ("mean per-class recall", "mean_per_class_recall"),
    ):
        estimate = mine[name]
        assert estimate is not None
        assert (estimate.value, estimate.chance) == pytest.approx((elsewhere[key].value, elsewhere[key].chance))
    rows = judged.table.to_pylist()
    assert sum(row["rank"] == 1 for row in rows) / len(rows) == pytest.approx(elsewhere["top1"].value)
    assert {row["class"] for row in rows} == {
        f"{c} wall" for c in ("red", "green", "blue", "white", "black", "orange", "pink")
    }
    assert judged.left_out == {"file_that_is_no_picture": 1}


def test_five_captions_each_are_no_second_question_where_no_image_has_more(
    encoder: DualEncoder, tmp_path: Path
) -> None:
    judged = judge_benchmark(
        encoder, prepare("flickr_retrieval", BENCHMARKS["flickr_retrieval"], make("flickr_retrieval", tmp_path))
    )
    assert {number.name.split(", ")[-1] for number in judged.numbers} == {ALL}


KARPATHY = {
    "dataset": "coco",
    "images": [
        {"filepath": "val2014", "filename": "a.jpg", "split": "test", "sentences": [{"raw": "a cup"}, {"raw": "red"}]},
        {"filepath": "train2014", "filename": "b.jpg", "split": "restval", "sentences": [{"raw": "not this"}]},
        {"filepath": "val2014", "filename": "c.jpg", "split": "test", "sentences": [{"raw": "a dog"}]},
    ],
}
BLIP = [{"image": "val2014/a.jpg", "caption": ["a cup", "red"]}, {"image": "val2014/c.jpg", "caption": ["a dog"]}]


@pytest.mark.parametrize("name", ["coco_retrieval", "aro_coco_order"])
def test_karpathys_own_file_gives_the_items_of_blips(tmp_path: Path, name: str) -> None:
    entry = BENCHMARKS[name]
    suites = []
    for file, tree in (("coco_karpathy_test.json", BLIP), ("dataset_coco.json", KARPATHY)):
        folder = tmp_path / file
        folder.mkdir()
        (folder / file).write_text(json.dumps(tree), "utf-8")
        suites.append(entry.read(open_folder(name, entry.files, folder, allow_missing=False)))
    assert suites[0] == suites[1]


def test_flickr30k_images_are_named_as_blip_names_them(tmp_path: Path) -> None:
    image = {"filename": "1.jpg", "split": "test", "sentences": [{"raw": "x"}]}
    (tmp_path / "dataset_flickr30k.json").write_text(json.dumps({"dataset": "flickr30k", "images": [image]}), "utf-8")
    entry = BENCHMARKS["flickr_retrieval"]
    suite = entry.read(open_folder("flickr_retrieval", entry.files, tmp_path, allow_missing=False))
    assert isinstance(suite, CaptionedImages)
    assert [(picture.path, text) for picture, text in suite.rows] == [("flickr30k-images/1.jpg", "x")]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"images": []}, "has no images"),
        ({"images": [{"filename": "1.jpg", "split": "val", "sentences": []}]}, "no test split but val"),
        ({"annotations": []}, "missing required field `images`"),
        ({"images": [{"filename": "1.jpg", "split": "test", "sentences": [{"raw": " "}]}]}, "a caption is empty"),
    ],
)
def test_a_file_without_a_test_split_is_an_error_that_says_what_it_has(
    tmp_path: Path, tree: object, message: str
) -> None:
    (tmp_path / "dataset_flickr8k.json").write_text(json.dumps(tree), "utf-8")
    entry = BENCHMARKS["flickr8k_retrieval"]
    folder = open_folder("flickr8k_retrieval", entry.files, tmp_path, allow_missing=False)
    with pytest.raises(HairsplitError, match=message):
        entry.read(folder)


def test_both_files_that_will_do_are_named_where_none_is_there(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match=r"karpathy_test.json .*\n or dataset_coco.json .*caption_datasets"):
        prepare("coco_retrieval", BENCHMARKS["coco_retrieval"], tmp_path)
