"""Towers whose outputs are a tuple: engines that shard hang their hooks on the tensors they find there."""

from typing import Any

import torch
from torch import Tensor, nn

from hairsplit.core.tensors import Batch, Embeddings
from hairsplit.train.step import Towers


class TupleTowers(nn.Module):
    """Towers, giving (image, positive, negative, what is local, scale [1], and each learned scalar [1])."""

    def __init__(self, towers: Towers) -> None:
        super().__init__()
        self.towers = towers

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """See `Towers.forward`."""
        z: Embeddings = self.towers(batch)
        # Hooks are lost on a view that is written to, of which FSDP2 warns: image alone is never one.
        scalars = (value.reshape(1).clone() for value in (z.scale, *z.learned.values()))
        local = [value.clone() for value in (z.local_positive, z.local_negative) if value is not None]
        return z.image, z.positive.clone(), z.negative.clone(), *local, *scalars


class Embedded(nn.Module):
    """The engine's module around `TupleTowers`, with embeddings as its output again."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, batch: Batch) -> Embeddings:
        """See `Towers.forward`."""
        image, positive, negative, *others = self.inner(batch)
        local = [others.pop(0), others.pop(0)] if self.inner.towers.local else [None, None]
        scale, *learned = others
        names = self.inner.towers.encoder.learned
        return Embeddings(
            image=image,
            positive=positive,
            negative=negative,
            mask=batch.mask,
            scale=scale.reshape(()),
            local_positive=local[0],
            local_negative=local[1],
            image_keys=batch.image_keys,
            caption_keys=batch.caption_keys,
            kinds=batch.negative_kinds,
            learned={name: value.reshape(()) for name, value in zip(names, learned, strict=True)},
        )


class CastTowers(TupleTowers):
    """Tuple towers that set the precision themselves: DeepSpeed turns an autocast around its engine off on GPUs."""

    def __init__(self, towers: Towers, device: torch.device) -> None:
        super().__init__(towers)
        self.device_type = device.type
        self.cast = False
        """Whether there is an autocast around the engine, which is to reach these towers."""

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """See `Towers.forward`."""
        with torch.autocast(self.device_type, torch.bfloat16, enabled=self.cast):
            return super().forward(batch)


class CastEmbedded(Embedded):
    """`Embedded` around an engine of `CastTowers`, to which it hands the autocast that it is called in."""

    def __init__(self, inner: Any, towers: CastTowers) -> None:
        super().__init__(inner)
        self._cast_towers = [towers]  # in a list, so that they are no second child

    def forward(self, batch: Batch) -> Embeddings:
        """See `Towers.forward`."""
        for towers in self._cast_towers:
            towers.cast = torch.is_autocast_enabled(towers.device_type)
        return super().forward(batch)


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
