"""LoRA: low-rank adapters beside the matrices of attention and MLP, merged into them when the model is written."""

import copy
import importlib.util
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Lt, MinLen
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from safetensors.torch import save_file
from torch import Tensor, nn

from hairsplit.core.errors import HairsplitError

ADAPTER = "adapter"
"""Sub folder of a saved model that holds its adapter alone."""
_NAME = "default"  # what peft calls an adapter that was given no name
_PREFIX = "base_model.model."  # what peft puts before every name in its files
_TARGETS = {"attention": r"self_attn\.(q_proj|k_proj|v_proj|out_proj)", "mlp": r"mlp\.(fc1|fc2)"}
_TOWERS = {"both": "(text_model|vision_model)", "text": "text_model", "vision": "vision_model"}

Target = Literal["attention", "mlp"]


@dataclass(
    frozen=True, kw_only=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
)
class LoraConfig:
    """Adapters of `trainable: lora` (Hu et al., arXiv:2106.09685): W x becomes W x + (alpha / rank) B A x."""

    rank: Annotated[int, Gt(0)] = 8
    """Rows of A and columns of B, of each adapted matrix."""
    alpha: Annotated[float, Gt(0)] = 16.0
    """The adapter counts alpha / rank times (dimensionless)."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Share of the adapter's inputs that are dropped in training."""
    towers: Literal["both", "text", "vision"] = "both"
    """Towers that are adapted; the other one is frozen."""
    targets: Annotated[tuple[Target, ...], MinLen(1)] = field(default=("attention", "mlp"))
    """Matrices that are adapted: attention is query, key, value and output; mlp is both layers."""


def is_adapted(model: nn.Module) -> bool:
    """Whether `model` has adapters."""
    return next(_adapted(model), None) is not None


def add_adapters(model: nn.Module, config: LoraConfig, *, seed: int = 0) -> None:
    """Put adapters into a CLIPModel, which computes what it did before: B begins at zero.

    The model keeps its class and the places of its blocks; an adapted matrix `x` becomes `x.base_layer`, `x.lora_A`
    and `x.lora_B`. Only the adapters learn after this. A is drawn with `seed`; the global random state is left alone.

    Raises:
        HairsplitError: peft is not installed, or the model has adapters already.
    """
    if importlib.util.find_spec("peft") is None:
        raise HairsplitError("lora needs peft", where="trainable", hint="pip install 'hairsplit[lora]'")
    if is_adapted(model):
        raise HairsplitError("the model has adapters already", where="trainable", hint="merge them first")
    import peft

    places = "|".join(_TARGETS[target] for target in config.targets)
    settings = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=rf"{_TOWERS[config.towers]}\.encoder\.layers\.\d+\.({places})",
        bias="none",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        peft.inject_adapter_in_model(settings, model, adapter_name=_NAME)


def is_adapter(name: str) -> bool:
    """Whether a parameter's name is that of an adapter's A or B."""
    return ".lora_A." in name or ".lora_B." in name


@torch.no_grad()
def plain_state(model: nn.Module) -> dict[str, Tensor]:
    """The state dict of a CLIPModel with its adapters merged, under the names that it has without adapters.

    W + (alpha / rank) B A, computed by peft in the weights' own precision. Without adapters, the model's own state.
    """
    state = {
        name.replace(".base_layer.", "."): value for name, value in model.state_dict().items() if not is_adapter(name)
    }
    for name, module in _adapted(model):
        weight = f"{name}.weight"
        state[weight] = state[weight] + module.get_delta_weight(_NAME)
    return state


@torch.no_grad()
def merge(model: nn.Module) -> None:
    """Merge adapters for good: each adapted matrix is a plain one again; nothing happens where there is none."""
    for name, module in list(_adapted(model)):
        plain = module.base_layer
        plain.weight.add_(module.get_delta_weight(_NAME))
        owner, _, place = name.rpartition(".")
        setattr(model.get_submodule(owner), place, plain)
    if hasattr(model, "peft_config"):
        del model.peft_config


def save_adapter(model: nn.Module, folder: Path, base: str) -> None:
    """Write the adapter alone as peft does, for `PeftModel.from_pretrained(base model, folder)`.

    Args:
        model: With adapters.
        folder: Made if missing; gets adapter_model.safetensors and adapter_config.json.
        base: What the model without adapters is called, for whoever reads the configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        _PREFIX + name.replace(f".{_NAME}.", "."): value.detach().cpu().contiguous()
        for name, value in model.state_dict().items()
        if is_adapter(name)
    }
    save_file(state, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    settings: Any = copy.copy(model.peft_config[_NAME])  # type: ignore[index]
    settings.inference_mode, settings.base_model_name_or_path = True, base
    settings.save_pretrained(folder)


def _adapted(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Name and module of each adapted matrix, in the model's order; known by what peft gives them."""
    for name, module in model.named_modules():
        if hasattr(module, "lora_A") and hasattr(module, "base_layer"):
            yield name, module
