"""What a model still recognises: zero-shot and retrieval against plain loops, and the files they are read from."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode
from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.evaluate.forgetting import (
    PROMPTS,
    class_embeddings,
    class_ranks,
    labelled_images,
    prompted,
    read_captions,
    retrieval,
    retrieval_measures,
    retrieve,
    zero_shot,
)
from tests.small_world import SHAPE, constant_encoder, paint

COLOURS = {
    "apple green": (90, 200, 60),
    "black": (0, 0, 0),
    "blue": (0, 0, 255),
    "cyan": (0, 255, 255),
    "grey": (128, 128, 128),
    "orange": (255, 128, 0),
    "white": (255, 255, 255),
}


@pytest.fixture(scope="module")
def encoder() -> DualEncoder:
    return new(SHAPE, seed=1)


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Seven classes, one with three pictures."""
    for name, colour in COLOURS.items():
        for number in range(3 if name == "blue" else 1):
            paint(tmp_path / name.replace(" ", "_") / f"{number}.png", colour, (24, 24 + 8 * number))
    return tmp_path


def embedded(encoder: DualEncoder, path: Path) -> torch.Tensor:
    pixels = torch.from_numpy(encoder.preprocess(decode(path)))
    return encoder.encode_image(pixels[None])[0].detach()


def text(encoder: DualEncoder, caption: str) -> torch.Tensor:
    return encoder.encode_text(encoder.tokenize([caption]))[0].detach()


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_folders_are_classes_and_underscores_are_spaces(classes: Path) -> None:
    data = labelled_images(classes)
    assert data.classes == tuple(sorted(COLOURS))
    assert data.images[:4] == ("apple_green/0.png", "black/0.png", "blue/0.png", "blue/1.png")
    assert data.labels == (0, 1, 2, 2, 2, 3, 4, 5, 6)
    assert (data.prompts, data.others) == (PROMPTS, 0)


def test_files_that_are_no_pictures_are_counted_and_hidden_ones_are_not(classes: Path) -> None:
    (classes / "blue" / "notes.txt").touch()
    (classes / "blue" / ".DS_Store").touch()
    (classes / ".cache").mkdir()
    (classes / "README.md").touch()
    data = labelled_images(classes)
    assert (len(data.images), len(data.classes), data.others) == (9, 7, 1)


def test_prompts_are_read_from_the_folder(classes: Path) -> None:
    (classes / "prompts.txt").write_text("{a}\n\n a {} thing \n", "utf-8")
    assert labelled_images(classes).prompts == ("{a}", "a {} thing")


def test_a_name_in_capitals_has_the_same_article() -> None:
    assert prompted(["Apple", "pear"], ["{a}: {}"]) == ["an Apple: Apple", "a pear: pear"]


def test_similarities_that_differ_by_rounding_alone_are_ties() -> None:
    similarity = np.array([[0.5, 0.5 - 5e-7, 0.1], [0.5, 0.5 - 5e-6, 0.6], [0.2, 0.2 + 5e-7, 0.1]], np.float64)
    found = class_ranks(similarity, [0, 0, 0])
    assert found.ranks.tolist() == [2, 2, 2]
    assert found.if_ties_hit.tolist() == [1, 2, 1]


def test_class_embeddings_are_means_over_prompts_made_unit_again(encoder: DualEncoder) -> None:
    found = class_embeddings(encoder, ["apple", "blue"], ["{a} here", "one {}"])
    for row, captions in zip(found, [("an apple here", "one apple"), ("a blue here", "one blue")], strict=True):
        mean = sum(text(encoder, caption) for caption in captions)
        assert isinstance(mean, torch.Tensor)
        np.testing.assert_allclose(row, (mean / mean.norm()).numpy(), atol=1e-6)


