"""Strangers' pictures: every mode becomes upright RGB, everything broken or hostile one kind of error."""

import io
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import MAX_PIXELS, decode, inside

RED, BLUE = (255, 0, 0), (0, 0, 255)


def picture_bytes(kind: str, size: tuple[int, int] = (24, 16)) -> bytes:
    ramp = np.arange(size[0] * size[1] * 3, dtype=np.uint32).reshape(size[1], size[0], 3) * 37 % 256
    file = io.BytesIO()
    Image.fromarray(ramp.astype(np.uint8)).save(file, kind)
    return file.getvalue()


def grey_png(width: int, height: int, rows: int) -> bytes:
    """A one-bit PNG of any size from `rows` rows of zeros; costs some kilobytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes((1 + (width + 7) // 8) * rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_picture_of_20_000_by_20_000_pixels_is_refused_without_decoding_it(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(grey_png(20_000, 20_000, rows=20_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(HairsplitError, match=r"too large|pixels"):
        decode(path)


def test_a_picture_just_over_the_limit_is_refused_and_one_at_the_limit_is_not(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    path.write_bytes(grey_png(MAX_PIXELS // 10 + 1, 10, rows=10))
    with pytest.raises(HairsplitError, match="pixels"):
        decode(path)
    path.write_bytes(grey_png(1_000, 100, rows=100))
    assert decode(path).size == (1_000, 100)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_each_format_is_read_as_rgb(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture"
    path.write_bytes(picture_bytes(kind))
    found = decode(path)
    assert (found.mode, found.size) == ("RGB", (24, 16))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_a_truncated_picture_is_an_error_that_says_where(tmp_path: Path, kind: str) -> None:
    whole = picture_bytes(kind, (200, 200))
    path = tmp_path / "torn"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HairsplitError) as caught:
        decode(path)
    assert caught.value.where == str(path)
    assert caught.value.hint


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    path = tmp_path / "cmyk.jpg"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path, quality=100)
    r, g, b = decode(path).getpixel((8, 8))  # type: ignore[misc]
    assert r > 200
    assert max(g, b) < 60


def test_a_palette_picture_keeps_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "palette.png"
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([*BLUE, *RED])
    picture.save(path)
    assert decode(path).getpixel((0, 0)) == RED


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    path = tmp_path / "palette.png"
    picture = Image.new("P", (4, 1), 1)
    picture.putpalette([*BLUE, *RED])
    picture.putpixel((0, 0), 0)
    picture.save(path, transparency=0)
    assert decode(path).getpixel((0, 0)) == (255, 255, 255)
    assert decode(path).getpixel((1, 0)) == RED
    grey = tmp_path / "grey.png"
    Image.new("LA", (2, 2), (0, 0)).save(grey)
    assert decode(grey).getpixel((0, 0)) == (255, 255, 255)
    Image.new("RGBA", (2, 2), (0, 0, 0, 255)).save(grey)
    assert decode(grey).getpixel((0, 0)) == (0, 0, 0)


def test_sixteen_bit_grey_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    values = np.array([[0, 16_448, 32_896, 65_535]], np.uint16)
    Image.fromarray(values).save(path)
    assert np.asarray(decode(path))[0].tolist() == [[0] * 3, [64] * 3, [128] * 3, [255] * 3]


def test_a_dark_sixteen_bit_picture_stays_dark(tmp_path: Path) -> None:
    path = tmp_path / "dark.png"
    Image.fromarray(np.full((2, 2), 200, np.uint16)).save(path)
    assert decode(path).getpixel((0, 0)) == (1, 1, 1)


def test_a_photo_is_turned_upright_by_its_exif_orientation(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    picture = Image.new("RGB", (32, 16), BLUE)
    picture.paste(RED, (0, 0, 16, 16))  # left half red
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    picture.save(path, exif=exif, quality=100)
    upright = decode(path)
    assert upright.size == (16, 32)
    assert upright.getpixel((8, 4))[0] > 200  # type: ignore[index]  # left becomes top


def photo_with_torn_metadata(path: Path) -> Path:
    """A good photo whose EXIF block points beyond its end, as many on the web do; Pillow warns of it."""
    exif = Image.Exif()
    exif[0x010E] = "a description"
    Image.new("RGB", (16, 16), RED).save(path, "JPEG", exif=exif)
    data = bytearray(path.read_bytes())
    start = data.index(b"Exif\0\0") + 6
    assert struct.unpack_from(">HH", data, start + 8) == (1, 0x010E)  # one entry, the description
    struct.pack_into(">I", data, start + 14, 60_000)  # its length
    path.write_bytes(data)
    return path


def test_torn_metadata_is_no_concern_and_the_filters_stay_as_they_are(tmp_path: Path) -> None:
    path = photo_with_torn_metadata(tmp_path / "odd.jpg")
    with pytest.raises(UserWarning, match="Skipping tag"):
        Image.open(path)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert decode(path).size == (16, 16)
        first = list(warnings.filters)
        decode(path)
        assert (seen, warnings.filters) == ([], first)
        warnings.warn("another matter", UserWarning, stacklevel=1)
    assert [str(one.message) for one in seen] == ["another matter"]


THREADS = """
import sys, warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode

