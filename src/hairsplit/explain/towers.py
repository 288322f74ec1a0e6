"""Towers as chains that can be entered at any block: what comes in, block by block, what is read at the end."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.func import jvp
from torch.nn.attention import SDPBackend, sdpa_kernel

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.blocks import at_one
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.explain.closed_form import Block, LastBlock, block_parts, last_block


@dataclass(frozen=True)
class Tower:
    """One encoder, from hidden states at the input of any block to the embedding before it is scaled to unit length."""

    side: Literal["text", "image"]
    embed: Callable[[Tensor], Tensor]
    """Token ids [N, L] or pixels [N, 3, H, W] -> the input of block 0, [N, L, W]."""
    blocks: tuple[Callable[[Tensor], Tensor], ...]
    """[N, L, W] -> [N, L, W] each."""
    head: Callable[[Tensor, int], Tensor]
    """Output of the last block [N, L, W] and the position that is read -> [N, D]."""
    leading: int = 0
    """Positions before the patches that belong to no patch: 1 for a class token. 0 for texts."""
    grid: tuple[int, int] = (0, 0)
    """Rows and columns of patches. (0, 0) for texts."""
    last: LastBlock | None = None
    """The last block and the head in the neutral form that the closed form needs; None: unlike anything it knows."""
    parts: tuple[Block, ...] = ()
    """All blocks but the last in that form; (): unlike anything it knows."""
    is_causal: bool = False
    """Whether positions behind the one that is read change nothing."""
    read: Callable[[Tensor, int], Tensor] | None = None
    """The last block at one position alone, [N, L, W] -> [N, W]; None: it is worked out at all of them."""

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return len(self.blocks)

    def layer(self, number: int) -> int:
        """A block counted from 0; negative ones from the end, -1 is the last.

        Raises:
            HairsplitError: There is no such block.
        """
        found = number + self.depth if number < 0 else number
        if not 0 <= found < self.depth:
            raise HairsplitError(
                f"{self.side} layer {number} does not exist: the tower has {self.depth} block{'s' * (self.depth > 1)}",
                where="explain",
                hint=f"choose from 0 to {self.depth - 1}; -1 is the last",
            )
        return found

    def reach(self, embedded: Tensor, layer: int) -> Tensor:
        """Hidden states [N, L, W] at the input of block `layer`, from those at the input of block 0."""
        for block in self.blocks[:layer]:
            embedded = block(embedded)
        return embedded

    def tail(self, hidden: Tensor, layer: int, at: int) -> Tensor:
        """Embeddings [N, D], not scaled, from hidden states [N, L, W] at the input of block `layer`."""
        return self._read(self._before_last(hidden, layer), at)

    def tails(self, hidden: Tensor, layer: int, places: Sequence[int]) -> list[Tensor]:
        """`tail` of inputs that are read at a place of their own each, N of [D]."""
        hidden = self._before_last(hidden, layer)
        return [self._read(hidden[n : n + 1], at)[0] for n, at in enumerate(places)]

    def _before_last(self, hidden: Tensor, layer: int) -> Tensor:
        for block in self.blocks[layer:-1]:
            hidden = block(hidden)
        return hidden

    def _read(self, hidden: Tensor, at: int) -> Tensor:
        if self.read is not None:
            return self.head(self.read(hidden, at).unsqueeze(1), 0)
        return self.head(self.blocks[-1](hidden), at)


def clip_towers(encoder: DualEncoder) -> tuple[Tower, Tower]:
    """The text and the image tower of a CLIP.

    Layer 0 is entered behind the token and position embeddings; of images, behind `pre_layrnorm` too.

    Raises:
        HairsplitError: Its attention is neither PyTorch's nor the plain one, so that it has no forward-mode derivative.
    """
    model = encoder.model
    vision, text = model.vision_model, model.text_model
    check_attention(model.config.vision_config, model.config.text_config, name=encoder.name)
    side = encoder.image_size // cast(int, model.config.vision_config.patch_size)
    lasts = (
        last_block(encoder.vision_blocks[-1], vision.post_layernorm, model.visual_projection),
        last_block(encoder.text_blocks[-1], text.final_layer_norm, model.text_projection),
    )
    image = Tower(
        side="image",
        embed=lambda pixels: vision.pre_layrnorm(vision.embeddings(pixels)),
        blocks=tuple(partial(plain_block, block) for block in encoder.vision_blocks),
        head=lambda hidden, at: model.visual_projection(vision.post_layernorm(hidden[:, at])),
        leading=1,
        grid=(side, side),
        last=lasts[0],
        parts=_parts(encoder.vision_blocks),
        read=None if lasts[0] is None else partial(_at_position, encoder.vision_blocks[-1], causal=False),
    )
    words = Tower(
        side="text",
        embed=text.embeddings,
        blocks=tuple(partial(_causal, block) for block in encoder.text_blocks),
        head=lambda hidden, at: model.text_projection(text.final_layer_norm(hidden[:, at])),
        last=lasts[1],
        parts=_parts(encoder.text_blocks),
        is_causal=True,
        read=None if lasts[1] is None else partial(_at_position, encoder.text_blocks[-1], causal=True),
    )
    return words, image


def _parts(blocks: nn.ModuleList) -> tuple[Block, ...]:
    found = [block_parts(block) for block in list(blocks)[:-1]]
    known = tuple(part for part in found if part is not None)
    return known if len(known) == len(found) else ()


def check_attention(*configs: Any, name: str) -> None:
    """Refuse attention that cannot be differentiated in forward mode.

    Raises:
        HairsplitError: It is neither `sdpa` nor `eager`.
    """
    for config in configs:
        if config._attn_implementation not in {"sdpa", "eager"}:
            raise HairsplitError(
                f"attention is {config._attn_implementation!r}, which has no forward-mode derivative",
                where=name,
                hint="load the model with attn_implementation='sdpa'",
            )


def plain_block(block: nn.Module, hidden: Tensor) -> Tensor:
    """A block in which every position sees every other, [N, L, W] -> [N, L, W]."""
    return cast(Tensor, block(hidden, None))


def _causal(block: nn.Module, hidden: Tensor) -> Tensor:
    """With a mask that is added, which is the one that every implementation of attention understands."""
    length = hidden.shape[1]
    mask = torch.full((length, length), torch.finfo(hidden.dtype).min, dtype=hidden.dtype, device=hidden.device).triu(1)
    return cast(Tensor, block(hidden, mask[None, None]))


def _at_position(block: nn.Module, hidden: Tensor, at: int, *, causal: bool) -> Tensor:
    seen = hidden[:, : at + 1] if causal else hidden  # what stands behind is not seen: no mask is needed
    return at_one(block, seen, torch.full((len(seen),), at, device=seen.device), causal=False)


@cache
def load_forward_mode() -> None:
    """Have PyTorch load what forward mode needs, which it does at first use, and not without a deprecation warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        jvp(torch.sin, (torch.zeros(()),), (torch.ones(()),))


@contextmanager
def undisturbed(module: nn.Module) -> Iterator[None]:
    """Run a model in eval mode, without gradients, in kernels that every derivative exists for; then undo all of it.

    Each module gets back the mode it was in, also after an exception. No hook is set anywhere.

    Raises:
        HairsplitError: The weights are in half precision, in which sums over nodes are not accurate.
    """
    for name, parameter in module.named_parameters():
        if parameter.dtype not in {torch.float32, torch.float64}:
            raise HairsplitError(
                f"{name} is {str(parameter.dtype).removeprefix('torch.')}, too coarse to explain with",
                where="explain",
                hint="explain a float32 copy: model.float()",
            )
    load_forward_mode()
    device = next((p.device.type for p in module.parameters()), "cpu")
    learning = [one for one in module.modules() if one.training]  # in eval mode, as most are, nothing is touched
    fused = torch.backends.mha.get_fastpath_enabled()
    try:
        for one in learning:
            one.training = False
        torch.backends.mha.set_fastpath_enabled(False)  # it has no forward-mode derivative
        with torch.no_grad(), torch.autocast(device, enabled=False), sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for one in learning:
            one.training = True
