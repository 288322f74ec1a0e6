"""Preprocessing against torchvision's documented formulas, written out here, on real photos and on all parities."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.preprocess import OPENAI_MEAN, OPENAI_STD, Preprocess


def reference(image: Image.Image, size: int) -> NDArray[np.float64]:
    """Resize(size, BICUBIC), CenterCrop(size), ToTensor, Normalize, as torchvision's source states them, float64.

    Resize: the short side becomes `size`, the long one int(size * long / short). CenterCrop: the corner is at
    int(round((length - size) / 2.0)), Python's round.
    """
    width, height = image.size
    tall = width <= height
    new = (size, int(size * height / width)) if tall else (int(size * width / height), size)
    pixels = np.asarray(image.resize(new, Image.Resampling.BICUBIC), dtype=np.float64)
    top = int(round((new[1] - size) / 2.0))  # noqa: RUF046 - as torchvision writes it
    left = int(round((new[0] - size) / 2.0))  # noqa: RUF046
    cut = pixels[top : top + size, left : left + size].transpose(2, 0, 1) / 255
    normalised: NDArray[np.float64] = (cut - np.array(OPENAI_MEAN)[:, None, None]) / np.array(OPENAI_STD)[:, None, None]
    return normalised


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", [48, 224, 225])
def test_real_photos_agree_with_the_reference(size: int, shared: Path) -> None:
    files = sorted((shared / "realdata" / "coco_bench" / "images").glob("*.jpg"))[:15]
    assert len(files) == 15
    for file in files:
        image = Image.open(file).convert("RGB")
        np.testing.assert_allclose(Preprocess(size)(image), reference(image, size), rtol=0, atol=1e-6)


@pytest.mark.parametrize("width", [31, 32, 33, 47, 48, 49, 50, 51, 64, 65, 97])
@pytest.mark.parametrize("height", [32, 33, 48, 50, 51, 52, 101])
def test_odd_and_even_sizes_agree_with_the_reference(width: int, height: int) -> None:
    for size in (32, 33):
        image = noise(width, height)
        np.testing.assert_allclose(Preprocess(size)(image), reference(image, size), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("extra", "left"), [(1, 0), (3, 2), (5, 2), (7, 4), (2, 1), (4, 2)])
def test_half_pixels_of_the_crop_are_rounded_to_even(extra: int, left: int) -> None:
    image = noise(32 + extra, 32)
    plain = Preprocess(32, mean=(0, 0, 0), std=(1, 1, 1))(image)
    expected = np.asarray(image)[:, left : left + 32].transpose(2, 0, 1) / np.float32(255)
    np.testing.assert_array_equal(plain, expected.astype(np.float32))


def test_an_image_of_the_right_size_is_neither_resized_nor_cropped() -> None:
    image = noise(40, 40)
    assert Preprocess(40)._resized(image) is image
    assert Preprocess(40)._cropped(image) is image
    np.testing.assert_allclose(Preprocess(40)(image), reference(image, 40), rtol=0, atol=1e-6)


def test_the_result_is_float32_and_contiguous() -> None:
    pixels = Preprocess(24)(noise(30, 50))
    assert pixels.dtype == np.dtype("float32")
    assert pixels.shape == (3, 24, 24)
    assert pixels.flags.c_contiguous


def test_settings_survive_saving_and_are_as_transformers_writes_them(tmp_path: Path) -> None:
    made = Preprocess(32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), resample=2, shortest_edge=36)
    made.save(tmp_path)
    assert Preprocess.load(tmp_path) == made
    written = json.loads((tmp_path / "preprocessor_config.json").read_text("utf-8"))
    assert written["size"] == {"shortest_edge": 36}
    assert written["crop_size"] == {"height": 32, "width": 32}


def write(folder: Path, **settings: object) -> Path:
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


def test_old_and_new_ways_of_writing_a_size_are_read(tmp_path: Path) -> None:
    assert Preprocess.load(write(tmp_path, size=224, crop_size=224)) == Preprocess(224)
    assert Preprocess.load(write(tmp_path, size={"shortest_edge": 336})) == Preprocess(336)
    plain = Preprocess.load(write(tmp_path, size=32, do_normalize=False))
    assert (plain.mean, plain.std) == ((0, 0, 0), (1, 1, 1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": {"height": 224, "width": 224}}, "size="),
        ({"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 200}}, "crop_size="),
        ({"size": True}, "size="),
        ({"do_resize": False}, "do_resize=False"),
        ({"do_center_crop": False}, "do_center_crop=False"),
        ({"do_rescale": False}, "do_rescale=False"),
        ({"rescale_factor": 1 / 127.5}, "rescale_factor"),
        ({"image_mean": [0.5]}, "image_mean"),
        ({"image_std": [0.5, 0.5, 0]}, "not positive"),
        ({"resample": 9}, "no filter"),
        ({"size": 200, "crop_size": 224}, "padding"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(
    settings: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(HairsplitError, match=message):
        Preprocess.load(write(tmp_path, **settings))


def test_a_missing_file_and_a_wrong_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="no such file"):
        Preprocess.load(tmp_path)
    with pytest.raises(HairsplitError, match="not RGB"):
        Preprocess(24)(Image.new("L", (30, 30)))
    with pytest.raises(HairsplitError, match="too thin"):
        Preprocess(24)(Image.new("RGB", (20_000, 1)))
