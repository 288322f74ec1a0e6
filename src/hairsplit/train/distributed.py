"""Embeddings of all ranks, with gradient: losses see the global batch and never know a rank."""

from dataclasses import replace

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.nn.functional import all_gather

from hairsplit.core.tensors import Embeddings


def gather(z: Embeddings, ranks: int) -> Embeddings:
    """The embeddings of all ranks in rank order, B growing to ranks x B; every rank must hold equally many.

    Each rank then computes the same loss. The gather's backward adds up the ranks' gradients and DDP averages them, so
    that the parameters' gradient is that of one process on the whole batch.
    """
    if ranks == 1:
        return z
    return replace(
        z,
        image=_with_gradient(z.image),
        positive=_with_gradient(z.positive),
        negative=_with_gradient(z.negative),
        mask=_plain(z.mask.to(torch.uint8), ranks).bool(),
        image_keys=None if z.image_keys is None else _plain(z.image_keys, ranks),
        caption_keys=None if z.caption_keys is None else _plain(z.caption_keys, ranks),
    )


def _with_gradient(x: Tensor) -> Tensor:
    return torch.cat(all_gather(x.contiguous()))  # type: ignore[no-untyped-call]


def _plain(x: Tensor, ranks: int) -> Tensor:
    parts = [torch.empty_like(x) for _ in range(ranks)]
    dist.all_gather(parts, x.contiguous())
    return torch.cat(parts)
