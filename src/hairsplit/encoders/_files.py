"""Strangers' weight files, read without running what they hold."""

import pickle
import re
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json
from hairsplit.encoders.preprocess import OPENAI_MEAN, OPENAI_STD, Triple
from hairsplit.encoders.weights import HEAD_WIDTH, OPENAI_NUMBERS, Activation, StateDict

SUFFIXES = (".pt", ".pth", ".bin", ".safetensors", ".ckpt")
OPEN_CLIP_CONFIG = "open_clip_config.json"
_WRAPPERS = ("state_dict", "model_state_dict", "model")  # what training scripts put around their weights
_PREFIXES = ("module.", "model.")  # what DDP, DeepSpeed and modules that hold the model put before each name
_THESIS_MARKS = {"state_dict", "finetune_mode"}
"""Keys of the HNC thesis's checkpoints {epoch, state_dict, optimizer, finetune_mode}: fine-tunes of OpenAI's models."""


@dataclass(frozen=True)
class WeightsFile:
    """A state dict in OpenAI's layout and what else its file tells."""

    state: StateDict
    activation: Activation | None
    """None where the file does not tell it."""
    heads: tuple[int, int] | None = None
    """Attention heads (vision, text); None where it does not tell."""
    mean: Triple = OPENAI_MEAN
    std: Triple = OPENAI_STD


def read_weights(file: Path) -> WeightsFile:
    """Read an OpenAI or open_clip weights file and open_clip's configuration beside it, if there is one.

    An archive or state dict of OpenAI's (with its three numbers, or in half precision) has quick_gelu, and so has a
    checkpoint of the HNC thesis; open_clip's configuration says which; a bare state dict does not tell.

    Raises:
        HairsplitError: The file is torn, or holds more than tensors.
    """
    loaded = _read(file)
    state = _state_of(loaded, file)
    openai = any(key in state for key in OPENAI_NUMBERS) or any(t.dtype == torch.float16 for t in state.values())
    openai = openai or (isinstance(loaded, dict) and loaded.keys() >= _THESIS_MARKS)
    config = _open_clip_config(file)
    if config is None:
        return WeightsFile(state, "quick_gelu" if openai else None)
    try:
        model, preprocess = config.get("model_cfg", config), config.get("preprocess_cfg", {})
        vision, text = model["vision_cfg"], model["text_cfg"]
        return WeightsFile(
            state,
            "quick_gelu" if model.get("quick_gelu", False) else "gelu",
            heads=(vision["width"] // vision.get("head_width", HEAD_WIDTH), text.get("heads", 8)),  # 8: its default
            mean=cast(Triple, tuple(preprocess.get("mean", OPENAI_MEAN))),
            std=cast(Triple, tuple(preprocess.get("std", OPENAI_STD))),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise HairsplitError(
            f"the open_clip configuration beside it is not understood ({error!r})",
            where=str(file),
            hint="fetch it again",
        ) from None


def _open_clip_config(file: Path) -> Any:
    """`open_clip_config.json` of the same folder, or a model configuration of the same stem; None if there is none."""
    if (beside := file.parent / OPEN_CLIP_CONFIG).is_file():
        return read_json(beside)
    if (beside := file.with_suffix(".json")).is_file():
        config = read_json(beside)
        return config if isinstance(config, dict) and "vision_cfg" in config else None
    return None


def _read(file: Path) -> Any:
    if file.suffix != ".safetensors" and not (zipfile.is_zipfile(file) or _begins_as_pickle(file)):
        hint = f"weights are {', '.join(SUFFIXES)}; for a folder with config.json, name the folder"
        raise HairsplitError("this is no file of weights, or a torn one", where=str(file), hint=hint)
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        if _is_torchscript(file):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # the format is OpenAI's choice, not ours
                return torch.jit.load(str(file), map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own message advises to open it all the same; only the name of what it met is of use
        met = re.search(r"GLOBAL (\S+)", str(error))
        raise HairsplitError(
            f"holds more than tensors{f' ({met.group(1)})' if met else ''}, and is not opened",
            where=str(file),
            hint="save a plain state dict: torch.save(model.state_dict(), file)",
        ) from None
    except Exception as error:  # torn bytes make the readers fail in every way there is
        first = (str(error).splitlines() or ["no reason given"])[0]
        raise HairsplitError(f"cannot be read ({first})", where=str(file), hint="fetch or write it again") from None


def _begins_as_pickle(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(1) == b"\x80"  # as torch.save did before it wrote archives


def _is_torchscript(file: Path) -> bool:
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _state_of(loaded: Any, file: Path) -> StateDict:
    for wrapper in _WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(wrapper), dict):
            loaded = loaded[wrapper]
    if not isinstance(loaded, dict):
        raise HairsplitError("holds no state dict", where=str(file), hint="a mapping from names to tensors is needed")
    state: StateDict = {}
    for key, value in loaded.items():
        name = _bare(str(key))
        if name in state:
            hint = "keep one of them: the file holds more than one model"
            raise HairsplitError(f"{name!r} is there twice, once as {key!r}", where=str(file), hint=hint)
        if name in OPENAI_NUMBERS:
            state[name] = torch.as_tensor(value)
        elif isinstance(value, torch.Tensor):
            state[name] = value
        else:
            raise HairsplitError(
                f"{key!r} is no tensor", where=str(file), hint="a mapping from names to tensors is needed"
            )
    return state


def _bare(key: str) -> str:
    """The name without the prefixes that wrappers put before it, in whatever order; no name of CLIP's begins so."""
    while found := next((prefix for prefix in _PREFIXES if key.startswith(prefix)), None):
        key = key.removeprefix(found)
    return key
