"""Scores that several losses share: cosines with one's own captions, logit scale, excluded columns."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tensors import Embeddings
from hairsplit.losses._chunked import both_log_sums
from hairsplit.losses._entry import Compat

THESIS_EPSILON = 1e-8
"""Added to a sigmoid before its logarithm is taken, under `compat: thesis`."""


def cosines(z: Embeddings) -> tuple[Float[Tensor, " B"], Float[Tensor, "B K"]]:
    """Cosine of each image with its caption [B] and with each of its own negatives [B, K].

    All are summed in the same order, so that equal texts have equal cosines to the last bit and a tie stays a tie.
    """
    captions = torch.cat([z.positive.unsqueeze(1), z.negative], dim=1)  # [B, 1 + K, D]
    scores = (z.image.unsqueeze(1) * captions).sum(dim=-1)  # [B, 1 + K]
    return scores[:, 0], scores[:, 1:]


def multiplier(z: Embeddings, compat: Compat) -> Float[Tensor, ""]:
    """What a cosine is multiplied with to become a logit: 1 / temperature; the thesis took its logarithm."""
    return z.scale.log() if compat == "thesis" else z.scale


def lowest(logits: Float[Tensor, "..."]) -> float:
    """The logit of what is excluded from a softmax.

    It is the lowest finite number and not -inf: its exponential is exactly 0 beside any real logit, and where a
    whole row is excluded the gradient of logsumexp is 0 * finite rather than 0 * nan.
    """
    return torch.finfo(logits.dtype).min


def exclude_false_negatives(to_text: Float[Tensor, "R B"], z: Embeddings, start: int = 0) -> None:
    """Take out, in place, [i, j] of image-to-caption logits [B, B] where j's caption is as true of image i as its own.

    That is so where both captions are equal after normalisation, or both rows show the same image. Whether a *hard*
    negative of another image happens to be true of this one is not known to the keys.

    Args:
        to_text: Logits of all rows, or of some that follow one another [R, B].
        z: The whole batch.
        start: Row of the batch that is the first of `to_text`.

    Raises:
        HairsplitError: The batch carries no keys.
    """
    if z.image_keys is None or z.caption_keys is None:
        raise HairsplitError(
            "the batch says neither which images nor which captions are equal",
            where="mask_false_negatives",
            hint="pass image_keys and caption_keys with the embeddings, or leave mask_false_negatives off",
        )
    rows = slice(start, start + len(to_text))
    same = z.caption_keys[rows, None] == z.caption_keys
    same |= z.image_keys[rows, None] == z.image_keys
    same.diagonal(start).fill_(False)
    to_text.masked_fill_(same, lowest(to_text))


def contrast_in_chunks(
    scaled: Float[Tensor, "B D"], z: Embeddings, *, mask_false_negatives: bool
) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"], Float[Tensor, " B"]]:
    """Of image-to-caption logits that are not held: log sums of rows and of columns, and the diagonal, each [B]."""

    def exclude(logits: Tensor, start: int) -> None:
        if mask_false_negatives:
            exclude_false_negatives(logits, z, start)

    rows, columns = both_log_sums(scaled, z.positive, exclude)
    return rows, columns, (scaled * z.positive).sum(dim=1)


def negative_log_sigmoid(x: Float[Tensor, "*N"], compat: Compat) -> Float[Tensor, "*N"]:
    """-log sigmoid(x), exact for large |x|; the thesis bounded it at -log(1e-8) = 18.4, where its gradient vanishes."""
    return -torch.log(torch.sigmoid(x) + THESIS_EPSILON) if compat == "thesis" else -logsigmoid(x)


def mean_over_negatives(values: Float[Tensor, "B K"], mask: Bool[Tensor, "B K"]) -> Float[Tensor, ""]:
    """Mean over the negatives that an image has, then over the images that have any.

    So an image with four negatives counts as much as one with a single one. Without any negative it is 0, with a
    gradient of 0.

    Args:
        values: One per negative.
        mask: True where the negative exists.
    """
    per_image = values.masked_fill(~mask, 0.0).sum(dim=1) / mask.sum(dim=1).clamp(min=1)  # [B]
    return per_image.sum() / mask.any(dim=1).sum().clamp(min=1)
