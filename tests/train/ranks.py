"""Processes that train as ranks over gloo, two unless told otherwise."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch import Tensor, nn

from hairsplit import api
from hairsplit.core.errors import HairsplitError
from hairsplit.core.tensors import Batch
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, new
from hairsplit.encoders.trainable import TrainableMode, set_trainable
from hairsplit.losses import objectives
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import any_rank, engine, gather, total
from hairsplit.train.penalty import L2ToStart
from hairsplit.train.step import Towers
from hairsplit.train.update import begin_learned
from tests.train.processes import CONTEXT, STOPPED

SHAPE = CLIPShape(
    image_size=16, patch=8, vision_width=16, vision_layers=1, text_width=16, text_layers=1, merges=0, embedding=8
)
RANKS = 2


def _child(rank: int, port: int, size: int, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "ACCELERATE_USE_CPU": "1",
    }
    function(rank, *arguments)
    if dist.is_initialized():
        dist.destroy_process_group()


def launch(
    function: Callable[..., None],
    *arguments: Any,
    then: Callable[[list[int]], None] | None = None,
    size: int = RANKS,
) -> list[int]:
    """Call `function(rank, *arguments)` on all ranks; `then` is given their process ids; returns the exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = [CONTEXT.Process(target=_child, args=(rank, port, size, function, arguments)) for rank in range(size)]
    for child in children:
        child.start()
    if then is not None:
        then([child.pid or 0 for child in children])
    for child in children:
        child.join(200)
    codes = [child.exitcode for child in children]
    for child in children:
        if child.exitcode is None:
            child.kill()
    return [-signal.SIGALRM if code is None else code for code in codes]


def encoder(mode: TrainableMode, seed: int = 0) -> DualEncoder:
    """A CLIP in float64, a little off its start so that penalties count."""
    made = new(SHAPE, seed).double()
    set_trainable(made, mode)
    return made


def batch(made: DualEncoder, rows: slice, negatives: int) -> Batch:
    """Rows of a batch of six; the last three have no negatives, the others have one, two, and none at all."""
    captions = ["a red dog", "two cats", "the mug", "a car on a road", "trees", "no"]
    wrong = [["a blue dog"], ["two dogs on a long leash", "a cat"], [], [], [], []]
    mask = torch.tensor([[k < len(row) for k in range(negatives)] for row in wrong], dtype=torch.bool)
    ids = torch.zeros(6, negatives, 40, dtype=torch.int64)
    for row, texts in enumerate(wrong):
        for k, text in enumerate(texts[:negatives]):
            one = made.tokenize([text])[0]
            ids[row, k, : len(one)] = one
    pixels = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Batch(
        pixels=pixels[rows],
        caption_ids=made.tokenize(captions)[rows],
        negative_ids=ids[rows],
        mask=mask[rows],
        image_keys=torch.tensor([1, 2, 3, 4, 5, 1])[rows],
        caption_keys=torch.tensor([1, 2, 3, 2, 5, 6])[rows],
        negative_kinds=torch.arange(6 * negatives).reshape(6, negatives)[rows] % 3,
    )


def step(
    spec: objectives.AnySpec, mode: TrainableMode, rows: slice, wrap: Callable[[nn.Module], nn.Module], ranks: int
) -> dict[str, Tensor]:
    """Loss and gradient by name of one backward pass, as the training loop does it."""
    negatives = 2 if objectives.needs_negatives(spec) or spec.name != "standard" else 0
    made = encoder(mode)
    begin_learned(made, spec)
    teacher = Towers(encoder(mode, seed=1).requires_grad_(False))
    objective = objectives.resolve(spec, 0)
    start = encoder(mode, seed=2)
    begin_learned(start, spec)
    penalty = L2ToStart(made.named_parameters(), dict(start.named_parameters()))
    towers, given = wrap(Towers(made, local=objectives.needs_local(spec))), batch(made, rows, negatives)
    z = gather(towers(given), ranks)
    with torch.no_grad():
        reference = gather(teacher(given), ranks)
    total = objectives.compute(objective, z, reference).total + objective.l2 * penalty()
    torch.autograd.backward(total)
    found = {name: p.grad for name, p in made.named_parameters() if p.grad is not None}
    assert z.image_keys is not None
    assert z.caption_keys is not None
    keys = torch.stack([z.image_keys, z.caption_keys])
    return found | {"loss": total.detach(), "image": z.image.detach(), "mask": z.mask, "keys": keys}


def gradients(rank: int, cases: list[tuple[str, objectives.AnySpec, TrainableMode]], out: Path) -> None:
    """Each case's step, on this rank's half of the batch."""
    accelerator = engine()
    if (accelerator.num_processes, accelerator.process_index) != (RANKS, rank):
        raise RuntimeError("not two ranks")
    rows = slice(3 * rank, 3 * rank + 3)

    def wrap(module: nn.Module) -> nn.Module:
        wrapped: nn.Module = accelerator.prepare(module)
        return wrapped

    for name, spec, mode in cases:
        torch.save(step(spec, mode, rows, wrap, RANKS), out / f"{name}-{mode}-{rank}.pt")
    _facts(rank, accelerator, out)


def _facts(rank: int, accelerator: Accelerator, out: Path) -> None:
    backend = dist.distributed_c10d._get_default_group()._get_backend(torch.device("cpu"))
    device = accelerator.device
    flags = [any_rank(flag, device, RANKS) for flag in (False, rank == 1, rank == 0, True)]
    facts = {"wait": backend.options._timeout.total_seconds(), "flags": flags, "backend": dist.get_backend()}
    facts["total"] = total(rank + 1, device=device, ranks=RANKS)
    torch.save(facts, out / f"facts-{rank}.pt")


def train(rank: int, config: TrainConfig, out: Path) -> None:
    """`api.train` on this rank."""
    try:
        api.train(config, out, quiet=True)
    except HairsplitError as error:
        out.with_suffix(f".error{rank}").write_text(str(error))
        os._exit(STOPPED)
