"""From what a user calls a model to a DualEncoder."""

import pickle
import re
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from safetensors import SafetensorError
from transformers import CLIPModel

from hairsplit.core.catalog import nearest
from hairsplit.core.downloads import DOWNLOAD, may_download
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json
from hairsplit.encoders._files import OPEN_CLIP_CONFIG, SUFFIXES, read_weights
from hairsplit.encoders._progress import no_progress_bar
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.preprocess import FILE as PREPROCESS_FILE
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.encoders.tokens import Tokenizer, shipped_merges
from hairsplit.encoders.weights import RESNET_HINT, Activation, build_model

TINY = Path(__file__).parent / "tiny"
OPENAI_NAMES = {
    "ViT-B/32": "openai/clip-vit-base-patch32",
    "ViT-B/16": "openai/clip-vit-base-patch16",
    "ViT-L/14": "openai/clip-vit-large-patch14",
    "ViT-L/14@336px": "openai/clip-vit-large-patch14-336",
}
"""OpenAI's names -> hub ids."""

_CHECKPOINTS = ("best", "checkpoints/best", "last", "checkpoints/last")
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_RESNET = re.compile(r"RN\d+(x\d+)?")
_BYTES_AND_SPECIALS = 514
_FULL_VOCABULARY = 49_408
_WHAT = "a MODEL is 'tiny', a run folder, a transformers folder, OpenAI or open_clip weights, or a hub id"


def load_spec(spec: str | Path, *, activation: Activation | None, download: bool | None) -> DualEncoder:
    """See `dual_encoder.load`."""
    text = str(spec)
    if text == "tiny":
        if not _is_transformers(TINY):
            raise HairsplitError("the weights of 'tiny' are missing", where=str(TINY), hint="install hairsplit again")
        return _transformers_folder(TINY, "tiny")
    if not text:
        raise HairsplitError("no such file or folder: the name is empty", where="model", hint=_WHAT)
    path = Path(text).expanduser()
    if path.is_dir():
        return _folder(path, activation)
    if path.is_file():
        return _weights_file(path, activation)
    for choice in ("gelu", "quick_gelu"):
        if text.endswith(f"@{choice}") and (file := Path(text.removesuffix(f"@{choice}")).expanduser()).is_file():
            return _weights_file(file, choice)
    if _RESNET.fullmatch(text):
        raise HairsplitError(f"{text} is a ResNet CLIP", where="model", hint=RESNET_HINT)
    hub_id = OPENAI_NAMES.get(text, text)
    if isinstance(spec, Path) or path.suffix in SUFFIXES or not _HUB_ID.fullmatch(hub_id) or text[0] in "./~":
        raise HairsplitError("no such file or folder", where=text, hint=_near(path))
    return _hub(hub_id, _near(path), download=may_download() if download is None else download)


def _near(path: Path) -> str:
    """What the user may have meant: a known name, or a neighbour on the disk."""
    folder = path.parent
    neighbours = [str(folder / child.name) for child in sorted(folder.iterdir())] if folder.is_dir() else []
    hint = nearest(str(path), ["tiny", *OPENAI_NAMES, *neighbours])
    return hint if hint.startswith("did you mean") else _WHAT


def _folder(folder: Path, activation: Activation | None) -> DualEncoder:
    if _is_transformers(folder):
        return _transformers_folder(folder, str(folder))
    for name in _CHECKPOINTS:
        if _is_transformers(folder / name):
            return _transformers_folder(folder / name, str(folder))
    if (folder / OPEN_CLIP_CONFIG).is_file():
        for file in sorted(folder.iterdir(), key=lambda f: (f.suffix != ".safetensors", f.name)):
            if file.suffix in SUFFIXES:
                return _weights_file(file, activation)
    if (folder / "adapter_config.json").is_file():
        hint = "name the folder above it, if hairsplit wrote it; else merge it (peft: merge_and_unload) and save that"
        raise HairsplitError("holds an adapter without its model", where=str(folder), hint=hint)
    raise HairsplitError(
        "holds no model: neither config.json with weights, nor checkpoints/best or checkpoints/last",
        where=str(folder),
        hint=_WHAT,
    )


