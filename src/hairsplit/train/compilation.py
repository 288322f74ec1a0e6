"""torch.compile of the blocks that learn: what stands between their matrix products is fused."""

import contextlib
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo import config as tracing
from torch._functorch import config as differentiating

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import blocks
from hairsplit.encoders.blocks import Calls
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.stages import Stages
from hairsplit.train.config import TrainConfig
from hairsplit.train.step import Towers

Backend = str | Callable[..., Any]
ROWS, TOKENS = 8, 12
"""Of the made-up input, whose sizes are what the compiler takes for usual."""
GRAPHS = 64
"""More than there can be: both towers, the last block and the others, with a gradient and without, behind something
that learns and behind nothing."""


def compile_blocks(
    towers: nn.Module,
    config: TrainConfig,
    device: torch.device,
    *,
    backend: Backend = "inductor",
    fresh: bool = True,
    told: bool = False,
) -> None:
    """Compile the blocks that learn, and run each kind of call once, forward and backward.

    All graphs are made here, from the same made-up input in each run. The numbers of rows and of positions are symbols
    in them, so that no batch compiles anything later, and a resumed run computes with the kernels of the first. A call
    of one row or one position is not compiled: 1 is no symbol to torch.compile, it would be a graph of its own.

    The encoder itself is left alone: its state, the models that are saved, frozen blocks (what is kept of them is as it
    was), the reference model and validation. Dropouts are those of the uncompiled model.

    Args:
        towers: As an engine wrapped them, the frozen work attached.
        config: The run's.
        device: Where they compute.
        backend: Of torch.compile.
        fresh: Forget what this process compiled before, of whatever model: the graphs of a run must not follow from it.
        told: Say what is done, and how long it took.

    Raises:
        HairsplitError: A compiler is missing or fails, a block is no single graph, or attention is not `sdpa`.
    """
    inner = _within(towers)
    if fresh:
        torch.compiler.reset()
    tracing.recompile_limit = GRAPHS
    tracing.optimize_ddp = False  # it would cut graphs at DDP's buckets; they end with each block as it is
    if config.log_gradient_norms:  # several backward passes through one graph
        differentiating.donated_buffer = False
    inner.call_blocks(_compiled(backend))
    started = time.perf_counter()
    if told:
        print("compile: compiling the blocks that learn, which may take minutes ...", file=sys.stderr)  # noqa: T201
    try:
        with (
            warnings.catch_warnings(),
            torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"),
        ):
            warnings.simplefilter("ignore")  # of what torch does in its own code
            for chain in inner.chains():
                _try(inner, chain, device, chunked=config.chunk is not None)
    except Exception as error:
        raise HairsplitError(
            f"torch.compile fails on {device.type}: {_reason(error)}",
            where="compile",
            hint="leave `compile` out, or install what is missing: on a CPU a C++ compiler (g++, or $CXX) and Python's "
            "headers, on a GPU triton and a C compiler (gcc, or $CC)",
        ) from error
    if told:
        print(f"compile: done in {time.perf_counter() - started:.0f} s", file=sys.stderr)  # noqa: T201


def _within(wrapped: nn.Module) -> Towers:
    inner = next(module for module in wrapped.modules() if isinstance(module, Towers))
    if len(inner.chains()) < 2:
        raise HairsplitError(
            "the attention of this model is not PyTorch's (sdpa), and its blocks cannot be called alone",
            where="compile",
            hint="leave `compile` out, or load the model with sdpa attention",
        )
    return inner


def _compiled(backend: Backend) -> Calls:
    settings: dict[str, Any] = {"fullgraph": True, "dynamic": True, "backend": backend}
    if backend == "inductor":  # its own dropout differs between a graph with a gradient and one without
        settings["options"] = {"fallback_random": True}
    everywhere = torch.compile(blocks.everywhere, **settings)
    at_one = torch.compile(blocks.at_one, **settings)

    def all_positions(block: nn.Module, hidden: Tensor, causal: bool) -> Tensor:
        if 1 in hidden.shape[:2]:
            return blocks.everywhere(block, hidden, causal)
        found: Tensor = everywhere(block, hidden.contiguous(), causal)  # other strides would be another graph
        return found

    def one_position(block: nn.Module, hidden: Tensor, at: Tensor, causal: bool) -> Tensor:
        if 1 in hidden.shape[:2]:
            return blocks.at_one(block, hidden, at, causal)
        found: Tensor = at_one(block, hidden.contiguous(), at, causal)
        return found

    return Calls(all_positions, one_position)


def _try(towers: Towers, chain: Stages, device: torch.device, *, chunked: bool) -> None:
    """One tower's blocks on made-up input, so that all their graphs are there; changes neither gradient nor state."""
    learning = [p for block in chain.blocks for p in block.parameters() if p.requires_grad]
    if not learning:
        return
    with _in_training(towers.encoder, device):
        x, at = _made_up(towers.encoder, chain, device)
        for with_gradient in (True, False) if chunked else (True,):  # the first of two passes has none
            with torch.set_grad_enabled(with_gradient):
                z = towers.run_chain(chain, x, at)
            if with_gradient:
                torch.autograd.grad(z.sum(), learning, allow_unused=True)


@contextlib.contextmanager
def _in_training(encoder: DualEncoder, device: torch.device) -> Iterator[None]:
    mode = encoder.training
    with torch.random.fork_rng(devices=[] if device.type == "cpu" else [device], device_type=_kind(device)):
        encoder.train()
        try:
            yield
        finally:
            encoder.train(mode)


def _kind(device: torch.device) -> str:
    return "cuda" if device.type == "cpu" else device.type


def _made_up(encoder: DualEncoder, chain: Stages, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixels or ids, and the positions that are read. No two of its sizes are equal, or they would be one symbol."""
    if chain.tower == "image":
        config = encoder.model.config.vision_config
        taken = {config.hidden_size, encoder.model.vision_model.embeddings.num_positions}
        rows = _free(ROWS, taken)
        pixels = torch.zeros(rows, 3, encoder.image_size, encoder.image_size, dtype=encoder.model.dtype, device=device)
        return pixels, torch.zeros(rows, dtype=torch.int64, device=device)
    taken = {encoder.model.config.text_config.hidden_size}
    length = min(_free(TOKENS, taken), encoder.context_length)
    rows = _free(ROWS, taken | {length})
    ids = torch.zeros(rows, length, dtype=torch.int64, device=device)
    return ids, torch.full((rows,), length - 1, dtype=torch.int64, device=device)


def _free(wanted: int, taken: set[int]) -> int:
    while wanted in taken:
        wanted += 1
    return wanted


def _reason(error: BaseException) -> str:
    """What went wrong, in one line: the compiler's own words where there are any."""
    inner = getattr(error, "inner_exception", None) or error
    lines = [line.strip() for line in str(inner).splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line] or lines or [""]
    return f"{type(inner).__name__}: {telling[0][:300]}"
