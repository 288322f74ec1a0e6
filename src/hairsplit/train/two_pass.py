"""Gradient caching: the loss of a batch whose activations do not fit, for a second forward pass (Gao et al., 2021).

The first pass embeds a chunk of the batch at a time and keeps no activation. The loss of all embeddings is then
differentiated with respect to them. The second pass embeds each chunk again, with a graph this time, and takes the
gradient of its embeddings on to the parameters. By the chain rule that is the gradient of one pass (arXiv:2101.06983),
for memory that grows with the chunk and with the embeddings, not with the batch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from hairsplit.core.tensors import Batch, Embeddings

Embed = Callable[[Batch], tuple[Embeddings, Embeddings | None]]
"""A chunk of this rank's batch -> its embeddings and the reference model's, not gathered."""
Gradients = Mapping[str, Tensor]
"""Name in `Embeddings.differentiable` -> gradient of a loss with respect to it, of all of this rank's rows."""
RandomState = tuple[Tensor, Tensor | None]
"""Of the CPU, and of the accelerator if there is one."""


@dataclass(frozen=True)
class FirstPass:
    """What is kept of a rank's batch: embeddings, and what it takes to make the same ones again."""

    z: Embeddings
    """What is differentiable in it are leaves that require a gradient, but for those of a tower without learners."""
    reference: Embeddings | None
    states: tuple[RandomState, ...]
    """Of the random generators before each chunk: dropout has to drop the same units twice."""


@dataclass(frozen=True)
class Chunk:
    """One chunk of the second pass, to be embedded with a graph while the random generators are as they were."""

    batch: Batch
    known: Embeddings
    """What the first pass made of it, without a graph."""
    rows: slice
    """Its place in this rank's batch."""
    last: bool

    def outputs(self, z: Embeddings) -> dict[str, Tensor]:
        """What of the chunk's embeddings has a graph, by name; a scalar, shared by all chunks, in the last one only."""
        return {name: value for name, value in _graphed(z).items() if value.ndim or self.last}

    def loss(self, outputs: Mapping[str, Tensor], gradients: Gradients) -> Tensor:
        """A number whose gradient with respect to `outputs` is this chunk's share of `gradients`."""
        own = [(value * self._own(name, value, gradients)).sum() for name, value in outputs.items()]
        return torch.stack(own).sum()

    def _own(self, name: str, value: Tensor, gradients: Gradients) -> Tensor:
        return (gradients[name][self.rows] if value.ndim else gradients[name]).detach()


def first_pass(
    batch: Batch, chunk: int, embed: Embed, device: torch.device, frozen: frozenset[str] = frozenset()
) -> FirstPass:
    """Embed a batch, `chunk` rows at a time, without a graph.

    Args:
        batch: Of this rank, on any device.
        chunk: Rows that are embedded at a time.
        embed: Moves the chunk to the device itself, so that only one chunk's pixels are there.
        device: Where the towers are.
        frozen: Names in `Embeddings.differentiable` for which no gradient is wanted.
    """
    embedded: list[Embeddings] = []
    references: list[Embeddings] = []
    states = []
    with torch.no_grad():
        for rows in _chunks(batch, chunk):
            states.append(_random_state(device))
            z, reference = embed(batch.part(rows.start, rows.stop))
            embedded.append(z)
            if reference is not None:
                references.append(reference)
    z = _joined(embedded)
    leaves = {name: value.detach() for name, value in z.differentiable().items()}
    for name, value in leaves.items():
        value.requires_grad_(name not in frozen)
    return FirstPass(z.with_differentiable(leaves), _joined(references) if references else None, tuple(states))


def gradients(z: Embeddings, loss: Tensor, *, retain: bool = False) -> dict[str, Tensor]:
    """The gradient of a loss with respect to the leaves of a first pass, by field; zero where it does not count.

    Args:
        z: Of a `FirstPass`.
        loss: A function of it, and of those of other ranks, that every rank computes.
        retain: Keep the graph, for another loss.
    """
    leaves = _graphed(z)
    found = torch.autograd.grad(
        loss, list(leaves.values()), retain_graph=retain, allow_unused=True, materialize_grads=True
    )
    return dict(zip(leaves, found, strict=True))


def second_pass(first: FirstPass, batch: Batch, chunk: int, device: torch.device) -> Iterator[Chunk]:
    """The chunks once more, in order; afterwards the random generators are as the first pass left them."""
    after = _random_state(device)
    ranges = list(_chunks(batch, chunk))
    try:
        for rows, state in zip(ranges, first.states, strict=True):
            _set_random_state(state, device)
            known = _part(first.z, rows)
            yield Chunk(batch.part(rows.start, rows.stop), known, rows, last=rows is ranges[-1])
    finally:
        _set_random_state(after, device)


def _chunks(batch: Batch, chunk: int) -> Iterator[slice]:
    rows = len(batch.mask)
    for start in range(0, rows, chunk):
        yield slice(start, min(start + chunk, rows))


def _graphed(z: Embeddings) -> dict[str, Tensor]:
    return {name: value for name, value in z.differentiable().items() if value.requires_grad}


def _joined(parts: Sequence[Embeddings]) -> Embeddings:
    """The rows of all parts; what has no rows is the same in each."""
    values: dict[str, Any] = {one.name: getattr(parts[0], one.name) for one in fields(parts[0])}
    rows: dict[str, Any] = {
        name: torch.cat([getattr(part, name) for part in parts])
        for name, value in values.items()
        if isinstance(value, Tensor) and value.ndim
    }
    return replace(parts[0], **rows)


def _part(z: Embeddings, rows: slice) -> Embeddings:
    """Some rows, detached."""
    values: dict[str, Any] = {one.name: getattr(z, one.name) for one in fields(z)}
    cut: dict[str, Any] = {
        name: value[rows] for name, value in values.items() if isinstance(value, Tensor) and value.ndim
    }
    part: Embeddings = replace(z, **cut)
    return part.with_differentiable({name: value.detach() for name, value in part.differentiable().items()})


def _random_state(device: torch.device) -> RandomState:
    of_device = None if device.type == "cpu" else torch.get_device_module(device).get_rng_state(device)
    return torch.get_rng_state(), of_device


def _set_random_state(state: RandomState, device: torch.device) -> None:
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.get_device_module(device).set_rng_state(state[1], device)
