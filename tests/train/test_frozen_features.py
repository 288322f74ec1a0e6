"""A feature depends on its picture or caption alone, to the last bit, whatever is missing beside it."""

import contextlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hairsplit.core.tensors import Batch
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, new
from hairsplit.encoders.stages import Tower, stages
from hairsplit.train.embeddings_cache import Cache
from hairsplit.train.frozen_features import FrozenCaptions, FrozenImages, Kept, KnownPictures, Passes, record

SHAPE = CLIPShape(
    image_size=24,
    patch=8,
    vision_width=48,
    vision_layers=3,
    vision_heads=3,
    text_width=40,
    text_layers=3,
    text_heads=5,
    merges=50,
    embedding=24,
    context_length=22,
)
IMAGES, CAPTIONS = 40, 60


@pytest.fixture(scope="module")
def encoder() -> DualEncoder:
    return new(SHAPE).requires_grad_(False)


def passes(encoder: DualEncoder, tower: Tower, frozen: int, precision: str = "fp32") -> tuple[Passes, list[int]]:
    """And the sizes of the passes that were made."""
    split, seen = stages(encoder, tower), []
    assert split is not None
    cut = replace(split, frozen=frozen)

    def compute(x: Tensor, at: Tensor) -> Tensor:
        seen.append(len(x))
        return cut.prefix(x, at)

    def context() -> contextlib.AbstractContextManager[object]:
        return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")

    dtype = torch.promote_types(encoder.model.dtype, torch.float32)
    return Passes(compute, context, 16, dtype, dtype), seen


