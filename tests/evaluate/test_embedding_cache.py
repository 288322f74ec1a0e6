"""Kept embeddings: the same bits cold, warm, damaged or in memory, and never those of another model or picture."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.evaluate import embedding_cache
from hairsplit.evaluate.embed import Matrix, embed_images, embed_texts
from hairsplit.evaluate.embedding_cache import EmbeddingCache, settings
from tests.small_world import SHAPE, paint

COLOURS = ("red", "blue", "green", "grey", "pink")
TEXTS = [f"a {colour} cup {'and a plate ' * n}" for n in range(5) for colour in COLOURS]


@pytest.fixture(scope="module")
def encoder() -> DualEncoder:
    return new(SHAPE, seed=1)


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    names = [f"{n}.png" for n in range(21)]
    for n, name in enumerate(names):
        paint(tmp_path / "images" / name, (12 * n, 255 - 11 * n, 40))
    return names


Run = tuple[Matrix, Matrix, embedding_cache.Counts]


def embedded(encoder: DualEncoder, root: Path, names: list[str], folder: Path | None, texts: list[str] = TEXTS) -> Run:
    with closing(EmbeddingCache(folder)) as cache:
        with closing(cache.of(encoder)) as kept:
            images = embed_images(encoder, root, names, kept=kept)
            found = embed_texts(encoder, texts, kept=kept)
        return images, found, cache.counts


def same(one: Run, other: Run) -> bool:
    return np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


def test_cold_warm_and_in_memory_are_the_same_bits_and_close_to_plain(
    encoder: DualEncoder, pictures: list[str], tmp_path: Path
) -> None:
    root, folder = tmp_path / "images", tmp_path / "kept"
    memory = embedded(encoder, root, pictures, None)
    cold = embedded(encoder, root, pictures, folder)
    warm = embedded(encoder, root, pictures, folder)
    assert same(cold, memory)
    assert same(cold, warm)
    assert (cold[2].encoded, cold[2].read) == (46, 0)
    assert (warm[2].encoded, warm[2].read) == (0, 46)
    np.testing.assert_allclose(cold[0], embed_images(encoder, root, pictures), atol=1e-6)
    np.testing.assert_allclose(cold[1], embed_texts(encoder, TEXTS), atol=1e-6)


def test_an_embedding_depends_on_nothing_else_that_is_missing(
    encoder: DualEncoder, pictures: list[str], tmp_path: Path
) -> None:
    root = tmp_path / "images"
    whole = embedded(encoder, root, pictures, None)
    embedded(encoder, root, pictures[3:9], tmp_path / "kept", TEXTS[7:18:2])
    filled = embedded(encoder, root, pictures, tmp_path / "kept")
    assert filled[2].read == 6 + 6
    assert same(whole, filled)


def test_a_damaged_record_is_encoded_again_and_counted(
    encoder: DualEncoder, pictures: list[str], tmp_path: Path
) -> None:
    root, folder = tmp_path / "images", tmp_path / "kept"
    whole = embedded(encoder, root, pictures, folder)
    for file in folder.glob("*.rows"):
        raw = bytearray(file.read_bytes())
        raw[5] ^= 1
        file.write_bytes(raw)
    again = embedded(encoder, root, pictures, folder)
    assert (again[2].damaged, again[2].encoded) == (2, 2)
    assert same(whole, again)
    assert embedded(encoder, root, pictures, folder)[2].damaged == 0  # mended


def test_a_file_cut_off_is_encoded_again(encoder: DualEncoder, pictures: list[str], tmp_path: Path) -> None:
    root, folder = tmp_path / "images", tmp_path / "kept"
    whole = embedded(encoder, root, pictures, folder)
    for file in folder.glob("*.rows"):
        file.write_bytes(file.read_bytes()[:1_000])
    assert same(whole, embedded(encoder, root, pictures, folder))


def test_copies_of_a_picture_and_texts_of_equal_tokens_are_encoded_once(encoder: DualEncoder, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        paint(tmp_path / name, "red")
    images, texts, counts = embedded(encoder, tmp_path, ["a.png", "b.png"], None, ["a cat", "A  cat"])
    assert counts.encoded == 2
    assert np.array_equal(images[0], images[1])
    assert np.array_equal(texts[0], texts[1])


def test_a_picture_that_changed_under_its_name_is_encoded_anew(encoder: DualEncoder, tmp_path: Path) -> None:
    paint(tmp_path / "a.png", "red")
    red = embedded(encoder, tmp_path, ["a.png"], tmp_path / "kept", ["a"])
    paint(tmp_path / "a.png", "blue")
    blue = embedded(encoder, tmp_path, ["a.png"], tmp_path / "kept", ["a"])
    assert (blue[2].encoded, blue[2].read) == (1, 1)
    assert not np.array_equal(red[0], blue[0])


def changed(encoder: DualEncoder, how: str) -> DualEncoder:
    other = new(SHAPE, seed=1)
    other.load_state_dict(encoder.state_dict())
    if how == "weight":
        with torch.no_grad():
            other.model.visual_projection.weight[0, 0] += 1e-3
    elif how == "activation":
        other.model.config.vision_config.hidden_act = "gelu"
    elif how == "normalisation":
        other.preprocess = replace(other.preprocess, mean=(0.5, 0.5, 0.5))
    elif how == "resize":
        other.preprocess = replace(other.preprocess, shortest_edge=30)
    elif how == "filter":
        other.preprocess = replace(other.preprocess, resample=2)
    return other


@pytest.mark.parametrize("how", ["weight", "activation", "normalisation", "resize", "filter"])
def test_what_changes_an_image_embedding_reads_no_old_one(how: str, encoder: DualEncoder) -> None:
    other = changed(encoder, how)
    assert settings(other, "image") != settings(encoder, "image")
    assert settings(other, "text") == settings(encoder, "text")


def test_equal_models_share_and_a_tuned_text_tower_shares_pictures(
    encoder: DualEncoder, pictures: list[str], tmp_path: Path
) -> None:
    other = changed(encoder, "")
    assert settings(other, "image") == settings(encoder, "image")
    with torch.no_grad():
        other.model.text_projection.weight[0, 0] += 1e-3
    embedded(encoder, tmp_path / "images", pictures, tmp_path / "kept")
    counts = embedded(other, tmp_path / "images", pictures, tmp_path / "kept")[2]
    assert (counts.read, counts.encoded) == (len(pictures), len(TEXTS))
    assert "threads" in json.loads(settings(encoder, "text"))


def test_a_box_and_the_whole_picture_have_keys_of_their_own(encoder: DualEncoder, tmp_path: Path) -> None:
    path = paint(tmp_path / "a.png", "red")
    with closing(EmbeddingCache(None)) as cache, closing(cache.of(encoder)) as kept:
        keys = kept.picture_keys([(path, None), (path, (0, 0, 4, 4)), (path, (0, 0, 4, 5)), (path, (0, 0, 4, 5))])
    assert len(set(keys)) == 3
    assert keys[2] == keys[3]


def test_progress_counts_each_embedding_once_whether_it_was_read_or_made(
    encoder: DualEncoder, pictures: list[str], tmp_path: Path
) -> None:
    root, ticks = tmp_path / "images", list[int]()
    embedded(encoder, root, pictures[:5], tmp_path / "kept")
    with closing(EmbeddingCache(tmp_path / "kept")) as cache, closing(cache.of(encoder)) as kept:
        for _suite in range(3):
            embed_images(encoder, root, pictures, kept=kept, tick=ticks.append)
    assert sum(ticks) == len(pictures)


def test_what_was_encoded_before_an_interruption_is_kept(
    encoder: DualEncoder, pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_cache, "PART", 16)
    (tmp_path / "images" / "20.png").write_bytes(b"no picture")
    with pytest.raises(HairsplitError, match="not a picture"):
        embedded(encoder, tmp_path / "images", pictures, tmp_path / "kept")
    paint(tmp_path / "images" / "20.png", "red")
    counts = embedded(encoder, tmp_path / "images", pictures, tmp_path / "kept")[2]
    assert (counts.read, counts.encoded) == (16, 5 + len(TEXTS))


def test_a_missing_picture_is_named(encoder: DualEncoder, tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="no such picture") as caught:
        embedded(encoder, tmp_path, ["gone.png"], None)
    assert "gone.png" in str(caught.value)