def test_zero_shot_is_what_a_plain_loop_finds(encoder: DualEncoder, classes: Path) -> None:
    data = labelled_images(classes)
    found = zero_shot(encoder, data)
    ranks = []
    for name, label in zip(data.images, data.labels, strict=True):
        image = embedded(encoder, classes / name)
        articles = [f"a photo of {'an' if c[0] in 'aeiou' else 'a'} {c}." for c in data.classes]
        scores = [float(image @ text(encoder, caption)) for caption in articles]
        ranks.append(1 + sum(s >= scores[label] for n, s in enumerate(scores) if n != label))
    assert found["top1"].value == pytest.approx(np.mean([rank <= 1 for rank in ranks]))
    assert found["top5"].value == pytest.approx(np.mean([rank <= 5 for rank in ranks]))
    by_class = [np.mean([r <= 1 for r, k in zip(ranks, data.labels, strict=True) if k == c]) for c in range(7)]
    assert found["mean_per_class_recall"].value == pytest.approx(np.mean(by_class))
    assert found["top1"].n == 9
    assert (found["top1"].chance, found["top5"].chance) == pytest.approx((1 / 7, 5 / 7))


def test_a_constant_model_recognises_nothing(classes: Path) -> None:
    found = zero_shot(constant_encoder(), labelled_images(classes))
    assert {estimate.value for estimate in found.values()} == {0.0}


