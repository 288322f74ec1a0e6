"""Each unique image and caption is encoded once; rows then read their embedding by number."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hairsplit.data.batches import PixelStore
from hairsplit.encoders.dual_encoder import DualEncoder

Matrix = NDArray[np.float32]
Progress = Callable[[int], None]


def unique(values: Iterable[str]) -> tuple[list[str], dict[str, int]]:
    """Distinct values in order of appearance, and each one's number."""
    number: dict[str, int] = {}
    for value in values:
        number.setdefault(value, len(number))
    return list(number), number


@torch.no_grad()
def embed_images(
    encoder: DualEncoder,
    root: Path,
    images: Sequence[str],
    *,
    batch: int = 128,
    store: PixelStore | None = None,
    tick: Progress | None = None,
) -> Matrix:
    """Unit embeddings [n, D] float32 of pictures below `root`, decoded by `store` (left open) if there is one.

    Raises:
        HairsplitError: A picture is missing or broken.
    """
    device = next(encoder.parameters()).device
    decoding = PixelStore(root, encoder.preprocess, megabytes=0) if store is None else store
    found = np.empty((len(images), encoder.embedding_width), np.float32)
    was_training = encoder.training
    encoder.eval()
    try:
        for start in range(0, len(images), batch):
            part = images[start : start + batch]
            pixels = decoding.pixels(part).to(device)
            found[start : start + len(part)] = encoder.encode_image(pixels).float().cpu().numpy()
            if tick:
                tick(len(part))
    finally:
        if store is None:
            decoding.close()
        encoder.train(was_training)
    return found


@torch.no_grad()
def embed_texts(
    encoder: DualEncoder, texts: Sequence[str], *, batch: int = 256, tick: Progress | None = None
) -> Matrix:
    """Unit embeddings [n, D] float32 of captions, sorted by length so that little padding is computed.

    Texts of the same tokens, such as "A cat" and "a cat", are encoded once: what a model cannot tell apart is equal to
    the last bit.
    """
    device = next(encoder.parameters()).device
    places: dict[tuple[int, ...], list[int]] = {}
    for n, own in enumerate(encoder.tokenizer.ids(texts, encoder.context_length)):
        places.setdefault(tuple(own), []).append(n)
    order = sorted(places, key=len)
    found = np.empty((len(texts), encoder.embedding_width), np.float32)
    was_training = encoder.training
    encoder.eval()
    try:
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            padded = torch.zeros(len(part), len(part[-1]), dtype=torch.int64)
            for row, tokens in enumerate(part):
                padded[row, : len(tokens)] = torch.tensor(tokens)
            embedded = encoder.encode_text(padded.to(device)).float().cpu().numpy()
            for tokens, vector in zip(part, embedded, strict=True):
                found[places[tokens]] = vector
            if tick:
                tick(sum(len(places[tokens]) for tokens in part))
    finally:
        encoder.train(was_training)
    return found
