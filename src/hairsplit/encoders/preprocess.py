"""Images -> pixels as OpenAI's CLIP sees them, with Pillow and NumPy only.

Follows torchvision's Resize (Pillow's antialiased filter on the shorter side), CenterCrop, ToTensor and Normalize.
transformers' CLIPImageProcessor rounds the crop's corner down instead of to the nearest even, which moves every third
photo by a pixel.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json

OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)
FILE = "preprocessor_config.json"
_STEPS = "CLIP's steps are: resize the shorter side, crop the middle, rescale, normalise"
_LONGEST = 64
"""Longer side over shorter side at which resizing the shorter side would fill the memory."""

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocess:
    """Resize the shorter side, cut out the middle, scale to [0, 1], normalise.

    Calling it with an RGB image gives float32 [3, size, size].

    Raises:
        HairsplitError: The numbers make no sense together; or, when called, the image is not RGB or is a sliver.
    """

    size: int
    """Width and height of the result, pixels."""
    mean: Triple = OPENAI_MEAN
    """Subtracted per channel, after scaling to [0, 1]."""
    std: Triple = OPENAI_STD
    """Divided by per channel."""
    resample: int = Image.Resampling.BICUBIC.value
    """Pillow's number of the filter."""
    shortest_edge: int | None = None
    """Length of the shorter side before cropping, pixels; None for `size`."""
    _table: NDArray[np.float32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        edge = self.size if self.shortest_edge is None else self.shortest_edge
        wrong = {
            f"size={self.size} is not positive": self.size < 1,
            f"shortest_edge={edge} is below size={self.size}: the crop would need padding": edge < self.size,
            f"mean={self.mean} and std={self.std} need three numbers": len(self.mean) != 3 or len(self.std) != 3,
            f"std={self.std} has a number that is not positive": min(self.std, default=0) <= 0,
            f"resample={self.resample} is no filter of Pillow": self.resample not in list(Image.Resampling),
        }
        for message in (text for text, is_wrong in wrong.items() if is_wrong):
            raise HairsplitError(message, where="image preprocessing", hint=_STEPS)
        # all 256 values of a channel, worked out once with torchvision's own arithmetic: exact, and a mere look-up
        scaled = np.arange(256, dtype=np.float32) / np.float32(255)
        mean, std = (np.array(triple, np.float32)[:, None] for triple in (self.mean, self.std))
        object.__setattr__(self, "shortest_edge", edge)
        object.__setattr__(self, "_table", (scaled - mean) / std)  # [3, 256]

    def __call__(self, image: Image.Image) -> NDArray[np.float32]:
        """float32 [3, size, size] of an RGB image of any shape."""
        if image.mode != "RGB":
            raise HairsplitError(
                f"the image is {image.mode}, not RGB", where="image preprocessing", hint="convert it to RGB first"
            )
        return self.normalised(self.cropped(image))

    def cropped(self, image: Image.Image) -> NDArray[np.uint8]:
        """uint8 [size, size, 3] of an RGB image: resized and cropped, not yet normalised (a quarter of the memory)."""
        pixels: NDArray[np.uint8] = np.asarray(self._cropped(self._resized(image)))
        return pixels

    def normalised(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """float32 [3, size, size] of what `cropped` gave."""
        return np.stack([self._table[channel][pixels[..., channel]] for channel in range(3)])

    def _resized(self, image: Image.Image) -> Image.Image:
        width, height = image.size
        short, long = min(width, height), max(width, height)
        if short < 1 or long > _LONGEST * short:
            raise HairsplitError(
                f"{width} x {height} pixels is too thin a picture",
                where="image preprocessing",
                hint=f"the longer side may be {_LONGEST} times the shorter one at most",
            )
        edge = self.shortest_edge or self.size
        longer = int(edge * long / short)  # torchvision rounds down
        target = (edge, longer) if width <= height else (longer, edge)
        return image if target == image.size else image.resize(target, Image.Resampling(self.resample))

    def _cropped(self, image: Image.Image) -> Image.Image:
        if image.size == (self.size, self.size):
            return image
        left = round((image.width - self.size) / 2)  # to the nearest, halves to even
        top = round((image.height - self.size) / 2)
        return image.crop((left, top, left + self.size, top + self.size))

    def save(self, folder: Path) -> None:
        """Write `preprocessor_config.json` as transformers' CLIPImageProcessor reads it."""
        settings = {
            "image_processor_type": "CLIPImageProcessor",
            "do_convert_rgb": True,
            "do_resize": True,
            "size": {"shortest_edge": self.shortest_edge},
            "resample": int(self.resample),
            "do_center_crop": True,
            "crop_size": {"height": self.size, "width": self.size},
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": list(self.mean),
            "image_std": list(self.std),
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(json.dumps(settings, indent=2) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a transformers folder's `preprocessor_config.json`.

        Raises:
            HairsplitError: It is missing, torn, or asks for what is not done here.
        """
        file = folder / FILE
        settings = read_json(file)
        if not isinstance(settings, dict):
            raise HairsplitError("not a preprocessor's settings", where=str(file), hint="it must be a JSON object")
        for key in ("do_resize", "do_center_crop", "do_rescale"):
            if settings.get(key, True) is not True:
                raise _unable(f"{key}={settings[key]!r} is not supported", file)
        factor = settings.get("rescale_factor", 1 / 255)
        if not isinstance(factor, int | float) or abs(factor * 255 - 1) > 1e-6:
            raise _unable(f"rescale_factor={factor!r} is not 1/255", file)
        normalise = settings.get("do_normalize", True)
        edge = _length(settings.get("size", 224), ("shortest_edge",), "size", file)
        crop = _length(settings.get("crop_size", edge), ("height", "width"), "crop_size", file)
        return cls(
            size=crop,
            mean=_triple(settings.get("image_mean", OPENAI_MEAN), "image_mean", file) if normalise else (0.0, 0.0, 0.0),
            std=_triple(settings.get("image_std", OPENAI_STD), "image_std", file) if normalise else (1.0, 1.0, 1.0),
            resample=settings.get("resample", Image.Resampling.BICUBIC.value),
            shortest_edge=edge,
        )


def _unable(message: str, file: Path) -> HairsplitError:
    return HairsplitError(message, where=str(file), hint=_STEPS)


def _length(value: Any, keys: tuple[str, ...], name: str, file: Path) -> int:
    """A side in pixels, written as a number or as an object whose `keys` all hold the same number."""
    lengths = {value} if isinstance(value, int) else set()
    if isinstance(value, dict) and set(value) == set(keys):
        lengths = {value[key] for key in keys}
    if len(lengths) != 1 or not isinstance(length := lengths.pop(), int) or isinstance(length, bool):
        raise _unable(f"{name}={value!r} is not supported", file)
    return length


def _triple(value: Any, name: str, file: Path) -> Triple:
    if not isinstance(value, list | tuple) or len(value) != 3 or not all(isinstance(x, int | float) for x in value):
        raise _unable(f"{name}={value!r} is not three numbers", file)
    return (float(value[0]), float(value[1]), float(value[2]))
