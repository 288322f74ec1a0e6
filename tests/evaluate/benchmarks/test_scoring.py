"""Pictures and captions are encoded once each, a part is the part, and broken pictures are errors or counted."""

from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.evaluate.benchmarks import BENCHMARKS, Picture, judge_benchmark, prepare
from hairsplit.evaluate.benchmarks._files import Pictures
from hairsplit.evaluate.benchmarks._scoring import cut, embed_pictures
from hairsplit.evaluate.embed import embed_images
from hairsplit.evaluate.embedding_cache import EmbeddingCache
from tests.evaluate.benchmarks.made import make
from tests.evaluate.test_embed import Counting
from tests.small_world import SHAPE, paint


@pytest.fixture(scope="module")
def encoder() -> DualEncoder:
    return new(SHAPE, seed=1)


def located(root: Path, *pictures: Picture) -> Pictures:
    return Pictures(root, {picture: root / picture.path for picture in pictures}, Counter())


def test_whole_pictures_are_embedded_as_elsewhere(encoder: DualEncoder, tmp_path: Path) -> None:
    names = [paint(tmp_path / f"{c}.png", c, (30 + n, 24)).name for n, c in enumerate(("red", "blue", "green"))]
    pictures = [Picture("c", name) for name in names]
    found = embed_pictures(encoder, located(tmp_path, *pictures), pictures, allow_missing=False, batch=2)
    assert np.abs(found.embeddings - embed_images(encoder, tmp_path, names)).max() < 1e-6
    assert found.number == {picture: n for n, picture in enumerate(pictures)}


def test_a_part_is_embedded_as_the_same_part_saved_on_its_own(encoder: DualEncoder, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(256, size=(40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "whole.png")
    Image.fromarray(pixels[5:35, 10:50]).save(tmp_path / "part.png")
    part, whole = Picture("c", "whole.png", (10, 5, 40, 30)), Picture("c", "whole.png")
    found = embed_pictures(encoder, located(tmp_path, part, whole), [part, whole], allow_missing=False)
    alone = embed_images(encoder, tmp_path, ["part.png"])
    assert np.abs(found.embeddings[0] - alone[0]).max() < 1e-6
    assert np.abs(found.embeddings[1] - alone[0]).max() > 1e-3


def test_what_juts_out_of_the_picture_is_black(tmp_path: Path) -> None:
    paint(tmp_path / "a.png", "white", (20, 10))
    part = cut(tmp_path / "a.png", Picture("c", "a.png", (15.4, -2, 10, 8)))
    assert part.size == (10, 8)
    assert part.getpixel((0, 7)) == (255, 255, 255)
    assert part.getpixel((9, 7)) == part.getpixel((0, 0)) == (0, 0, 0)


@pytest.mark.parametrize("box", [(30, 0, 5, 5), (0, 0, 0, 5), (-9, -9, 5, 5), (0, 0, 1e5, 1e5)])
def test_a_box_outside_the_picture_is_an_error(tmp_path: Path, box: tuple[float, float, float, float]) -> None:
    paint(tmp_path / "a.png", "white", (20, 10))
    with pytest.raises(HairsplitError, match="20 x 10 pixels"):
        cut(tmp_path / "a.png", Picture("c", "a.png", box))


def test_each_picture_and_caption_is_encoded_once(tmp_path: Path) -> None:
    one = new(SHAPE, seed=1)
    counting = Counting(one.model, one.tokenizer, one.preprocess)
    make("winoground", tmp_path)
    prepared = prepare("winoground", BENCHMARKS["winoground"], tmp_path)
    ticks: list[int] = []
    judge_benchmark(counting, prepared, tick=ticks.append)
    assert counting.rows == sum(ticks) == prepared.total == 4 + 4


def test_a_broken_picture_is_an_error_or_counted(encoder: DualEncoder, tmp_path: Path) -> None:
    make("sugarcrepe", tmp_path)
    (tmp_path / "val2017" / "1.jpg").write_bytes(b"no picture")
    entry = BENCHMARKS["sugarcrepe"]
    with pytest.raises(HairsplitError, match="not a picture") as error:
        judge_benchmark(encoder, prepare("sugarcrepe", entry, tmp_path))
    assert "1.jpg" in str(error.value)
    judged = judge_benchmark(encoder, prepare("sugarcrepe", entry, tmp_path, allow_missing=True))
    assert (judged.items, judged.left_out) == (7, {"broken_image": 7})
    (tmp_path / "val2017" / "2.jpg").write_bytes(b"no picture either")
    with pytest.raises(HairsplitError, match="none of 2 pictures"):
        judge_benchmark(encoder, prepare("sugarcrepe", entry, tmp_path, allow_missing=True))


def test_the_encoder_is_left_as_it_was(encoder: DualEncoder, tmp_path: Path) -> None:
    encoder.train()
    paint(tmp_path / "a.png", "red")
    picture = Picture("c", "a.png")
    embed_pictures(encoder, located(tmp_path, picture), [picture], allow_missing=False)
    assert encoder.training
    encoder.eval()
    assert torch.is_grad_enabled()


def test_kept_pictures_are_the_same_with_parts_and_broken_ones_counted_each_time(
    encoder: DualEncoder, tmp_path: Path
) -> None:
    names = [paint(tmp_path / f"{n}.png", (9 * n, 200, 30)).name for n in range(5)]
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "copy.png").write_bytes(b"no picture")
    pictures = [Picture("c", name) for name in ("bad.png", *names, "copy.png")]
    pictures.append(Picture("c", names[0], (0, 0, 10, 10)))
    where = located(tmp_path, *pictures)
    plain = embed_pictures(encoder, where, pictures, allow_missing=True)
    for turn in range(2):
        with closing(EmbeddingCache(tmp_path / "kept")) as cache, closing(cache.of(encoder)) as kept:
            found = embed_pictures(encoder, where, pictures, allow_missing=True, kept=kept)
            assert cache.counts.encoded == (6, 0)[turn]
            with pytest.raises(HairsplitError, match="not a picture"):
                embed_pictures(encoder, where, pictures, allow_missing=False, kept=kept)
        assert found.number == plain.number
        assert found.broken.keys() == plain.broken.keys() == {pictures[0], pictures[6]}
        assert np.abs(found.embeddings - plain.embeddings).max() < 1e-6


def test_pictures_and_tables_share_what_is_kept(encoder: DualEncoder, tmp_path: Path) -> None:
    name = paint(tmp_path / "a.png", "red").name
    with closing(EmbeddingCache(None)) as cache, closing(cache.of(encoder)) as kept:
        embed_images(encoder, tmp_path, [name], kept=kept)
        picture = Picture("c", name)
        embed_pictures(encoder, located(tmp_path, picture), [picture], allow_missing=False, kept=kept)
        assert cache.counts.encoded == 1
