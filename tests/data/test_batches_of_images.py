"""Every image once an epoch with K of its pairs; a cache of pixels and the number of ranks change no batch."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hairsplit.core.types import Pair
from hairsplit.data.batches import PairBatches
from hairsplit.data.leaks import content_keys
from hairsplit.data.order import share
from hairsplit.data.pixel_cache import PixelCache
from tests.data.test_batches import PREPROCESS, TOKENIZER, equal, pair, table, texts

ROWS = tuple(
    pair(f"{n}.png", f"caption {n} {m}", f"negative {n} {m}", "colour" if m else "size")
    for n in range(9)
    for m in range(n % 4 + 1)
)


def made(root: Path, rows: tuple[Pair, ...] = ROWS, **changes: object) -> PairBatches:
    known = table(root, rows)
    keys = content_keys(root, (row.image for row in rows))
    options: dict[str, object] = {"batch_size": 4, "image_keys": keys, "each": "images"} | changes
    return PairBatches(known, TOKENIZER, PREPROCESS, **options)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(k=st.integers(1, 5), seed=st.integers(0, 99), epoch=st.integers(0, 9))
def test_each_image_is_once_in_an_epoch_with_k_negatives_of_its_own(
    tmp_path: Path, k: int, seed: int, epoch: int
) -> None:
    batches = made(tmp_path, batch_size=3, negatives_per_image=k, seed=seed)
    seen: Counter[str] = Counter()
    for numbers in batches.epoch(epoch).batches:
        batch = batches.batch(numbers)
        assert len(set(batch.image_keys.tolist())) == 3
        for caption, own, mask in zip(texts(batch.caption_ids), batch.negative_ids, batch.mask, strict=True):
            image = caption.split()[1]
            negatives = texts(own[mask])
            seen[image] += 1
            assert len(set(negatives)) == len(negatives) == min(k, int(image) % 4 + 1)
            assert {text.split()[1] for text in negatives} == {image}
            assert caption.replace("caption", "negative") == negatives[0]
    assert seen == {str(n): 1 for n in range(9)}
    batches.close()


def test_copies_of_a_picture_are_one_image(tmp_path: Path) -> None:
    table(tmp_path, ROWS)
    (tmp_path / "copy.png").write_bytes((tmp_path / "3.png").read_bytes())
    rows = (*ROWS, pair("copy.png", "caption 3 copy", "negative 3 copy"))
    keys = content_keys(tmp_path, (row.image for row in rows))
    known = table(tmp_path / "names", rows)
    batches = PairBatches(known, TOKENIZER, PREPROCESS, batch_size=9, image_keys=keys, each="images")
    assert len(batches.examples) == 9
    captions = {texts(batches.batch(batches.epoch(e).batches[0]).caption_ids)[i] for e in range(40) for i in range(9)}
    assert {"caption 3 copy", "caption 3 0"} <= captions
    batches.close()


def test_a_true_caption_of_the_image_is_no_negative_of_another_pair(tmp_path: Path) -> None:
    rows = (pair("a.png", "x", "y"), pair("a.png", "y", "z"), pair("b.png", "u", "x"), pair("b.png", "w", "v"))
    batches = made(tmp_path, rows, batch_size=2, negatives_per_image=2)
    for epoch in range(20):
        batch = batches.batch(batches.epoch(epoch).batches[0])
        first = {caption[0] in "xy": row for row, caption in enumerate(texts(batch.caption_ids))}
        assert texts(batch.negative_ids[first[True]][batch.mask[first[True]]]) == ["z"]
        assert set(texts(batch.negative_ids[first[False]][batch.mask[first[False]]])) == {"x", "v"}
    batches.close()


@pytest.mark.parametrize("each", ["pairs", "images"])
def test_any_step_of_any_epoch_can_be_made_alone_and_ranks_see_the_parts_of_one_batch(
    tmp_path: Path, each: str
) -> None:
    running = made(tmp_path, each=each, negatives_per_image=2)
    all_steps = [running.batch(row) for epoch in range(3) for row in running.epoch(epoch).batches]
    resumed = made(tmp_path, each=each, negatives_per_image=2)
    row = resumed.epoch(2).batches[-1]
    assert equal(resumed.batch(row), all_steps[-1])
    for ranks in (2, 4):
        parts = [resumed.batch(share(row, part=0, parts=1, rank=rank, ranks=ranks)) for rank in range(ranks)]
        for name in ("pixels", "image_keys", "caption_keys", "mask"):
            assert torch.equal(torch.cat([getattr(p, name) for p in parts]), getattr(all_steps[-1], name))
        assert [t for p in parts for t in texts(p.caption_ids)] == texts(all_steps[-1].caption_ids)
    running.close()
    resumed.close()


@pytest.mark.parametrize("each", ["pairs", "images"])
@pytest.mark.parametrize("megabytes", [1, 64])
def test_with_a_cache_of_pixels_batches_are_bit_equal(tmp_path: Path, each: str, megabytes: int) -> None:
    plain = made(tmp_path, each=each, negatives_per_image=2)
    expected = [plain.batch(row) for epoch in range(2) for row in plain.epoch(epoch).batches]
    for _ in range(2):  # empty, then full
        cache = PixelCache(tmp_path / "cache", PREPROCESS, megabytes=megabytes)
        cached = made(tmp_path, each=each, negatives_per_image=2, cache=cache, megabytes=0)
        found = [cached.batch(row) for epoch in range(2) for row in cached.epoch(epoch).batches]
        assert len(found) == len(expected) > 3
        assert all(equal(one, two) for one, two in zip(found, expected, strict=True))
        assert len(cache) == 9
        cached.close()
        cache.close()
    plain.close()


def test_what_the_cache_holds_is_not_decoded_again(tmp_path: Path) -> None:
    cache = PixelCache(tmp_path / "cache", PREPROCESS, megabytes=1)
    first = made(tmp_path, cache=cache)
    first.check_pictures()
    first.close()  # leaves the cache open
    second = made(tmp_path, cache=cache, megabytes=0)
    expected = second.batch(range(4))
    for picture in tmp_path.glob("*.png"):
        picture.unlink()
    second.check_pictures()
    assert equal(second.batch(range(4)), expected)
    second.close()
    cache.close()


def test_balanced_kinds_are_shown_equally_often(tmp_path: Path) -> None:
    rows = tuple(pair(f"{n}.png", f"a {n}", f"b {n}", "rare" if n < 4 else "common") for n in range(40))
    batches = made(tmp_path, rows, each="pairs", kind_weights="balanced", batch_size=5)
    shown = Counter(batches.examples[n].kind for row in batches.epoch(0).batches for n in row.tolist())
    assert shown["rare"] == pytest.approx(20, abs=2)
    assert shown["common"] == pytest.approx(20, abs=6)
    batches.close()
