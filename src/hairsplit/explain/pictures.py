"""Pictures as the image tower sees them: pixels, the blank they are compared with, and where each patch lies."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from hairsplit.core.attribution import View
from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.explain.config import ImageReference

BLUR = 1 / 8
"""Standard deviation of the blurred reference, over the side of what the model sees."""

Picture = Image.Image | Path | str
"""A picture, or the file that holds one."""


def opened(picture: Picture) -> Image.Image:
    """The picture, in memory or from its file.

    Raises:
        HairsplitError: The file is missing or no picture.
    """
    if isinstance(picture, Image.Image):
        return picture
    return decode(Path(picture))


def pixels(preprocess: Preprocess, picture: Image.Image) -> Tensor:
    """[3, H, W], normalised."""
    return torch.from_numpy(preprocess(picture))


def blank_pixels(preprocess: Preprocess, picture: Image.Image, kind: ImageReference) -> Tensor:
    """[3, H, W] of the reference image, see `ExplainConfig.image_reference`."""
    side = preprocess.size
    if kind == "mean":
        return torch.zeros(3, side, side)
    seen = np.zeros((side, side, 3), np.uint8)
    if kind == "blur":
        crop = Image.fromarray(preprocess.cropped(picture))
        seen = np.asarray(crop.filter(ImageFilter.GaussianBlur(BLUR * side)))
    return torch.from_numpy(preprocess.normalised(seen))


def view(preprocess: Preprocess, size: tuple[int, int], grid: tuple[int, int], patch: float) -> View:
    """Where the patches lie in a picture of `size` (width, height), which `preprocess` resizes and crops."""
    width, height = size
    edge = preprocess.shortest_edge or preprocess.size
    longer = int(edge * max(size) / min(size))  # as in preprocessing
    target = (edge, longer) if width <= height else (longer, edge)
    offset = (float(round((one - preprocess.size) / 2)) for one in target)
    rows, columns = grid
    across, down = (new / old for new, old in zip(target, size, strict=True))
    left, top = offset
    return View(rows, columns, patch, (across, down), (left, top))


def check_finite(values: Tensor, what: str) -> None:
    """Refuse numbers that no sum can be made of.

    Raises:
        HairsplitError: Some are not finite.
    """
    if not torch.isfinite(values).all():
        raise HairsplitError(f"{what} is not finite", where="explain", hint="check the weights of the model")
