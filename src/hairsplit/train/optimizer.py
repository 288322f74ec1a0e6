"""AdamW's parameter groups: weight decay by kind of parameter, and a learning rate that falls with depth."""

from collections import defaultdict
from typing import Any

import torch
from torch import nn

from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.trainable import parameter_groups

LR_SCALE = "lr_scale"
"""Key of a group: the factor by which its learning rate differs from the schedule's."""


def make_optimizer(
    encoder: DualEncoder, *, lr: float, weight_decay: float, layer_decay: float = 1.0
) -> torch.optim.AdamW:
    """The optimiser of what learns: AdamW, betas 0.9 and 0.98, epsilon 1e-6, as CLIP's training had for ViTs.

    Fused: one pass over the weights in place of a dozen, equal to the plain one but for rounding. A state that the
    plain one saved goes on plain, as it says itself.
    """
    groups = layer_groups(encoder, weight_decay, layer_decay)
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), eps=1e-6, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give each group the schedule's rate times its own factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get(LR_SCALE, 1.0)  # states of before there were factors have none


def layer_groups(encoder: DualEncoder, weight_decay: float, layer_decay: float) -> list[dict[str, Any]]:
    """The learning parameters as groups of equal weight decay and equal depth, the last layers first.

    Block l of the L of its tower learns at layer_decay^(L - l) times the schedule's rate, what lies before the blocks
    at layer_decay^L, final norms, projections and the logit scale at once the rate: the layer-wise decay of ELECTRA
    (arXiv:2003.10555) and BEiT (arXiv:2106.08254), where BEiT counts one layer more, its head, above the last block.
    With a `layer_decay` of 1 these are the groups of `parameter_groups`, in the same order.
    """
    steps = layers_above(encoder)
    found = []
    for group in parameter_groups(encoder, weight_decay):
        by_depth: dict[int, list[nn.Parameter]] = defaultdict(list)
        for parameter in group["params"]:
            by_depth[steps[id(parameter)] if layer_decay != 1 else 0].append(parameter)
        found += [
            {**group, "params": by_depth[depth], LR_SCALE: layer_decay**depth, "layers_above": depth}
            for depth in sorted(by_depth)
        ]
    return found


def layers_above(encoder: DualEncoder) -> dict[int, int]:
    """`id` of each parameter -> blocks of its tower that come after it; 0 for what comes after all blocks."""
    depths = {id(parameter): 0 for parameter in encoder.parameters()}
    text, vision = encoder.model.text_model, encoder.model.vision_model
    for blocks, before in (
        (encoder.text_blocks, [text.embeddings]),
        (encoder.vision_blocks, [vision.embeddings, vision.pre_layrnorm]),
    ):
        layers: list[list[nn.Module]] = [list(before), *([block] for block in blocks)]
        for above, modules in enumerate(reversed(layers)):
            depths |= {id(parameter): above for module in modules for parameter in module.parameters()}
    return depths


def groups_table(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """For trainable.json: each group's name, weight decay, factor of the learning rate, tensors and numbers."""
    return [
        {
            "name": group["name"],
            "layers_above": group["layers_above"],
            LR_SCALE: group[LR_SCALE],
            "weight_decay": group["weight_decay"],
            "tensors": len(group["params"]),
            "parameters": sum(parameter.numel() for parameter in group["params"]),
        }
        for group in optimizer.param_groups
    ]
