"""Copies of photos are found, other photos are not; drawings of equal layout are told apart by their colours."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from hairsplit.data.perceptual import LEAST_CORRELATION, MOST_BITS, correlation, look, looks, near_pairs
from tests.small_world import paint

PHOTOS = 120


def encoded(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def cropped(picture: Image.Image, share: float) -> Image.Image:
    w, h = picture.size
    return picture.crop((int(w * share), int(h * share), int(w * (1 - share)), int(h * (1 - share))))


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": lambda p: p.resize((p.width // 2, p.height // 2)),
    "twice the size": lambda p: p.resize((p.width * 2, p.height * 2)),
    "JPEG of quality 30": lambda p: encoded(p, 30),
    "a quarter of the size, JPEG of quality 50": lambda p: encoded(p.resize((p.width // 4, p.height // 4)), 50),
    "squeezed to a square": lambda p: p.resize((224, 224)),
    "grey": lambda p: p.convert("L").convert("RGB"),
    "a fifth brighter": lambda p: p.point(lambda v: min(255, int(v * 1.2))),
}


def photos(shared: Path) -> list[Path]:
    return sorted((shared / "realdata" / "flickr8k" / "images").glob("*.jpg"))[:PHOTOS]


@pytest.mark.parametrize("copy", COPIES)
def test_resized_reencoded_grey_and_brightened_photos_are_found(shared: Path, copy: str) -> None:
    found = 0
    for path in photos(shared):
        picture = Image.open(path).convert("RGB")
        (bits, small), (other, copied) = look(picture), look(COPIES[copy](picture))
        found += int((bits != other).sum()) <= MOST_BITS and correlation(small, copied) >= LEAST_CORRELATION
    assert found >= 0.98 * PHOTOS


def test_no_two_different_photos_look_the_same(shared: Path) -> None:
    names = [path.name for path in photos(shared)]
    seen = looks(photos(shared)[0].parent, names, workers=1)
    assert seen.names == names
    assert near_pairs(seen, seen) == [(i, i, 0) for i in range(PHOTOS)]


def drawing(colour: str) -> Image.Image:
    picture = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(picture).rectangle((8, 8, 28, 28), fill=colour)
    ImageDraw.Draw(picture).ellipse((36, 36, 56, 56), fill="black")
    return picture


def test_drawings_that_differ_in_colour_alone_are_not_the_same() -> None:
    (bits, small), (other, thumbnail) = look(drawing("red")), look(drawing("blue"))
    assert int((bits != other).sum()) <= MOST_BITS  # the hash is blind to it
    assert correlation(small, thumbnail) < LEAST_CORRELATION


def test_pictures_of_one_colour_are_alike_only_if_of_the_same() -> None:
    white, grey, black = (look(Image.new("RGB", (9, 9), colour))[1] for colour in ("white", "#808080", "black"))
    assert correlation(white, white) == 1.0
    assert correlation(white, black) == correlation(white, grey) == 0.0


def test_what_cannot_be_decoded_is_named_with_its_reason(tmp_path: Path) -> None:
    paint(tmp_path / "a.png", "red")
    (tmp_path / "b.png").write_text("no picture")
    seen = looks(tmp_path, ["a.png", "b.png", "c.png"], workers=1)
    assert seen.names == ["a.png"]
    assert seen.unreadable == {"b.png": "not a picture", "c.png": "no such picture"}
    assert near_pairs(seen, looks(tmp_path, ["b.png"], workers=1)) == []


def test_distances_are_those_counted_bit_by_bit() -> None:
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)) for _ in range(6)]
    hashes = [look(picture)[0] for picture in noise]
    from hairsplit.data.perceptual import Looks

    seen = Looks([str(n) for n in range(6)], np.array(hashes), np.array([look(p)[1] for p in noise]), {})
    found = {(i, j): bits for i, j, bits in near_pairs(seen, seen, most_bits=64, least_correlation=-1.0)}
    expected = {(i, j): int((hashes[i] ^ hashes[j]).sum()) for i in range(6) for j in range(6)}
    assert found == expected
