"""Images per second, from files to normalised pixels: ours beside Pillow's plain path and torchvision's.

    python benchmarks/images.py --images DIR [--count 300] [--size 224] [--rounds 5]

torchvision (and simplejpeg) are no dependencies: put them on PYTHONPATH to have them measured. All paths do the same
work: decode, resize the shorter side (bicubic, antialiased), crop the middle, normalise. How far each is from ours is
printed first, in steps of 1/255: a faster path that is not equal is not a replacement.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from hairsplit.core.images import decode
from hairsplit.data.pixel_cache import PixelCache
from hairsplit.encoders.preprocess import OPENAI_MEAN, OPENAI_STD, Preprocess

Floats = NDArray[np.float32]
Path_ = Callable[[Path], Floats]
MEAN, STD = np.array(OPENAI_MEAN, np.float32), np.array(OPENAI_STD, np.float32)


def plain(preprocess: Preprocess) -> Path_:
    """Pillow as most write it: open, convert, resize, crop, float, normalise."""
    size = preprocess.size

    def path(file: Path) -> Floats:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
        width, height = image.size
        image = image.resize(
            (size, int(size * height / width)) if width <= height else (int(size * width / height), size),
            Image.Resampling.BICUBIC,
        )
        left, top = round((image.width - size) / 2), round((image.height - size) / 2)
        pixels = np.asarray(image.crop((left, top, left + size, top + size)), np.float32) / np.float32(255)
        return np.ascontiguousarray(((pixels - MEAN) / STD).transpose(2, 0, 1))

    return path


def draft(preprocess: Preprocess) -> Path_:
    """Pillow, letting the JPEG decoder make the picture smaller (`draft`)."""

    def path(file: Path) -> Floats:
        with Image.open(file) as opened:
            opened.draft("RGB", (preprocess.size, preprocess.size))
            return preprocess(opened.convert("RGB"))

    return path


def simplejpeg_path(preprocess: Preprocess) -> Path_:
    """libjpeg-turbo through simplejpeg, then ours."""
    import simplejpeg

    def path(file: Path) -> Floats:
        return preprocess(Image.fromarray(simplejpeg.decode_jpeg(file.read_bytes(), "RGB")))

    return path


def torchvision_pil(preprocess: Preprocess) -> Path_:
    """Torchvision's transforms on a Pillow image: CLIP's reference."""
    from torchvision.transforms import v2

    steps = _steps(v2, preprocess, first=v2.PILToTensor(), tensors=False)

    def path(file: Path) -> Floats:
        with Image.open(file) as opened:
            made: Floats = steps(opened.convert("RGB")).numpy()
        return made

    return path


def torchvision_tensor(preprocess: Preprocess) -> Path_:
    """Torchvision's own decoder, and transforms on tensors."""
    from torchvision.io import ImageReadMode, decode_jpeg, read_file
    from torchvision.transforms import v2

    steps = _steps(v2, preprocess, first=None, tensors=True)

    def path(file: Path) -> Floats:
        made: Floats = steps(decode_jpeg(read_file(str(file)), mode=ImageReadMode.RGB)).numpy()
        return made

    return path


def _steps(v2: Any, preprocess: Preprocess, *, first: Any, tensors: bool) -> Any:
    bicubic = v2.InterpolationMode.BICUBIC
    resize = [v2.Resize(preprocess.size, bicubic, antialias=True), v2.CenterCrop(preprocess.size)]
    scale = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(OPENAI_MEAN, OPENAI_STD)]
    return v2.Compose([*resize, *scale] if tensors else [*resize, first, *scale])


def paths(preprocess: Preprocess, folder: Path, files: list[Path]) -> dict[str, Path_]:
    """Every way that is installed here, ours first."""
    cache = PixelCache(folder, preprocess, megabytes=4096)
    keys = {file: n for n, file in enumerate(files)}
    for file, key in keys.items():
        cache.put(key, preprocess.cropped(decode(file)))

    def cached(file: Path) -> Floats:
        kept = cache.get(keys[file])
        return preprocess.normalised(kept if kept is not None else preprocess.cropped(decode(file)))

    found: dict[str, Path_] = {
        "ours": lambda file: preprocess(decode(file)),
        "ours, from the pixel cache": cached,
        "Pillow, plain": plain(preprocess),
        "Pillow, draft": draft(preprocess),
    }
    others = {
        "simplejpeg + ours": simplejpeg_path,
        "torchvision on Pillow": torchvision_pil,
        "torchvision on tensors": torchvision_tensor,
    }
    for name, make in others.items():
        try:
            path = make(preprocess)
            path(files[0])
            found[name] = path
        except Exception as error:  # not installed, or not for this torch
            print(f"{name}: not measured ({str(error).splitlines()[0]})")
    return found


def main() -> None:
    """Print differences, then speeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True, help="folder of JPEG photos")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    files = sorted(options.images.rglob("*.jpg"))[: options.count]
    preprocess = Preprocess(options.size)
    with tempfile.TemporaryDirectory() as folder:
        known = paths(preprocess, Path(folder), files)
        sizes = statistics.median(max(Image.open(file).size) for file in files)
        print(f"{platform.machine()}, {os.cpu_count()} cores, one thread; {len(files)} photos, longer side {sizes:.0f}")
        report(known, files, options.rounds)


def report(known: dict[str, Path_], files: list[Path], rounds: int) -> None:
    """One line per way."""
    step = (1 / 255 / STD).reshape(3, 1, 1)
    ours = known["ours"]
    worst = {name: max(float((np.abs(path(f) - ours(f)) / step).max()) for f in files) for name, path in known.items()}
    times: dict[str, list[float]] = {name: [] for name in known}
    for _ in range(rounds):  # interleaved: what disturbs one disturbs all
        for name, path in known.items():
            started = time.perf_counter()
            for file in files:
                path(file)
            times[name].append(time.perf_counter() - started)
    base = statistics.median(times["Pillow, plain"])
    for name, seconds in times.items():
        rates = sorted(len(files) / s for s in seconds)
        print(
            f"{name:<28}{statistics.median(rates):>8,.0f} images/s [{rates[0]:,.0f} to {rates[-1]:,.0f}]"
            f"{base / statistics.median(seconds):>7.2f} x plain   off by {worst[name]:.2f}/255 at most"
        )
    with ThreadPoolExecutor(2) as pool:
        started = time.perf_counter()
        list(pool.map(ours, files))
        print(f"{'ours, two threads':<28}{len(files) / (time.perf_counter() - started):>8,.0f} images/s")


if __name__ == "__main__":
    main()