def test_top_five_of_five_classes_says_nothing_and_is_left_out(encoder: DualEncoder, tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d", "e"):
        paint(tmp_path / name / "1.png", "red")
    assert set(zero_shot(encoder, labelled_images(tmp_path))) == {"top1", "mean_per_class_recall"}


def test_a_folder_that_is_no_recognition_set_is_an_error(tmp_path: Path, classes: Path) -> None:
    with pytest.raises(HairsplitError, match="no such folder"):
        labelled_images(tmp_path / "gone")
    with pytest.raises(HairsplitError, match="0 class folders"):
        labelled_images(classes / "blue")
    (classes / "prompts.txt").write_text("a photo\n")
    with pytest.raises(HairsplitError, match=r"the prompt 'a photo' has no \{\}"):
        labelled_images(classes)
    (classes / "prompts.txt").write_bytes(b"\xff\xff {}")
    with pytest.raises(HairsplitError, match="not UTF-8"):
        labelled_images(classes)
    (classes / "empty").mkdir()
    with pytest.raises(HairsplitError, match="has no picture") as caught:
        labelled_images(classes)
    assert caught.value.where == str(classes / "empty")


def test_a_broken_picture_of_a_class_is_named(encoder: DualEncoder, classes: Path) -> None:
    (classes / "blue" / "torn.png").write_text("no picture")
    with pytest.raises(HairsplitError, match="not a picture") as caught:
        zero_shot(encoder, labelled_images(classes))
    assert caught.value.where == str(classes / "blue" / "torn.png")


def test_retrieval_is_what_a_plain_loop_finds(encoder: DualEncoder, tmp_path: Path) -> None:
    rows = []
    for name, colour in COLOURS.items():
        paint(tmp_path / f"{name}.png", colour)
        rows += [(f"{name}.png", f"a {name} wall")] + ([(f"{name}.png", f"{name}!")] if "u" in name else [])
    found = retrieval(encoder, tmp_path, rows)
    names = list(dict.fromkeys(image for image, _ in rows))
    texts = [text(encoder, caption) for _, caption in rows]
    score = {
        (name, n): float(image @ caption)
        for name in names
        for image in [embedded(encoder, tmp_path / name)]
        for n, caption in enumerate(texts)
    }
    for k in (1, 5):
        to_image = [
            sum(score[other, n] >= score[image, n] for other in names if other != image) < k
            for n, (image, _) in enumerate(rows)
        ]
        to_text = []
        for name in names:
            own = [n for n, (image, _) in enumerate(rows) if image == name]
            best = max(score[name, n] for n in own)
            to_text.append(sum(score[name, n] >= best for n in range(len(rows)) if n not in own) < k)
        assert found[f"text_to_image@{k}"].value == pytest.approx(np.mean(to_image))
        assert found[f"image_to_text@{k}"].value == pytest.approx(np.mean(to_text))
        assert (found[f"text_to_image@{k}"].n, found[f"image_to_text@{k}"].n) == (len(rows), len(names))
    assert "text_to_image@10" not in found, "there are seven pictures"


def test_captions_of_an_image_are_one_cluster_and_as_many_images_as_k_are_enough(
    encoder: DualEncoder, tmp_path: Path
) -> None:
    rows = [(paint(tmp_path / f"{n}.png", (n, n, n)).name, f"{n} {word}") for n in range(5) for word in ("x", "y")]
    found = {one.name: one for one in retrieval_measures(retrieve(encoder, tmp_path, rows))}
    assert set(found) == {f"{side}@{k}" for side in ("image_to_text", "text_to_image") for k in (1, 5)}
    assert found["image_to_text@1"].clusters == ("0.png", "1.png", "2.png", "3.png", "4.png")
    assert found["text_to_image@1"].clusters == tuple(image for image, _ in rows)
    assert found["text_to_image@5"].hits.tolist() == [1.0] * 10


def test_a_constant_model_finds_nothing(tmp_path: Path) -> None:
    rows = [(paint(tmp_path / f"{n}.png", (n, n, n)).name, str(n)) for n in range(0, 240, 20)]
    blank = new(SHAPE)
    blank.model.text_projection.weight.data.fill_(0)
    found = retrieval(blank, tmp_path, rows)
    assert {estimate.value for estimate in found.values()} == {0.0}


def test_captions_are_read_as_lists_or_one_by_one(tmp_path: Path) -> None:
    file = write(
        tmp_path / "c.jsonl",
        {"image": "a.png", "captions": ["one", "two"], "split": "test"},
        {"image": "b.png", "caption": "three\u2028four", "set": "test"},
        {"image": "c.png", "caption": "five", "split": "train"},
        {"image": "d.png", "caption": "six"},
    )
    assert len(read_captions(file)) == 5
    assert read_captions(file, "test") == [("a.png", "one"), ("a.png", "two"), ("b.png", "three\u2028four")]


def test_empty_lines_and_raw_line_separators_are_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('\n{"image": "a", "caption": "one\u2028two"}\r\n\n', "utf-8")
    assert read_captions(tmp_path / "c.jsonl") == [("a", "one\u2028two")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "names no `image`"),
        ('{"caption": "a"}', "names no `image`"),
        ('{"image": 3, "caption": "a"}', "names no `image`"),
        ('{"image": "a"}', "no list of texts"),
        ('{"image": "a", "captions": "a cat"}', "no list of texts"),
        ('{"image": "a", "captions": [1]}', "no list of texts"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "c.jsonl").write_text('{"image": "a", "caption": "b"}\n' + line + "\n", "utf-8")
    with pytest.raises(HairsplitError, match=message) as caught:
        read_captions(tmp_path / "c.jsonl")
    assert caught.value.where == f"{tmp_path / 'c.jsonl'}, line 2"


def test_a_misspelt_split_is_answered_with_the_nearest(tmp_path: Path) -> None:
    file = write(tmp_path / "c.jsonl", {"image": "a", "caption": "b", "split": "test"})
    with pytest.raises(HairsplitError, match="no captions of split 'tset'") as caught:
        read_captions(file, "tset")
    assert caught.value.hint == "did you mean 'test'?"


def test_a_missing_empty_or_foreign_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\xb4")
    for name, message in [("gone", "no such file"), ("empty.jsonl", "no captions"), ("bytes.jsonl", "not UTF-8")]:
        with pytest.raises(HairsplitError, match=message) as caught:
            read_captions(tmp_path / name)
        assert caught.value.where == str(tmp_path / name)
