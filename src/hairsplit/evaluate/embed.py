"""Each unique image and caption is encoded once; rows then read their embedding by number."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from hairsplit.core.images import inside
from hairsplit.data.batches import PixelStore
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.embedding_cache import LENGTHS, KeptEmbeddings

Matrix = NDArray[np.float32]
Progress = Callable[[int], None]
T = TypeVar("T")


def unique(values: Iterable[str]) -> tuple[list[str], dict[str, int]]:
    """Distinct values in order of appearance, and each one's number."""
    number: dict[str, int] = {}
    for value in values:
        number.setdefault(value, len(number))
    return list(number), number


def embed_images(
    encoder: DualEncoder,
    root: Path,
    images: Sequence[str],
    *,
    batch: int = 128,
    store: PixelStore | None = None,
    kept: KeptEmbeddings | None = None,
    tick: Progress | None = None,
) -> Matrix:
    """Unit embeddings [n, D] float32 of pictures below `root`, decoded by `store` (left open) if there is one.

    With `kept`, those of the encoder, what is there is read, and what is not is added.

    Raises:
        HairsplitError: A picture is missing or broken.
    """
    decoding = PixelStore(root, encoder.preprocess, megabytes=0) if store is None else store
    try:
        if kept is None:
            return encode_pixels(encoder, images, decoding.pixels, batch=batch, tick=tick)
        rows = kept.rows

        def encode(missing: list[int]) -> Matrix:
            return encode_pixels(encoder, [images[n] for n in missing], decoding.pixels, batch=rows, whole=True)

        keys = kept.picture_keys([(inside(root, image), None) for image in images])
        return kept.obtain("image", keys, encode, tick=tick)
    finally:
        if store is None:
            decoding.close()


@torch.no_grad()
def encode_pixels(
    encoder: DualEncoder,
    images: Sequence[T],
    load: Callable[[Sequence[T]], torch.Tensor],
    *,
    batch: int,
    whole: bool = False,
    tick: Progress | None = None,
) -> Matrix:
    """[n, D] of images whose pixels `load` makes, `batch` at a time.

    With `whole`, the last batch is filled up: an embedding then depends on no other image to the last bit.
    """
    device = next(encoder.parameters()).device
    found = np.empty((len(images), encoder.embedding_width), np.float32)
    with _resting(encoder):
        for start in range(0, len(images), batch):
            part = images[start : start + batch]
            pixels = load(part)
            if whole and len(part) < batch:
                pixels = torch.cat([pixels, pixels[-1:].expand(batch - len(part), -1, -1, -1)])
            embedded = encoder.encode_image(pixels.to(device)).float().cpu().numpy()
            found[start : start + len(part)] = embedded[: len(part)]
            if tick:
                tick(len(part))
    return found


def embed_texts(
    encoder: DualEncoder,
    texts: Sequence[str],
    *,
    batch: int = 256,
    kept: KeptEmbeddings | None = None,
    tick: Progress | None = None,
) -> Matrix:
    """Unit embeddings [n, D] float32 of captions, sorted by length so that little padding is computed.

    Texts of the same tokens, such as "A cat" and "a cat", are encoded once: what a model cannot tell apart is equal to
    the last bit. `kept`: see `embed_images`.
    """
    places: dict[tuple[int, ...], list[int]] = {}
    for n, own in enumerate(encoder.tokenizer.ids(texts, encoder.context_length)):
        places.setdefault(tuple(own), []).append(n)
    order = sorted(places, key=len)
    found = np.empty((len(texts), encoder.embedding_width), np.float32)
    if kept is not None:
        rows = kept.rows

        def encode(missing: list[int]) -> Matrix:
            return _in_passes(encoder, [order[n] for n in missing], rows)

        embedded = kept.obtain("text", kept.text_keys(order), encode, tick=tick)
        for ids, vector in zip(order, embedded, strict=True):
            found[places[ids]] = vector
        return found
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        for ids, vector in zip(part, encode_ids(encoder, part, len(part[-1])), strict=True):
            found[places[ids]] = vector
        if tick:
            tick(sum(len(places[ids]) for ids in part))
    return found


@torch.no_grad()
def encode_ids(encoder: DualEncoder, ids: Sequence[Sequence[int]], length: int) -> Matrix:
    """[n, D] of texts given as token ids, padded to `length`, in one batch."""
    padded = torch.zeros(len(ids), length, dtype=torch.int64)
    for row, own in enumerate(ids):
        padded[row, : len(own)] = torch.tensor(own)
    with _resting(encoder):
        embedded: Matrix = encoder.encode_text(padded.to(next(encoder.parameters()).device)).float().cpu().numpy()
    return embedded


def _in_passes(encoder: DualEncoder, ids: Sequence[Sequence[int]], rows: int) -> Matrix:
    """The same in passes of one shape for each length, rounded up: an embedding depends on no other text."""
    found = np.empty((len(ids), encoder.embedding_width), np.float32)
    lengths = np.array([min(-(-len(own) // LENGTHS) * LENGTHS, encoder.context_length) for own in ids])
    for length in np.unique(lengths).tolist():
        mine = np.flatnonzero(lengths == length)
        for start in range(0, len(mine), rows):
            part = mine[start : start + rows].tolist()
            filled = [ids[n] for n in part] + [ids[part[-1]]] * (rows - len(part))
            found[part] = encode_ids(encoder, filled, length)[: len(part)]
    return found


@contextlib.contextmanager
def _resting(encoder: DualEncoder) -> Iterator[None]:
    """In eval mode meanwhile."""
    was_training = encoder.training
    encoder.eval()
    try:
        yield
    finally:
        encoder.train(was_training)