def one(name):
    try:
        return decode(Path(name)).size
    except HairsplitError as error:
        return error.message

before = list(warnings.filters)
with ThreadPoolExecutor(16) as pool:
    found = list(pool.map(one, sys.argv[1:] * 200))
assert [f for f in warnings.filters if f in before] == before, "filters of others were changed"
print(sorted(map(str, set(found))))
"""


def test_many_threads_decode_at_once_where_every_warning_is_an_error(tmp_path: Path) -> None:
    odd = photo_with_torn_metadata(tmp_path / "odd.jpg")
    large = tmp_path / "large.png"
    large.write_bytes(grey_png(10_000, 10_000, rows=1))  # Pillow warns from 89 million pixels on, and we refuse it
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", THREADS, odd, large], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("['(16, 16)', 'the picture is too large']\n", "")


@pytest.mark.parametrize(
    "content", [b"", b"no picture, only words\n", b"\xff\xd8\xff", b"GIF89a", b"\x89PNG\r\n\x1a\n"]
)
def test_a_file_that_is_no_picture_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "words.jpg"
    path.write_bytes(content)
    with pytest.raises(HairsplitError) as caught:
        decode(path)
    assert caught.value.where == str(path)


def test_a_missing_picture_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="no such picture"):
        decode(tmp_path / "none.jpg")
    with pytest.raises(HairsplitError):
        decode(tmp_path)


def test_a_tiff_whose_strip_offset_is_a_fraction_is_an_error(tmp_path: Path) -> None:
    """Found by damaging bytes at random: Pillow raises a TypeError."""
    data = bytearray(picture_bytes("TIFF"))
    (directory,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, directory)
    starts = [directory + 2 + 12 * n for n in range(entries)]
    offsets = next(at for at in starts if struct.unpack_from("<H", data, at)[0] == 273)
    struct.pack_into("<HII", data, offsets + 2, 5, 1, 0)  # a rational number
    path = tmp_path / "odd.tif"
    path.write_bytes(data)
    with pytest.raises(HairsplitError):
        decode(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]),
    flips=st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.floats(0, 1),
)
def test_damaged_bytes_give_a_picture_or_our_error_but_nothing_else(
    tmp_path: Path, kind: str, flips: list[tuple[int, int]], cut: float
) -> None:
    data = bytearray(picture_bytes(kind))
    for at, value in flips:
        data[at % len(data)] = value
    path = tmp_path / "damaged"
    path.write_bytes(data[: max(1, round(cut * len(data)))] if cut < 0.5 else data)
    try:
        assert decode(path).mode == "RGB"
    except HairsplitError as error:
        assert error.where == str(path)


@pytest.mark.parametrize("bad", ["", "/etc/passwd", "../a.jpg", "a/../../b.jpg", "C:\\a.jpg", "C:a.jpg", "a\\b.jpg"])
def test_paths_that_are_not_plain_are_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(HairsplitError, match="plain path"):
        inside(tmp_path, bad)


def test_a_link_that_leaves_the_root_is_refused_and_one_within_is_not(tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (root / "own.jpg").write_bytes(b"x")
    (root / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "up").symlink_to(tmp_path)
    (root / "in.jpg").symlink_to(root / "own.jpg")
    for bad in ("out.jpg", "up/secret.jpg"):
        with pytest.raises(HairsplitError, match="link"):
            inside(root, bad)
    assert inside(root, "in.jpg").read_bytes() == b"x"


def test_a_root_that_is_itself_a_link_is_fine(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert inside(tmp_path / "link", "a/b.jpg") == tmp_path / "link" / "a" / "b.jpg"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20) | st.text("./\\a\0:", max_size=8))
def test_no_accepted_path_leaves_the_root(relative: str) -> None:
    root = Path("root").resolve()
    try:
        path = inside(root, relative)
    except HairsplitError:
        return
    assert path.resolve().is_relative_to(root)
