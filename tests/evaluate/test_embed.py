"""Each unique picture and text is encoded once, in any batch size, and the encoder is left as it was."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode
from hairsplit.data.pixels import PixelStore
from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.evaluate.embed import embed_images, embed_texts, unique
from tests.small_world import SHAPE, paint

TEXTS = ["a cat", "the small blue square is to the left of the large red circle", "", "dog", "a cat " * 60]


class Counting(DualEncoder):
    """An encoder that remembers how many rows it was given."""

    rows = 0

    def encode_image(self, pixels: Tensor) -> Tensor:
        self.rows += len(pixels)
        return super().encode_image(pixels)

    def encode_text(self, ids: Tensor) -> Tensor:
        self.rows += len(ids)
        return super().encode_text(ids)


@pytest.fixture(scope="module")
def encoder() -> DualEncoder:
    return new(SHAPE, seed=1)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number, colour in enumerate(("red", "green", "blue", "white", "black")):
        paint(tmp_path / f"{number}.png", colour, (24 + number, 40 - number))
    return tmp_path


NAMES = [f"{n}.png" for n in range(5)]


@given(st.lists(st.sampled_from("abcd")))
def test_unique_values_are_numbered_by_their_first_appearance(values: list[str]) -> None:
    found, number = unique(values)
    assert [found[number[value]] for value in values] == values
    assert found == list(dict.fromkeys(values))


@pytest.mark.parametrize("batch", [1, 2, 5, 100])
def test_images_embed_as_one_by_one(encoder: DualEncoder, images: Path, batch: int) -> None:
    expected = []
    for name in NAMES:
        pixels = torch.from_numpy(encoder.preprocess(decode(images / name)))
        expected.append(encoder.encode_image(pixels[None])[0].detach().numpy())
    found = embed_images(encoder, images, NAMES, batch=batch)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-6)


@pytest.mark.parametrize("batch", [1, 2, 5, 100])
def test_texts_of_any_length_embed_as_one_by_one(encoder: DualEncoder, batch: int) -> None:
    expected = [encoder.encode_text(encoder.tokenize([text]))[0].detach().numpy() for text in TEXTS]
    found = embed_texts(encoder, TEXTS, batch=batch)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-6)


def test_each_row_is_encoded_once_and_progress_adds_up(images: Path) -> None:
    made = new(SHAPE)
    counting = Counting(made.model, made.tokenizer, made.preprocess)
    ticks: list[int] = []
    embed_images(counting, images, NAMES, batch=2, tick=ticks.append)
    assert (counting.rows, sum(ticks)) == (5, 5)
    embed_texts(counting, TEXTS, batch=2, tick=ticks.append)
    assert (counting.rows, sum(ticks)) == (10, 10)


def test_texts_of_the_same_tokens_are_encoded_once_and_equal_to_the_last_bit() -> None:
    made = new(SHAPE)
    counting = Counting(made.model, made.tokenizer, made.preprocess)
    ticks: list[int] = []
    found = embed_texts(counting, ["A cat", "dog", "a  CAT", "a cat"], batch=1, tick=ticks.append)
    assert (counting.rows, sum(ticks)) == (2, 4)
    assert np.array_equal(found[0], found[2])
    assert np.array_equal(found[0], found[3])
    assert not np.array_equal(found[0], found[1])


def test_an_encoder_in_training_is_put_back_into_training() -> None:
    made = new(SHAPE)
    made.model.config.text_config.attention_dropout = 0.5
    made.train()
    first = embed_texts(made, TEXTS)
    assert made.training
    assert np.array_equal(first, embed_texts(made, TEXTS)), "dropout is off meanwhile"
    made.eval()
    embed_texts(made, TEXTS)
    assert not made.training


def test_an_encoder_in_training_is_put_back_even_after_an_error(tmp_path: Path) -> None:
    made = new(SHAPE)
    made.train()
    with pytest.raises(HairsplitError, match="no such picture"):
        embed_images(made, tmp_path, ["gone.png"])
    assert made.training


def test_nothing_to_embed_is_an_empty_matrix(encoder: DualEncoder, tmp_path: Path) -> None:
    assert embed_images(encoder, tmp_path, []).shape == (0, SHAPE.embedding)
    assert embed_texts(encoder, []).shape == (0, SHAPE.embedding)


def test_a_broken_picture_is_named(encoder: DualEncoder, images: Path) -> None:
    whole = (images / "0.png").read_bytes()
    (images / "torn.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HairsplitError, match="broken picture") as caught:
        embed_images(encoder, images, ["0.png", "torn.png"])
    assert caught.value.where == str(images / "torn.png")


def test_a_path_that_leaves_the_root_is_refused(encoder: DualEncoder, images: Path) -> None:
    for name in ("../0.png", str(images / "0.png")):
        with pytest.raises(HairsplitError, match="not a plain path below the images root"):
            embed_images(encoder, images / "sub", [name])


def test_images_of_a_store_are_those_it_keeps_and_it_stays_open(encoder: DualEncoder, images: Path) -> None:
    store = PixelStore(images, encoder.preprocess, megabytes=1)
    expected = embed_images(encoder, images, NAMES)
    for _ in range(2):
        assert np.array_equal(embed_images(encoder, images, NAMES, store=store), expected)
        for picture in images.glob("*.png"):
            picture.unlink()
    store.close()
