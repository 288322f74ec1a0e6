import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from hairsplit.report.pictures import SIDE, Gallery, Picture


def decoded(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(picture.uri.split(",", maxsplit=1)[1])))


def test_small_drawings_are_kept_exactly(tmp_path: Path) -> None:
    original = Image.effect_noise((64, 48), 80).convert("RGB")
    original.save(tmp_path / "a.png")
    picture = Gallery().picture(tmp_path, "a.png")
    assert picture.uri.startswith("data:image/png;base64,")
    assert decoded(picture).convert("RGB").tobytes() == original.tobytes()


def test_photos_are_made_small_and_keep_their_shape(tmp_path: Path) -> None:
    Image.new("CMYK", (1000, 500)).save(tmp_path / "a.jpg")
    picture = Gallery().picture(tmp_path, "a.jpg")
    assert (picture.width, picture.height) == (SIDE, SIDE // 2) == decoded(picture).size
    assert picture.uri.startswith("data:image/jpeg")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.png", None, "picture not found"),
        ("text.png", b"hello", "not a picture"),
        ("../up.png", None, "path leaves the images folder"),
    ],
)
def test_what_cannot_be_shown_says_why_and_is_counted_once(
    tmp_path: Path, name: str, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    gallery = Gallery()
    assert gallery.picture(tmp_path, name) == gallery.picture(tmp_path, name) == Picture(problem=problem)
    assert gallery.missing == {problem: 1}


def test_a_truncated_photo_is_broken(tmp_path: Path) -> None:
    Image.effect_noise((300, 300), 80).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:5000])
    assert Gallery().picture(tmp_path, "a.png").problem == "broken picture"
