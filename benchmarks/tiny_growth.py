"""Make a CLIP twice as wide and deeper, with the same embeddings as before, to go on training it.

The residual stream is held twice (Net2Net: Chen et al., ICLR 2016): layer norms of [x, x] are those of x, so that
embeddings do not change. What reads the stream reads half of each copy, plus and minus noise, without which both copies
would stay equal for ever. A new block adds nothing at first: its two output matrices are zero.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, new

READS = ("q_proj", "k_proj", "v_proj", "fc1", "text_projection", "visual_projection")
"""Matrices that read the residual stream."""
NOISE = 0.5
"""Standard deviation of the noise, as a share of that of the matrix."""


def grown(encoder: DualEncoder, shape: CLIPShape, seed: int) -> DualEncoder:
    """A CLIP of `shape`, towers twice as wide and at least as deep as `encoder`'s, with the same embeddings.

    Args:
        encoder: Narrow one; its MLPs have as many hidden channels as those of `shape`.
        shape: The same vocabulary, patches, context and embedding length; twice the widths and heads.
        seed: Of the noise, and of the weights of new blocks.

    Raises:
        ValueError: A tensor has no place in the new model.
    """
    made = new(shape, seed=seed, name=encoder.name)
    noise = torch.Generator().manual_seed(seed)
    old, wide = encoder.model.state_dict(), made.model.state_dict()
    for name, value in wide.items():
        if name not in old:
            if name.endswith(("out_proj.weight", "out_proj.bias", "fc2.weight", "fc2.bias")):
                value.zero_()
            continue
        value.copy_(_rule(name)(old[name], noise))
    made.model.load_state_dict(wide)
    made.eval()
    return made


def _rule(name: str) -> Callable[[Tensor, torch.Generator], Tensor]:
    layer, _, kind = name.rpartition(".")
    part = layer.rpartition(".")[2]
    if name == "logit_scale" or name.endswith("position_ids") or (part == "fc1" and kind == "bias"):
        return lambda x, _: x
    if kind == "weight" and part in READS:
        return (lambda x, g: _twice(_halves(x, g))) if part.endswith(("q_proj", "k_proj", "v_proj")) else _halves
    if kind == "weight" and part == "out_proj":  # heads are held twice as well
        return lambda x, g: _twice(_halves(x, g))
    if part in ("token_embedding", "position_embedding"):
        return lambda x, _: torch.cat([x, x], dim=1)
    return lambda x, _: _twice(x)


def _twice(x: Tensor) -> Tensor:
    return torch.cat([x, x], dim=0)


def _halves(x: Tensor, noise: torch.Generator) -> Tensor:
    """[out, in] -> [out, 2 in], the same of [h, h] as before of h."""
    delta = NOISE * x.std() * torch.randn(x.shape, generator=noise)
    return torch.cat([x / 2 + delta, x / 2 - delta], dim=1)
