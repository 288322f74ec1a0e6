"""Towers whose outputs are a tuple: engines that shard hang their hooks on the tensors they find there."""

from typing import Any

import torch
from torch import Tensor, nn

from hairsplit.core.tensors import Batch, Embeddings
from hairsplit.train.step import Towers


class TupleTowers(nn.Module):
    """Towers, giving (image, positive, negative, scale [1])."""

    def __init__(self, towers: Towers) -> None:
        super().__init__()
        self.towers = towers

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See `Towers.forward`."""
        z: Embeddings = self.towers(batch)
        # Hooks are lost on a view that is written to, of which FSDP2 warns: positive and scale are views.
        return z.image, z.positive.clone(), z.negative, z.scale.reshape(1).clone()


class Embedded(nn.Module):
    """The engine's module around `TupleTowers`, with embeddings as its output again."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, batch: Batch) -> Embeddings:
        """See `Towers.forward`."""
        image, positive, negative, scale = self.inner(batch)
        return Embeddings(
            image=image,
            positive=positive,
            negative=negative,
            mask=batch.mask,
            scale=scale.reshape(()),
            image_keys=batch.image_keys,
            caption_keys=batch.caption_keys,
        )


def without_scalars(module: nn.Module) -> None:
    """Make parameters of no dimension [1], which sharding refuses; the optimiser is to be made after it."""
    for owner in module.modules():
        for name, parameter in list(owner.named_parameters(recurse=False)):
            if parameter.ndim == 0:
                longer = nn.Parameter(parameter.detach().reshape(1).clone(), requires_grad=parameter.requires_grad)
                setattr(owner, name, longer)


def on_cpu(value: Tensor, shape: torch.Size) -> Tensor:
    """A detached copy in the shape that one process has."""
    return value.detach().cpu().reshape(shape).clone()
