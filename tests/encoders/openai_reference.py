"""OpenAI's CLIP as plain functions of its own state dict, written from the paper and the shapes: an oracle."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, gelu, layer_norm, linear, softmax

State = dict[str, Tensor]


@dataclass(frozen=True)
class Shape:
    image: int
    patch: int
    vision_width: int
    vision_layers: int
    text_width: int
    text_layers: int
    embedding: int
    vocabulary: int
    context: int = 77


B32 = Shape(224, 32, 768, 12, 512, 12, 512, 49_408)
L14 = Shape(224, 14, 1024, 24, 768, 12, 768, 49_408)
SMALL = Shape(32, 8, 128, 2, 64, 3, 48, 600, 20)


def shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Every key of OpenAI's state dict and its shape."""
    wide, narrow = shape.vision_width, shape.text_width
    found: dict[str, tuple[int, ...]] = {
        "visual.class_embedding": (wide,),
        "visual.positional_embedding": ((shape.image // shape.patch) ** 2 + 1, wide),
        "visual.proj": (wide, shape.embedding),
        "visual.conv1.weight": (wide, 3, shape.patch, shape.patch),
        "positional_embedding": (shape.context, narrow),
        "text_projection": (narrow, shape.embedding),
        "logit_scale": (),
        "token_embedding.weight": (shape.vocabulary, narrow),
    }
    norms = [("visual.ln_pre", wide), ("visual.ln_post", wide), ("ln_final", narrow)]
    towers = [("visual.transformer", wide, shape.vision_layers), ("transformer", narrow, shape.text_layers)]
    for tower, width, layers in towers:
        for n in range(layers):
            block = f"{tower}.resblocks.{n}"
            norms += [(f"{block}.ln_1", width), (f"{block}.ln_2", width)]
            found |= {f"{block}.attn.in_proj_weight": (3 * width, width), f"{block}.attn.in_proj_bias": (3 * width,)}
            for name, out, into in (
                ("attn.out_proj", width, width),
                ("mlp.c_fc", 4 * width, width),
                ("mlp.c_proj", width, 4 * width),
            ):
                found |= {f"{block}.{name}.weight": (out, into), f"{block}.{name}.bias": (out,)}
    return found | {f"{name}.{kind}": (width,) for name, width in norms for kind in ("weight", "bias")}


def random_state(shape: Shape, seed: int = 0) -> State:
    """Weights large enough that a wrong layout shows, small enough that numbers stay in range."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, size in shapes(shape).items():
        spread = 0.5 * size[-1] ** -0.5 if len(size) == 2 else 0.1
        state[name] = torch.randn(size, generator=generator) * spread
        if "ln_" in name and name.endswith("weight"):
            state[name] += 1
    state["logit_scale"] = torch.tensor(2.5)
    return state


def meta_state(shape: Shape) -> State:
    """Shapes without numbers."""
    return {name: torch.empty(size, device="meta") for name, size in shapes(shape).items()}


def quick_gelu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.702 * x)


def _norm(x: Tensor, state: State, name: str) -> Tensor:
    return layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-5)


def _blocks(x: Tensor, state: State, tower: str, layers: int, mask: Tensor, *, quick: bool) -> Tensor:
    count, length, width = x.shape
    heads = width // 64
    for n in range(layers):
        part = {
            k.removeprefix(f"{tower}.resblocks.{n}."): v
            for k, v in state.items()
            if k.startswith(f"{tower}.resblocks.{n}.")
        }
        packed = linear(_norm(x, part, "ln_1"), part["attn.in_proj_weight"], part["attn.in_proj_bias"])
        q, k, v = packed.reshape(count, length, 3, heads, 64).permute(2, 0, 3, 1, 4)  # each [B, heads, L, 64]
        weights = softmax(q @ k.transpose(-1, -2) / 8 + mask, dim=-1)
        mixed = (weights @ v).transpose(1, 2).reshape(count, length, width)
        x = x + linear(mixed, part["attn.out_proj.weight"], part["attn.out_proj.bias"])
        inner = linear(_norm(x, part, "ln_2"), part["mlp.c_fc.weight"], part["mlp.c_fc.bias"])
        inner = quick_gelu(inner) if quick else gelu(inner)
        x = x + linear(inner, part["mlp.c_proj.weight"], part["mlp.c_proj.bias"])
    return x


def image_features(state: State, shape: Shape, pixels: Tensor, *, quick: bool = True) -> Tensor:
    patches = conv2d(pixels, state["visual.conv1.weight"], stride=shape.patch).flatten(2).transpose(1, 2)
    start = state["visual.class_embedding"].expand(len(pixels), 1, -1)
    x = torch.cat([start, patches], dim=1) + state["visual.positional_embedding"]
    x = _norm(x, state, "visual.ln_pre")
    x = _blocks(x, state, "visual.transformer", shape.vision_layers, torch.zeros(()), quick=quick)
    return _norm(x[:, 0], state, "visual.ln_post") @ state["visual.proj"]


def text_features(state: State, shape: Shape, ids: Tensor, *, quick: bool = True) -> Tensor:
    """`ids` [B, context], zero padded; read where the id is largest, as OpenAI does."""
    x = state["token_embedding.weight"][ids] + state["positional_embedding"][: ids.shape[1]]
    mask = torch.full((ids.shape[1], ids.shape[1]), -torch.inf).triu(1)
    x = _blocks(x, state, "transformer", shape.text_layers, mask, quick=quick)
    x = _norm(x, state, "ln_final")
    return x[torch.arange(len(ids)), ids.argmax(dim=-1)] @ state["text_projection"]


def logits(state: State, shape: Shape, pixels: Tensor, ids: Tensor, *, quick: bool = True) -> Tensor:
    image = image_features(state, shape, pixels, quick=quick)
    text = text_features(state, shape, ids, quick=quick)
    image, text = image / image.norm(dim=1, keepdim=True), text / text.norm(dim=1, keepdim=True)
    scaled: Tensor = state["logit_scale"].exp() * image @ text.T
    return scaled


def as_module(state: State) -> nn.Module:
    """A module tree whose state dict is `state`, to be scripted as OpenAI's archives were."""
    root = nn.Module()
    for name, value in state.items():
        *path, leaf = name.split(".")
        module = root
        for step in path:
            if not hasattr(module, step):
                module.add_module(step, nn.Module())
            module = getattr(module, step)
        module.register_buffer(leaf, value)
    return root