def _is_transformers(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any((folder / name).is_file() for name in _WEIGHTS)


def _transformers_folder(folder: Path, name: str) -> DualEncoder:
    kind = read_json(folder / "config.json").get("model_type")
    if kind != "clip":
        raise HairsplitError(
            f"this is a {kind!r} model, not CLIP", where=str(folder), hint="give one whose model_type is 'clip'"
        )
    try:
        model = _pretrained(str(folder), local_only=True)
    except (OSError, ValueError, RuntimeError, SafetensorError, pickle.UnpicklingError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise HairsplitError(
            f"the model cannot be read ({first})", where=str(folder), hint="fetch or write it again"
        ) from None
    return _encoder(model, folder, name)


def _hub(hub_id: str, near: str, *, download: bool) -> DualEncoder:
    try:
        small = snapshot_download(hub_id, allow_patterns=["*.json", "*.txt"], local_files_only=not download)
        kind = read_json(Path(small) / "config.json").get("model_type")
        if kind != "clip":
            raise HairsplitError(f"this is a {kind!r} model, not CLIP", where=hub_id, hint="model_type must be 'clip'")
        return _encoder(_pretrained(hub_id, local_only=not download), Path(small), hub_id)
    except (OSError, ValueError) as error:
        if download:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise HairsplitError(f"cannot be fetched ({first})", where=hub_id, hint=near) from None
        fetch = f"if it is on the hub, {DOWNLOAD}=1 allows fetching it"
        message = "no such file or folder, nor a hub model that was fetched before"
        hint = f"{near} {fetch}" if near.endswith("?") else f"{near}; {fetch}"
        raise HairsplitError(message, where=hub_id, hint=hint) from None


def _pretrained(place: str, *, local_only: bool) -> CLIPModel:
    with no_progress_bar():
        model, info = CLIPModel.from_pretrained(
            place,
            local_files_only=local_only,
            dtype=torch.float32,
            attn_implementation="sdpa",
            output_loading_info=True,
        )
    odd = [key for key in info["unexpected_keys"] if not key.endswith("position_ids")]  # kept by old versions
    wrong = {"missing": info["missing_keys"], "unknown": odd, "misshapen": info["mismatched_keys"]}
    said = [f"{word} {', '.join(sorted(map(str, keys))[:8])}" for word, keys in wrong.items() if keys]
    if said:  # transformers would make random weights of them
        raise HairsplitError(f"weights do not fit: {'; '.join(said)}", where=place, hint="fetch or write it again")
    return model.eval()


def _encoder(model: CLIPModel, folder: Path, name: str) -> DualEncoder:
    text, vision = model.config.text_config, model.config.vision_config
    tokenizer = Tokenizer.load(folder) if Tokenizer.is_in(folder) else _tokenizer_for(text.vocab_size, name)
    has_settings = (folder / PREPROCESS_FILE).is_file()
    preprocess = Preprocess.load(folder) if has_settings else Preprocess(vision.image_size)
    return DualEncoder(model, tokenizer, preprocess, name)


def _weights_file(file: Path, activation: Activation | None) -> DualEncoder:
    weights = read_weights(file)
    told = weights.activation
    if activation is not None and told is not None and activation != told:
        raise HairsplitError(f"the file says {told}, you say {activation}", where=str(file), hint="leave it out")
    chosen = activation or told
    if chosen is None:
        raise HairsplitError(
            "a bare state dict does not tell the activation of its MLPs, and the wrong one spoils the model",
            where=str(file),
            hint=f"write {file}@quick_gelu for OpenAI's models and their fine-tunes, or {file}@gelu for most of "
            "open_clip's own (LAION, DataComp); or put its open_clip_config.json beside it",
        )
    model = build_model(weights.state, chosen, heads=weights.heads, where=str(file))
    config = model.config
    tokenizer = _tokenizer_for(config.text_config.vocab_size, str(file))
    preprocess = Preprocess(config.vision_config.image_size, weights.mean, weights.std)
    return DualEncoder(model, tokenizer, preprocess, str(file))


def _tokenizer_for(vocabulary: int, where: str) -> Tokenizer:
    """CLIP's tokenizer, or its beginning for a smaller vocabulary: a size is all that a state dict tells."""
    if vocabulary == _FULL_VOCABULARY:
        return Tokenizer()
    if not 0 <= vocabulary - _BYTES_AND_SPECIALS <= len(shipped_merges()):
        raise HairsplitError(
            f"{vocabulary} token ids are not CLIP's {_FULL_VOCABULARY}",
            where=where,
            hint="put its vocab.json beside it",
        )
    return Tokenizer(vocabulary - _BYTES_AND_SPECIALS)
