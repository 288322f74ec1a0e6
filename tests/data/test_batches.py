"""Pairs into batches: joined, tokenised, padded and masked; pictures decoded as the encoder sees them."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode
from hairsplit.core.tables import PairsMeta, PairsTable
from hairsplit.core.tensors import Batch
from hairsplit.core.types import Pair
from hairsplit.data.batches import PairBatches, PixelStore
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.encoders.tokens import Tokenizer
from tests.data.joined import examples

TOKENIZER = Tokenizer(100)
PREPROCESS = Preprocess(16)


def pair(image: str, caption: str, negative: str | None, kind: str = "colour") -> Pair:
    return Pair(image=image, image_id=image, caption=caption, negative=negative, kind=kind, source="test")


def draw_pictures(root: Path, names: Sequence[str]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name in names:
        pixels = rng.integers(0, 256, (24, 40, 3), np.uint8)
        Image.fromarray(pixels).save(root / name)


def table(root: Path, pairs: Sequence[Pair]) -> PairsTable:
    draw_pictures(root, sorted({p.image for p in pairs}))
    return PairsTable(tuple(pairs), root, PairsMeta(), "hash", root / "pairs.parquet")


PAIRS = (
    pair("a.png", "a red dog", "a blue dog"),
    pair("a.png", "a red dog", "a green dog with a very long tail", "size"),
    pair("a.png", "a red dog", "a cat"),
    pair("b.png", "two cats on a mat", None, "size"),
    pair("c.jpg", "one", "two"),
    pair("c.jpg", "three", "four"),
)


def batches(root: Path, pairs: Sequence[Pair] = PAIRS, **changes: object) -> PairBatches:
    made = table(root, pairs)
    keys = {name: 10 + n for n, name in enumerate(sorted({p.image for p in pairs}))}
    settings: dict[str, object] = {"batch_size": 2, "image_keys": keys, "threads": 2} | changes
    return PairBatches(made, TOKENIZER, PREPROCESS, **settings)  # type: ignore[arg-type]


def equal(one: Batch, two: Batch) -> bool:
    tensors = [(value, getattr(two, name)) for name, value in vars(one).items() if name != "kinds"]
    return one.kinds == two.kinds and all(
        mine is theirs if mine is None or theirs is None else torch.equal(mine, theirs) for mine, theirs in tensors
    )


def texts(ids: torch.Tensor) -> list[str]:
    return [TOKENIZER.decode(row[: int((row == TOKENIZER.eos).int().argmax()) + 1].tolist()) for row in ids]


def test_with_one_negative_each_row_of_the_table_is_an_example() -> None:
    found = examples(PAIRS, 1)
    assert [(e.image, e.caption, e.negatives, e.kind) for e in found] == [
        (p.image, p.caption, () if p.negative is None else (p.negative,), p.kind) for p in PAIRS
    ]


def test_negatives_of_one_image_and_caption_are_joined_up_to_k() -> None:
    two, three = examples(PAIRS, 2), examples(PAIRS, 3)
    assert [e.negatives for e in two if e.image == "a.png"] == [
        ("a blue dog", "a green dog with a very long tail"),
        ("a cat",),
    ]
    assert [len(e.negatives) for e in three] == [3, 0, 1, 1]
    assert three[0].kinds == ("colour", "size", "colour")
    assert sum(len(e.kinds) for e in two) == sum(len(e.kinds) for e in three) == len(PAIRS)


def test_equal_captions_of_different_images_and_a_repeated_negative_are_not_joined_twice() -> None:
    rows = [pair("a", "x", "y"), pair("b", "x", "y"), pair("a", "x", "y"), pair("a", "x", None)]
    assert [(e.image, e.negatives) for e in examples(rows, 4)] == [("a", ("y",)), ("b", ("y",))]


def test_captions_and_negatives_are_the_tokenizers_ids_padded_with_zeros_to_the_longest(tmp_path: Path) -> None:
    made = batches(tmp_path, negatives_per_image=3)
    found = made.batch([0, 1, 2])
    captions = ["a red dog", "two cats on a mat", "one"]
    assert torch.equal(found.caption_ids, TOKENIZER.batch(captions))
    assert found.negative_ids.shape[:2] == found.mask.shape == (3, 3)
    assert found.mask.tolist() == [[True, True, True], [False] * 3, [True, False, False]]
    negatives = [n for e in made.examples[:3] for n in e.negatives]
    assert torch.equal(found.negative_ids[found.mask], TOKENIZER.batch(negatives))
    assert not found.negative_ids[~found.mask].any()
    assert texts(found.negative_ids[0]) == ["a blue dog", "a green dog with a very long tail", "a cat"]
    made.close()


def test_rows_without_any_negative_have_a_mask_of_false_and_k_is_that_of_the_table(tmp_path: Path) -> None:
    made = batches(tmp_path, negatives_per_image=5)
    assert made.negatives == 3
    found = made.batch([1])
    assert found.mask.tolist() == [[False] * 3]
    assert found.negative_ids.shape == (1, 3, 1)
    made.close()
    none = batches(tmp_path, [p for p in PAIRS if p.negative is None] + [pair("a.png", "x", None)])
    assert none.negatives == 0
    assert none.batch([0, 1]).negative_ids.shape == (2, 0, 1)
    none.close()


def test_keys_are_equal_for_equal_pictures_and_for_captions_that_differ_in_case_only(tmp_path: Path) -> None:
    rows = [pair("a.png", "A red  dog.", None), pair("b.png", "a red dog", None), pair("b.png", "a red dogs", None)]
    made = batches(tmp_path, rows, image_keys={"a.png": 7, "b.png": 7 + 2**60})
    found = made.batch([0, 1, 2])
    assert found.image_keys.tolist() == [7, 7 + 2**60, 7 + 2**60]
    one, two, three = found.caption_keys.tolist()
    assert one == two != three
    made.close()


def test_pixels_are_those_of_the_preprocessing(tmp_path: Path) -> None:
    made = batches(tmp_path)
    found = made.batch([0, 3, 4])
    expected = np.stack([PREPROCESS(decode(tmp_path / name)) for name in ("a.png", "b.png", "c.jpg")])
    assert found.pixels is not None
    assert np.array_equal(found.pixels.numpy(), expected)
    assert found.pixels.dtype == torch.float32
    made.close()


@pytest.mark.parametrize("megabytes", [0, 64])
def test_a_picture_that_is_kept_is_the_one_that_was_decoded(tmp_path: Path, megabytes: int) -> None:
    made = batches(tmp_path, megabytes=megabytes)
    first = made.batch([0, 3])
    assert equal(made.batch([0, 3]), first)
    (tmp_path / "a.png").unlink()
    if megabytes:
        assert equal(made.batch([0, 3]), first)
    else:
        with pytest.raises(HairsplitError, match="no such picture"):
            made.batch([0, 3])
    made.close()


def test_batches_made_ahead_are_those_made_on_demand(tmp_path: Path) -> None:
    made = batches(tmp_path, negatives_per_image=2)
    plan = [[0, 2], [3, 1], [4, 2], [2]]
    ahead = list(made.ahead(plan))
    assert len(ahead) == len(plan)
    assert all(equal(one, made.batch(numbers)) for one, numbers in zip(ahead, plan, strict=True))
    assert list(made.ahead([])) == []
    made.close()


def test_ahead_can_be_left_in_the_middle(tmp_path: Path) -> None:
    made = batches(tmp_path)
    coming = made.ahead([[0, 3]] * 50)
    next(coming)
    coming.close()
    made.close()
    assert list(coming) == []


def test_an_epoch_is_a_pure_function_of_the_seed(tmp_path: Path) -> None:
    one, two = batches(tmp_path, seed=5), batches(tmp_path, seed=5)
    first = one.epoch(0).batches
    one.epoch(3)
    assert np.array_equal(two.epoch(3).batches, one.epoch(3).batches)
    assert np.array_equal(one.epoch(0).batches, first)
    one.close()
    two.close()


def test_a_missing_or_broken_picture_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    made = batches(tmp_path)
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:200])
    with pytest.raises(HairsplitError, match="broken picture") as caught:
        list(made.ahead([[0, 4], [3, 4], [0, 4]]))
    assert caught.value.where.endswith("b.png")
    made.close()


@pytest.mark.parametrize("megabytes", [0, 64])
def test_a_check_beforehand_counts_the_bad_pictures_and_names_the_first(tmp_path: Path, megabytes: int) -> None:
    made = batches(tmp_path, megabytes=megabytes)
    made.check_pictures()
    broken = batches(tmp_path, megabytes=megabytes)
    (tmp_path / "c.jpg").write_bytes((tmp_path / "c.jpg").read_bytes()[:150])
    (tmp_path / "b.png").unlink()
    with pytest.raises(HairsplitError, match=r"2 of 3 pictures cannot be used, the first is 'b.png'") as caught:
        broken.check_pictures()
    assert "no such picture" in str(caught.value)
    assert caught.value.where == str(tmp_path)
    made.close()
    broken.close()


def test_a_checked_picture_is_not_decoded_again_while_it_fits(tmp_path: Path) -> None:
    draw_pictures(tmp_path, ["a.png", "b.png"])
    kept, dropped = (PixelStore(tmp_path, PREPROCESS, megabytes=megabytes) for megabytes in (1, 0))
    for store in (kept, dropped):
        store.check(["b.png", "a.png", "b.png"])
    before = kept.pixels(["a.png", "b.png"])
    os.truncate(tmp_path / "a.png", 0)
    assert torch.equal(kept.pixels(["a.png", "b.png"]), before)
    with pytest.raises(HairsplitError, match="not a picture"):
        dropped.pixels(["a.png"])
    kept.close()
    dropped.close()


def test_a_sliver_and_a_path_that_leaves_the_root_are_found_by_the_check(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "images", ["a.png"])
    Image.new("RGB", (2, 500)).save(tmp_path / "images" / "thin.png")
    store = PixelStore(tmp_path / "images", PREPROCESS)
    with pytest.raises(HairsplitError, match=r"1 of 2 .*'thin.png': 2 x 500 pixels is too thin"):
        store.check(["a.png", "thin.png"])
    with pytest.raises(HairsplitError, match=r"1 of 2 .*'../images/a.png': .*not a plain path"):
        store.check(["a.png", "../images/a.png"])
    store.close()


def test_a_weight_of_zero_leaves_a_kind_out_wherever_it_stands_in_a_joined_example(tmp_path: Path) -> None:
    made = batches(tmp_path, negatives_per_image=3, kind_weights={"size": 0})
    assert all(e.kinds.count("size") == 0 for e in made.examples)
    assert made.examples[0].negatives == ("a blue dog", "a cat")
    assert made.left_out == {"weight 0 of the kind size": 2}
    made.close()


def test_a_joined_example_occurs_as_often_as_the_mean_of_its_kinds_says(tmp_path: Path) -> None:
    rows = [pair(f"{n}.png", "x", y, k) for n in range(8) for y, k in (("y", "colour"), ("z", "size"))]
    rows += [pair(f"{n}.png", "w", "v", "colour") for n in range(8)]
    made = batches(tmp_path, rows, negatives_per_image=2, kind_weights={"size": 3.0})
    shown = np.bincount(made.epoch(0).batches.ravel(), minlength=16)
    joined = np.array([len(e.kinds) == 2 for e in made.examples])
    assert set(shown[joined]) == {2}
    assert set(shown[~joined]) == {1}
    made.close()


def test_a_misspelt_kind_says_which_kinds_there_are(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="no pair is of the kind 'colur'") as caught:
        batches(tmp_path, kind_weights={"colur": 2.0})
    assert caught.value.hint == "kinds in the table: colour, size"


def test_a_pair_whose_two_texts_are_the_same_to_the_model_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = [*PAIRS, pair("a.png", "A red dog", "a RED  dog"), pair("b.png", "a b c d one", "a b c d two")]
    made = batches(tmp_path, rows, context_length=6)
    assert made.left_out == {"caption and negative are the same to the model": 2}
    assert len(made.examples) == len(PAIRS)
    made.close()


def test_nothing_left_to_train_on_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        HairsplitError, match=r"no pair is left to train on \(weight 0 of the kind colour: 4, .*size: 2"
    ):
        batches(tmp_path, kind_weights={"size": 0, "colour": 0})
    with pytest.raises(HairsplitError, match="no pair to train on"):
        batches(tmp_path, [])


def test_a_pair_of_weight_w_is_shown_w_times_an_epoch_and_one_of_weight_0_is_counted(tmp_path: Path) -> None:
    weights = {"0.png": 3.0, "1.png": 0.5, "2.png": 0.0, "3.png": None}
    rows = [replace(pair(name, f"x{n}", f"y{n}"), weight=w) for n, (name, w) in enumerate(weights.items())]
    rows += [pair(f"{n}.png", f"x{n}", f"y{n}") for n in range(4, 12)]
    made = batches(tmp_path, rows)
    assert made.left_out == {"weight 0 of the pair": 1}
    shown = np.zeros(len(made.examples))
    epochs = 400
    for epoch in range(epochs):
        shown += np.bincount(made.epoch(epoch).batches.ravel(), minlength=len(shown))
    kept = [row.image for row in rows if row.weight != 0]
    times = {image: count / epochs for image, count in zip(kept, shown.tolist(), strict=True)}
    assert times["1.png"] == pytest.approx(0.5, abs=0.1)
    assert times["3.png"] == pytest.approx(1.0, abs=0.1)  # what finds no place in a full batch is left over
    assert times["0.png"] == pytest.approx(3.0, abs=0.25)
    made.close()


def test_the_weight_of_a_pair_multiplies_that_of_its_kind(tmp_path: Path) -> None:
    rows = [pair(f"{n}.png", f"x{n}", f"y{n}") for n in range(8)]
    made = batches(tmp_path, [replace(row, weight=2.0) for row in rows], kind_weights={"colour": 1.5})
    assert np.bincount(made.epoch(0).batches.ravel()).tolist() == [3] * 8
    made.close()


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_number_of_times_is_an_error(tmp_path: Path, weight: float) -> None:
    with pytest.raises(HairsplitError, match=r"a pair of 'a\.png' has weight"):
        batches(tmp_path, [*PAIRS, replace(pair("a.png", "x", "y"), weight=weight)])


def test_pairs_with_a_text_that_is_cut_are_counted(tmp_path: Path) -> None:
    limit = max(len(ids) for ids in TOKENIZER.ids(t for p in PAIRS for t in (p.caption, p.negative or "")))
    fits = batches(tmp_path, context_length=limit)
    cut = batches(tmp_path, context_length=limit - 1)
    assert (fits.cut, cut.cut) == (0, 1)  # only "a green dog with a very long tail" is that long
    rows = [pair("a.png", "a " * 90 + str(n), "b " * 90 + str(n)) for n in range(3)]
    both = batches(tmp_path, [*PAIRS, *rows])
    assert both.cut == 3  # each pair once, though both of its texts are cut
    for made in (fits, cut, both):
        made.close()