def captions(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Different ones of all lengths, zeros behind the end."""
    draw = torch.Generator().manual_seed(seed)
    at = torch.randint(1, SHAPE.context_length, (CAPTIONS,), generator=draw)
    ids = torch.randint(1, 500, (CAPTIONS, SHAPE.context_length), generator=draw)
    return ids.masked_fill(torch.arange(SHAPE.context_length) > at.unsqueeze(1), 0), at


def pixels() -> Tensor:
    return torch.randn(IMAGES, 3, 24, 24, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("frozen", [3, 4, 5, 6])
def test_the_bits_of_a_picture_do_not_depend_on_the_chunks(encoder: DualEncoder, frozen: int, precision: str) -> None:
    made, _ = passes(encoder, "image", frozen, precision)
    x, at = pixels(), torch.zeros(IMAGES, dtype=torch.int64)
    whole = made(x, at)
    for seed in range(4):
        order = torch.randperm(IMAGES, generator=torch.Generator().manual_seed(seed))
        for some in (order[:1], order[:15], order[:17], order):
            assert torch.equal(made(x[some], at[some]), whole[some])


def kept(cache: Cache, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Kept:
    return Kept(cache.store(f"{shape} {dtype}", record(shape, dtype), yields=True), shape, dtype)


def frozen_captions(encoder: DualEncoder, frozen: int, cache: Cache) -> tuple[FrozenCaptions, list[int]]:
    made, seen = passes(encoder, "text", frozen)
    pooled = frozen > SHAPE.text_layers
    width = SHAPE.embedding if frozen == SHAPE.text_layers + 3 else SHAPE.text_width

    def of(length: int) -> Kept:
        return kept(cache, (width,) if pooled else (length, width))

    return FrozenCaptions(of, made, longest=SHAPE.context_length, pooled=pooled), seen


@pytest.mark.parametrize("frozen", [2, 3, 4, 5, 6])
def test_the_bits_of_a_caption_do_not_depend_on_what_was_kept_before(encoder: DualEncoder, frozen: int) -> None:
    ids, at = captions()
    whole, _ = frozen_captions(encoder, frozen, Cache(None, 9))
    expected = whole(ids, at)
    for seed in range(6):
        fresh, _ = frozen_captions(encoder, frozen, Cache(None, 9))
        order = torch.randperm(CAPTIONS, generator=torch.Generator().manual_seed(seed))
        for some in (order[:1], order[:13], order[20:45], order):
            longest = int(at[some].max()) + 1
            found = fresh(ids[some, :longest], at[some])
            for row, n in zip(found, some.tolist(), strict=True):
                read = slice(None) if frozen > SHAPE.text_layers else slice(int(at[n]) + 1)
                assert torch.equal(row[read], expected[n][read])


@pytest.mark.parametrize("frozen", [2, 3, 4, 6])
def test_features_of_captions_are_those_of_the_plain_prefix(frozen: int) -> None:
    double = new(SHAPE).requires_grad_(False).double()
    ids, at = captions()
    found = frozen_captions(double, frozen, Cache(None, 9))[0]
    found._kept = lambda length: kept(
        Cache(None, 1), (24 if frozen == 6 else 40,) if frozen > 3 else (length, 40), torch.float64
    )
    split = stages(double, "text")
    assert split is not None
    expected = replace(split, frozen=frozen).prefix(ids, at)
    features = found(ids, at)
    if frozen <= SHAPE.text_layers:
        behind = torch.arange(ids.shape[1]) > at.unsqueeze(1)
        features, expected = (x.masked_fill(behind.unsqueeze(2), 0) for x in (features, expected))
    torch.testing.assert_close(features, expected, rtol=1e-10, atol=1e-12)


def test_each_caption_is_computed_once_in_passes_of_one_size(encoder: DualEncoder) -> None:
    ids, at = captions()
    found, seen = frozen_captions(encoder, 3, Cache(None, 9))
    first = found(ids, at)
    lengths = torch.clamp((at + 4) // 4 * 4, max=SHAPE.context_length)
    counts = np.unique(lengths.numpy(), return_counts=True)[1].tolist()
    assert seen == [16] * sum(-(-count // 16) for count in counts)
    assert torch.equal(found(ids, at), first)
    assert len(seen) == sum(-(-count // 16) for count in counts)
    other, others_at = captions(seed=5)
    seen.clear()
    found(torch.cat([ids[:30], other[:5]]), torch.cat([at[:30], others_at[:5]]))
    assert 1 <= len(seen) <= 5


def test_bfloat16_is_what_rounding_gives_and_the_same_when_read(encoder: DualEncoder) -> None:
    made, _ = passes(encoder, "image", 3)
    rounded, cache = replace(made, dtype=torch.bfloat16), Cache(None, 9)
    shape = (10, 48)
    given = a_batch(torch.arange(IMAGES))
    exact = FrozenImages(kept(cache, shape), made)(given)
    lossy = FrozenImages(kept(cache, shape, torch.bfloat16), rounded)
    for _ in range(2):
        assert torch.equal(lossy(given), exact.bfloat16().float())
    torch.testing.assert_close(lossy(given), exact, rtol=2**-8, atol=0)


def a_batch(rows: Tensor) -> Batch:
    count = len(rows)
    return Batch(
        pixels=pixels()[rows],
        caption_ids=torch.zeros(count, 1, dtype=torch.int64),
        negative_ids=torch.zeros(count, 0, 1, dtype=torch.int64),
        mask=torch.zeros(count, 0, dtype=torch.bool),
        image_keys=rows + 2**62,
        caption_keys=rows,
    )


def test_pictures_that_are_known_need_no_pixels_and_the_others_are_put_beside_them(encoder: DualEncoder) -> None:
    made, seen = passes(encoder, "image", 3)
    images = FrozenImages(kept(Cache(None, 9), (10, 48)), made)
    known = KnownPictures([images])
    expected = made(pixels(), torch.zeros(IMAGES, dtype=torch.int64))
    seen.clear()
    images(a_batch(torch.arange(20)))
    assert seen == [16, 16]
    given = a_batch(torch.arange(10, 30))
    is_known, fields = known.fields(given.image_keys.tolist())
    assert is_known.tolist() == known.has(given.image_keys.tolist()).tolist() == [True] * 10 + [False] * 10
    decoded = torch.from_numpy(~is_known)
    assert given.pixels is not None
    empty = given.pixels * decoded[:, None, None, None]
    beside: dict[str, Any] = dict(fields)
    found = images(replace(given, pixels=empty, decoded=decoded, **beside))
    assert torch.equal(found, expected[10:30])
    assert seen == [16, 16, 16]
    is_known, fields = known.fields(given.image_keys.tolist())
    assert is_known.all()
    beside = dict(fields)
    assert torch.equal(images(replace(given, pixels=None, **beside)), expected[10:30])
    assert len(seen) == 3
    with pytest.raises(ValueError, match="without pixels and without image_features"):
        images(replace(given, pixels=None))


def test_a_picture_is_known_where_all_readers_know_it(encoder: DualEncoder) -> None:
    made, _ = passes(encoder, "image", 3)
    whole, _ = passes(encoder, "image", 6)
    own = FrozenImages(kept(Cache(None, 9), (10, 48)), made)
    reference = FrozenImages(kept(Cache(None, 9), (24,)), whole, "reference_features")
    own(a_batch(torch.arange(5)))
    reference(a_batch(torch.arange(3, 8)))
    known = KnownPictures([own, reference])
    names = (torch.arange(8) + 2**62).tolist()
    assert np.flatnonzero(known.has(names)).tolist() == [3, 4]
    is_known, fields = known.fields(names)
    assert np.flatnonzero(is_known).tolist() == [3, 4]
    assert set(fields) == {"image_features", "reference_features"}
