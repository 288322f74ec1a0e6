"""Logits without the matrix of logits: made in chunks of rows, reduced, and made again in the backward pass."""

from collections.abc import Callable
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

R = TypeVar("R")

PLAIN_ELEMENTS = 2**26
"""Matrices up to this size are held (256 MB in float32); larger ones are made in chunks, to the same numbers."""
CHUNK_ELEMENTS = 2**23
"""Logits of one chunk (32 MB in float32): small beside the embeddings, large enough for the matrix product."""

Exclude = Callable[[Tensor, int], None]
"""Takes logits of rows from the given one on, and lowers in place those that are no rivals."""


def is_large(rows: int, columns: int) -> bool:
    """Whether a matrix of logits is too large to be held."""
    return rows * columns > PLAIN_ELEMENTS


def by_rows(
    of: Callable[[Tensor, Tensor, int], Tensor], image: Float[Tensor, "B D"], captions: Float[Tensor, "C D"]
) -> Float[Tensor, " B"]:
    """One number for each row, from the row's embedding and all captions, some rows at a time.

    What `of` makes is thrown away and made again in the backward pass (Chen et al., 2016): one more matrix product for
    memory that grows with B instead of B^2.

    Args:
        of: Takes some rows [R, D], all captions, and the number of the first row; gives [R].
        image: Embeddings [B, D].
        captions: Embeddings [C, D].
    """
    return torch.cat([_again(of, part, captions, start) for start, part in _chunks(image, len(captions))])


def row_log_sums(image: Float[Tensor, "B D"], captions: Float[Tensor, "C D"], exclude: Exclude) -> Float[Tensor, " B"]:
    """Log sum_j exp(image_i . caption_j) of each row i.

    Args:
        image: Scaled embeddings [B, D].
        captions: Embeddings [C, D].
        exclude: Lowers the logits of what is no rival.
    """

    def of(part: Tensor, columns: Tensor, start: int) -> Tensor:
        return torch.logsumexp(_logits(part, columns, start, exclude), dim=1)

    return by_rows(of, image, captions)


def both_log_sums(
    image: Float[Tensor, "B D"], captions: Float[Tensor, "C D"], exclude: Exclude
) -> tuple[Float[Tensor, " B"], Float[Tensor, " C"]]:
    """As `row_log_sums`, and log sum_i exp(image_i . caption_j) of each column j, from the same chunks."""

    def of(part: Tensor, columns: Tensor, start: int) -> tuple[Tensor, Tensor]:
        logits = _logits(part, columns, start, exclude)
        return torch.logsumexp(logits, dim=1), torch.logsumexp(logits, dim=0)

    found = [_again(of, part, captions, start) for start, part in _chunks(image, len(captions))]
    rows, columns = zip(*found, strict=True)
    return torch.cat(rows), torch.logsumexp(torch.stack(columns), dim=0)


def both_maxima(
    image: Float[Tensor, "B D"], captions: Float[Tensor, "C D"], exclude: Exclude
) -> tuple[Float[Tensor, " B"], Float[Tensor, " C"]]:
    """The largest image_i . caption_j of each row and of each column; equal ones share the gradient, as in `amax`."""
    with torch.no_grad():  # a column's largest ones may lie in several chunks: their number is found first
        peaks, ties = _peaks(image, captions, exclude)

    def of(part: Tensor, columns: Tensor, start: int) -> tuple[Tensor, Tensor]:
        logits = _logits(part, columns, start, exclude)
        return logits.amax(dim=1), torch.where(logits == peaks, logits / ties, 0.0).sum(dim=0)

    found = [_again(of, part, captions, start) for start, part in _chunks(image, len(captions))]
    rows, columns = zip(*found, strict=True)
    return torch.cat(rows), torch.stack(columns).sum(dim=0)


def _peaks(image: Tensor, captions: Tensor, exclude: Exclude) -> tuple[Tensor, Tensor]:
    """Each column's largest number, and how often it stands there."""
    peaks, ties = image.new_full([len(captions)], -torch.inf), image.new_zeros(len(captions))
    for start, part in _chunks(image, len(captions)):
        logits = _logits(part, captions, start, exclude)
        higher = torch.maximum(peaks, logits.amax(dim=0))
        ties = torch.where(peaks == higher, ties, 0.0) + (logits == higher).sum(dim=0)
        peaks = higher
    return peaks, ties


def _logits(part: Tensor, columns: Tensor, start: int, exclude: Exclude) -> Tensor:
    logits = part @ columns.T
    exclude(logits, start)
    return logits


def _chunks(image: Tensor, columns: int) -> list[tuple[int, Tensor]]:
    rows = max(1, CHUNK_ELEMENTS // max(1, columns))
    return [(start, image[start : start + rows]) for start in range(0, len(image), rows)]


def _again(of: Callable[[Tensor, Tensor, int], R], part: Tensor, columns: Tensor, start: int) -> R:
    found: R = checkpoint(of, part, columns, start, use_reentrant=False, preserve_rng_state=False)
    return found
