"""Logarithms of summed exponential logits without the matrix of logits: made in chunks of rows, again in backward."""

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


def row_log_sums(image: Float[Tensor, "B D"], captions: Float[Tensor, "C D"], exclude: Exclude) -> Float[Tensor, " B"]:
    """Log sum_j exp(image_i . caption_j) of each row i.

    The logits of a chunk are thrown away and computed again in the backward pass (Chen et al., 2016): one more matrix
    product for memory that grows with B instead of B^2.

    Args:
        image: Scaled embeddings [B, D].
        captions: Embeddings [C, D].
        exclude: Lowers the logits of what is no rival.
    """

    def of(part: Tensor, columns: Tensor, start: int) -> Tensor:
        return torch.logsumexp(_logits(part, columns, start, exclude), dim=1)

    return torch.cat([_again(of, part, captions, start) for start, part in _chunks(image, len(captions))])


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
