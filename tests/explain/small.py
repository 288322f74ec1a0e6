"""A tiny CLIP in float64 with sharp attention and random norms, and lines through its towers."""

import torch
from torch import Tensor

from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, new
from hairsplit.explain.lines import Engine, Line, scaled
from hairsplit.explain.quadrature import Quadrature
from hairsplit.explain.towers import Tower, clip_towers

SHAPE = CLIPShape(
    image_size=16,
    patch=8,
    vision_width=16,
    vision_layers=3,
    vision_heads=2,
    text_width=16,
    text_layers=2,
    text_heads=2,
    merges=1500,
    embedding=8,
)


def encoder(shape: CLIPShape = SHAPE, *, sharp: float = 1.0, seed: int = 0) -> DualEncoder:
    """Random weights, gains and biases; `sharp` multiplies queries and keys."""
    made = new(shape, seed=seed).double()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in made.named_parameters():
            if p.ndim:
                p.add_(0.15 * torch.randn(p.shape, generator=draw, dtype=p.dtype))
            if name.endswith(("q_proj.weight", "k_proj.weight")):
                p.mul_(sharp)
    return made.eval()


def line(
    tower: Tower,
    layer: int,
    inputs: tuple[Tensor, Tensor],
    *,
    at: int,
    length: float | None = None,
    engine: Engine = "auto",
    how: Quadrature | None = None,
) -> Line:
    """Through the hidden states of a reference and an input, given as ids [L] or pixels [3, H, W]."""
    with torch.no_grad():
        start, stop = (tower.reach(tower.embed(one.unsqueeze(0)), layer)[0] for one in inputs)
        ends = [scaled(tower.tail(one.unsqueeze(0), layer, at), length)[0] for one in (start, stop)]
    how = how or Quadrature(rule="gauss", nodes=3)
    return Line(tower, layer, at, start, stop, length, (ends[0], ends[1]), engine, how)


def text_line(made: DualEncoder, layer: int, text: str = "a red dog", **more: object) -> Line:
    """From the padding of equal length to a caption."""
    ids = made.tokenize([text])[0]
    blank = torch.zeros_like(ids)
    blank[0], blank[-1] = ids[0], ids[-1]
    return line(clip_towers(made)[0], layer, (blank, ids), at=len(ids) - 1, **more)  # type: ignore[arg-type]


def image_line(made: DualEncoder, layer: int, **more: object) -> Line:
    """From grey to a random picture."""
    pixels = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return line(clip_towers(made)[1], layer, (torch.zeros_like(pixels), pixels), at=0, **more)  # type: ignore[arg-type]


def each(line: Line) -> Tensor:
    """A group for every position, [L, L]."""
    return torch.eye(len(line.start), dtype=torch.bool)
