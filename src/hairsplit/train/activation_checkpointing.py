"""Activation checkpointing: blocks keep their input only and are computed again in the backward pass."""

from functools import partial
from typing import Any, cast

from torch.utils.checkpoint import checkpoint

from hairsplit.encoders.dual_encoder import DualEncoder


def checkpoint_activations(encoder: DualEncoder) -> None:
    """Turn it on for every block of both towers (Chen et al., arXiv:1604.06174); changes no number.

    It costs one more forward pass of the blocks that learn. Blocks in eval mode or without a graph run as before, and
    so does the last block where it is computed for one position alone: it keeps little, and nothing comes before its
    backward pass. The random state is put back for the second computation, so that dropout drops the same units.
    """
    again = partial(checkpoint, use_reentrant=False)
    for block in (*encoder.vision_blocks, *encoder.text_blocks):
        layer = cast(Any, block)
        # What transformers' own switch does, whose name is another in each of its versions.
        layer.gradient_checkpointing, layer._gradient_checkpointing_func = True, again
