"""Choices of the data side of a run: a cache of pixels changes no number, an epoch may be of images."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hairsplit import api
from hairsplit.core.config import load_config
from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode
from hairsplit.core.tables import read_pairs
from hairsplit.data import pixels
from hairsplit.train.config import TrainConfig
from tests.train.conftest import material
from tests.train.small import Material, config, rows

__all__ = ["material"]  # fixtures


def test_a_cache_of_pixels_changes_no_number_and_a_run_may_go_on_without_it(material: Material, tmp_path: Path) -> None:
    api.train(config(material), tmp_path / "plain", quiet=True)
    for name in ("first", "second"):
        api.train(config(material, pixel_cache=tmp_path / "cache"), tmp_path / name, quiet=True)
        assert rows(tmp_path / name) == rows(tmp_path / "plain")
    assert len(list((tmp_path / "cache").glob("*.pixels"))) == 1
    api.train(config(material), tmp_path / "first", resume=True, quiet=True)


@pytest.mark.parametrize("own_val", [True, False])
def test_validation_uses_the_cache_and_finds_the_same_numbers(
    material: Material, tmp_path: Path, own_val: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"validate_every": 2} if own_val else {"val": None, "val_share": 0.2, "validate_every": 2}
    api.train(config(material, **options), tmp_path / "plain", quiet=True)
    decoded: Counter[str] = Counter()

    def counting(path: Path) -> Image.Image:
        decoded[path.name] += 1
        return decode(path)

    monkeypatch.setattr(pixels, "decode", counting)
    cached = config(material, image_memory=0, pixel_cache=tmp_path / "cache", **options)
    api.train(cached, tmp_path / "first", quiet=True)
    assert set(decoded.values()) == {1}  # checked, then trained on and validated three times
    shown = {pair.image for pair in read_pairs(material.train).pairs}
    validated = set(decoded) - shown
    assert bool(validated) == own_val
    decoded.clear()
    api.train(cached, tmp_path / "second", quiet=True)
    assert not decoded
    assert rows(tmp_path / "first") == rows(tmp_path / "second") == rows(tmp_path / "plain")


def test_a_cache_that_cannot_be_written_is_refused_before_the_first_step(material: Material, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HairsplitError, match="cannot write here"):
        api.train(config(material, pixel_cache=tmp_path / "file"), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("balance", [{}, "balanced"])
def test_an_epoch_of_images_trains_the_same_way_twice_and_otherwise_than_one_of_pairs(
    material: Material, tmp_path: Path, balance: object
) -> None:
    options = {"epoch": "images", "negatives_per_image": 2, "kind_weights": balance}
    api.train(config(material, **options), tmp_path / "a", quiet=True)
    api.train(config(material, **options), tmp_path / "b", quiet=True)
    assert rows(tmp_path / "a") == rows(tmp_path / "b")
    api.train(config(material), tmp_path / "pairs", quiet=True)
    assert rows(tmp_path / "pairs") != rows(tmp_path / "a")


def test_the_choices_can_be_written_in_yaml(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("train: p.parquet\nepoch: images\nkind_weights: balanced\npixel_cache: cache\n", "utf-8")
    made = load_config(TrainConfig, file, ["pixel_cache_megabytes=100"])
    assert (made.epoch, made.kind_weights, made.pixel_cache, made.pixel_cache_megabytes) == (
        "images", "balanced", Path("cache"), 100,
    )  # fmt: skip
    with pytest.raises(HairsplitError, match="epoch"):
        load_config(TrainConfig, file, ["epoch=image"])
