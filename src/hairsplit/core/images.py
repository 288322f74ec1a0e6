"""Decode strangers' pictures safely: bounded size, every mode, EXIF orientation, no path out of its root."""

import re
import threading
import warnings
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from hairsplit.core.errors import HairsplitError

MAX_PIXELS = 64_000_000
"""Larger pictures are refused: decoding one would take more than 200 MB."""
MAX_BYTES = 256 * 1024 * 1024
_ODDITIES = ("ignore", None, UserWarning, re.compile(r"PIL\."), 0)
"""Pillow's remarks on damaged metadata, which are of no concern here: what it cannot decode is an error."""
_FILTERS = threading.Lock()
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")


def inside(root: Path, relative: str) -> Path:
    """The path of `relative` under `root`.

    Raises:
        HairsplitError: `relative` is absolute or leaves the root (also through a link).
    """
    pure = PurePosixPath(relative)
    leaves = pure.is_absolute() or PureWindowsPath(relative).drive or ".." in pure.parts
    if not relative or leaves or "\\" in relative or "\0" in relative:
        raise HairsplitError(
            f"the image path {relative!r} is not a plain path below the images root",
            where=str(root),
            hint="write paths relative to --images, without '..' and not absolute",
        )
    path = root / pure
    if not path.resolve().is_relative_to(root.resolve()):
        raise HairsplitError(
            f"the image path {relative!r} leaves the images root through a link", where=str(root), hint="copy the file"
        )
    return path


def check_root(root: Path) -> None:
    """Refuse an images root that is not there.

    Raises:
        HairsplitError: There is no such folder.
    """
    if not root.is_dir():
        raise HairsplitError("the images folder does not exist", where=str(root), hint="say where: --images DIR")


def decode(path: Path) -> Image.Image:
    """The picture as upright RGB; 16-bit, palette, grey, transparent (on white) and CMYK pictures are converted.

    Raises:
        HairsplitError: Missing, not a picture, truncated, or larger than `MAX_PIXELS` or `MAX_BYTES`.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise HairsplitError(
                f"the file has {path.stat().st_size:,} bytes", where=str(path), hint=f"at most {MAX_BYTES:,} are read"
            )
        _ignore_oddities()
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise HairsplitError(
                    f"the picture has {picture.width} x {picture.height} pixels",
                    where=str(path),
                    hint=f"at most {MAX_PIXELS:,} pixels are decoded; make it smaller first",
                )
            picture.load()
            return _rgb(ImageOps.exif_transpose(picture))
    except FileNotFoundError:
        raise HairsplitError("no such picture", where=str(path), hint="check --images") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # Pillow's bounds lie above ours
        raise HairsplitError(
            "the picture is too large", where=str(path), hint=f"at most {MAX_PIXELS:,} pixels are decoded"
        ) from None
    except UnidentifiedImageError:
        raise HairsplitError("not a picture", where=str(path), hint=f"formats read: {', '.join(FORMATS)}") from None
    except HairsplitError:
        raise
    except Exception as error:  # of damaged files Pillow raises nearly anything, such as TypeError
        raise HairsplitError(f"broken picture ({error})", where=str(path), hint="fetch the file again") from None


def _ignore_oddities() -> None:
    """Put the filter in if it is not there; it is never taken out.

    `warnings.catch_warnings` would do so, but threads share the filters: one that leaves puts back what another one has
    just changed. Only warnings that come from Pillow's own modules are meant, and not those of too large a picture.
    """
    with _FILTERS:  # putting it in a second time would take it out for a moment
        if _ODDITIES not in warnings.filters:
            warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    if picture.mode.startswith(("I", "F")):  # 16 or 32 bits a pixel: convert("RGB") would clip instead of scale
        values = np.asarray(picture, np.float64)
        top = 255.0 if values.max(initial=0) <= 255 and not picture.mode.startswith("I;16") else 65535.0
        return Image.fromarray(np.clip(values * (255.0 / top), 0, 255).round().astype(np.uint8)).convert("RGB")
    if picture.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return picture.convert("RGB")
