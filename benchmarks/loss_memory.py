"""Peak memory and time of a loss whose logits are held against the same in chunks, forward and backward, on the CPU.

    python benchmarks/loss_memory.py [ROWS] [NEGATIVES] [LOSS ...]

Without a LOSS: each one that makes a matrix of logits.
Each way runs in a process of its own, so that its peak is its own; what the process held before is taken off.
"""

import resource
import sys
import time
from dataclasses import replace
from multiprocessing import get_context

import torch
from torch.nn.functional import normalize

from hairsplit.core.tensors import Embeddings
from hairsplit.losses import LOSSES, _chunked

WIDTH = 512
WITH_A_MATRIX = ("contrastive", "hard_negative", "triplet", "structure_clip", "distillation", "siglip_hn", "ce_clip")


def peak_megabytes() -> float:
    """Of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(name: str, rows: int, negatives: int, plain_elements: int) -> tuple[float, float, float]:
    """Megabytes above the inputs, seconds, and the loss."""
    _chunked.PLAIN_ELEMENTS = plain_elements
    torch.manual_seed(0)
    entry = LOSSES[name]
    image, positive = (normalize(torch.randn(rows, WIDTH), dim=1).requires_grad_() for _ in range(2))
    negative = normalize(torch.randn(rows, negatives, WIDTH), dim=2).requires_grad_()
    mask = torch.ones(rows, negatives, dtype=torch.bool)
    z = Embeddings(image=image, positive=positive, negative=negative, mask=mask, scale=torch.tensor(100.0))
    teacher = (
        replace(z, image=image.detach().flip(1), positive=positive.detach().flip(1)) if entry.needs_teacher else None
    )
    before, start = peak_megabytes(), time.perf_counter()
    total = entry.compute(z, entry.spec(), teacher).total
    torch.autograd.backward(total)
    return peak_megabytes() - before, time.perf_counter() - start, total.item()


def compare(rows: int, negatives: int, name: str) -> None:
    """Print both ways and their ratios."""
    found = {}
    for way, plain_elements in (("plain", sys.maxsize), ("chunked", 0)):
        with get_context("spawn").Pool(1) as pool:
            found[way] = pool.apply(measure, (name, rows, negatives, plain_elements))
        megabytes, seconds, loss = found[way]
        print(f"{way:8} {megabytes:8,.0f} MB above the inputs  {seconds:6.2f} s  loss {loss:.6f}")
    (plain, plain_seconds, _), (chunked, chunked_seconds, _) = found["plain"], found["chunked"]
    print(
        f"{name}, B = {rows}, K = {negatives}: "
        f"memory {chunked / plain:.3f} x, time {chunked_seconds / plain_seconds:.2f} x"
    )


def main(rows: int = 8192, negatives: int = 1, *names: str) -> None:
    """Compare the losses of these names."""
    for name in names or WITH_A_MATRIX:
        compare(rows, negatives, name)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
