"""Encode each unique picture and caption of a suite once, and read off every item's cosines."""

import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import MAX_PIXELS, decode
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.benchmarks._benchmark import Picture, Question
from hairsplit.evaluate.benchmarks._files import Pictures
from hairsplit.evaluate.benchmarks._outcomes import Cosines, Outcome, at_least, clearly
from hairsplit.evaluate.embed import Matrix, Progress, embed_texts, encode_pixels, unique
from hairsplit.evaluate.embedding_cache import PART, KeptEmbeddings, mirrored_key
from hairsplit.evaluate.metrics import paired_cosines

FloatArray = NDArray[np.float64]
_ROWS = 8_192
"""Cosines worked out at once: 8,192 rows of 768 numbers in float64 are 50 MB, twice."""


@dataclass(frozen=True)
class EmbeddedPictures:
    """Unit embeddings [n, D] of pictures, and which of them could not be decoded."""

    embeddings: Matrix
    number: dict[Picture, int]
    broken: dict[Picture, str]


def embed_pictures(
    encoder: DualEncoder,
    pictures: Pictures,
    wanted: Sequence[Picture],
    *,
    allow_missing: bool,
    batch: int = 128,
    threads: int = 2,
    kept: KeptEmbeddings | None = None,
    tick: Progress | None = None,
) -> EmbeddedPictures:
    """Encode each of `wanted`, unique and found, cut to its box and mirrored; as `embed_images` does whole pictures.

    With `kept`, those of the encoder, what is there is read, and what is not is added.

    Raises:
        HairsplitError: A picture is broken, and broken ones were not allowed; or none is left.
    """
    encode = partial(_encode, encoder, pictures, allow_missing=allow_missing, threads=threads)
    if kept is None:
        embeddings, broken = encode(wanted, batch=batch, tick=tick)
    else:
        plain = kept.picture_keys([(pictures.paths[picture], picture.box) for picture in wanted])
        keys = [mirrored_key(key) if picture.mirrored else key for key, picture in zip(plain, wanted, strict=True)]
        missing, embeddings = kept.read("image", keys, tick)
        broken = {}
        made: dict[bytes, NDArray[np.float32]] = {}
        for start in range(0, len(missing), PART):
            part = [wanted[n] for n in missing[start : start + PART]]
            fresh, bad = encode(part, batch=kept.rows, whole=True)
            broken |= bad
            good = [n for n, picture in zip(missing[start : start + PART], part, strict=True) if picture not in bad]
            rows = fresh[[n for n, picture in enumerate(part) if picture not in bad]]
            kept.write("image", [keys[n] for n in good], rows, tick)
            made |= {keys[n]: row for n, row in zip(good, rows, strict=True)}
        unread = {keys[n] for n in missing}
        for n, key in enumerate(keys):
            if key in made:
                embeddings[n] = made[key]
            elif key in unread:  # the same broken file under another name
                broken.setdefault(wanted[n], "broken picture")
    good = [n for n, picture in enumerate(wanted) if picture not in broken]
    if not good:
        raise HairsplitError(
            f"none of {len(wanted):,} pictures can be decoded", where=str(pictures.root), hint="fetch them again"
        )
    return EmbeddedPictures(embeddings[good], {wanted[n]: row for row, n in enumerate(good)}, broken)


def _encode(
    encoder: DualEncoder,
    pictures: Pictures,
    wanted: Sequence[Picture],
    *,
    allow_missing: bool,
    batch: int,
    threads: int,
    whole: bool = False,
    tick: Progress | None = None,
) -> tuple[Matrix, dict[Picture, str]]:
    """[n, D] of all that are `wanted`, the rows of those that are broken being of no use, and why they are."""
    preprocess = encoder.preprocess
    broken: dict[Picture, str] = {}
    blank = np.zeros((3, preprocess.size, preprocess.size), np.float32)

    def load(picture: Picture) -> NDArray[np.uint8] | HairsplitError:
        try:
            return preprocess.cropped(cut(pictures.paths[picture], picture))
        except HairsplitError as error:
            return error

    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:

        def pixels(part: Sequence[Picture]) -> torch.Tensor:
            shown = []
            for picture, loaded in zip(part, pool.map(load, part), strict=True):
                if isinstance(loaded, HairsplitError):
                    if not allow_missing:
                        raise loaded
                    broken[picture] = str(loaded)
                    shown.append(blank)
                else:
                    shown.append(preprocess.normalised(loaded))
            return torch.from_numpy(np.stack(shown))

        with warnings.catch_warnings():  # `decode` swaps the filters, which all threads share
            warnings.simplefilter("ignore")
            found = encode_pixels(encoder, wanted, pixels, batch=batch, whole=whole, tick=tick)
    return found, broken


def cut(path: Path, picture: Picture) -> Image.Image:
    """The picture, cut to its box, and mirrored if it is to be.

    Raises:
        HairsplitError: It is broken, or its box lies outside of it.
    """
    shown = _cut(path, picture)
    return shown.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if picture.mirrored else shown


def _cut(path: Path, picture: Picture) -> Image.Image:
    whole = decode(path)
    if picture.box is None:
        return whole
    x, y, w, h = picture.box
    left, top, right, bottom = round(x), round(y), round(x + w), round(y + h)
    outside = right <= max(0, left) or bottom <= max(0, top) or left >= whole.width or top >= whole.height
    if outside or (right - left) * (bottom - top) > MAX_PIXELS:
        raise HairsplitError(
            f"the box {picture.box} does not lie in the picture, which has {whole.width} x {whole.height} pixels",
            where=str(path),
            hint="the pictures are perhaps of another size than those that were annotated",
        )
    return whole.crop((left, top, right, bottom))  # what juts out is black, as in the suites' own code


@dataclass(frozen=True)
class ItemCosines:
    """Cosines of each item, and what they make of it."""

    image_text: tuple[FloatArray, ...]
    """[I, C] each."""
    text_text: tuple[FloatArray, ...]
    """[C, C] each."""
    ours: dict[str, FloatArray]
    """Outcome -> [n] 1 or 0, a tie being a miss; NaN where an item is not asked it."""
    theirs: dict[str, FloatArray]
    """The same with a tie being a hit."""
    chance: dict[str, FloatArray]


def item_cosines(
    items: Sequence[Question],
    outcomes: Sequence[Outcome],
    images: EmbeddedPictures,
    texts: Matrix,
    text_number: dict[str, int],
) -> ItemCosines:
    """Score every image of an item with every caption of it; items that are asked the same are scored together."""
    shapes: dict[tuple[int, int, tuple[str, ...]], list[int]] = {}
    for n, item in enumerate(items):
        shapes.setdefault((len(item.images), len(item.captions), item.asked), []).append(n)
    image_text: list[FloatArray] = [np.empty(0)] * len(items)
    text_text: list[FloatArray] = [np.empty(0)] * len(items)
    blank = {outcome.name: np.full(len(items), np.nan) for outcome in outcomes}
    ours, theirs = blank, {name: values.copy() for name, values in blank.items()}
    chance = {name: values.copy() for name, values in blank.items()}
    for (i, c, names), mine in shapes.items():
        asked = [outcome for outcome in outcomes if not names or outcome.name in names]
        rows = np.array([[images.number[picture] for picture in items[n].images] for n in mine])  # [n, I]
        captions = np.array([[text_number[text] for text in items[n].captions] for n in mine])  # [n, C]
        s = _table(images.embeddings, rows, texts, captions)
        t = (
            _table(texts, captions, texts, captions)
            if any(o.needs_texts for o in asked)
            else np.empty((len(mine), 0, 0))
        )
        for place, n in enumerate(mine):
            image_text[n], text_text[n] = s[place], t[place]
        for outcome in asked:
            cosines = Cosines(s, t)
            ours[outcome.name][mine] = outcome.right(cosines, clearly)
            theirs[outcome.name][mine] = outcome.right(cosines, at_least)
            chance[outcome.name][mine] = outcome.chance(i, c)
    return ItemCosines(tuple(image_text), tuple(text_text), ours, theirs, chance)


def _table(left: Matrix, rows: NDArray[np.int64], right: Matrix, columns: NDArray[np.int64]) -> FloatArray:
    """[n, I, C] cosines of rows [n, I] of `left` with rows [n, C] of `right`."""
    n, i, c = len(rows), rows.shape[1], columns.shape[1]
    a = np.repeat(rows, c, axis=1).ravel()
    b = np.tile(columns, (1, i)).ravel()
    found = np.empty(len(a))
    for start in range(0, len(a), _ROWS):
        part = slice(start, start + _ROWS)
        found[part] = paired_cosines(left[a[part]], right[b[part]])
    return found.reshape(n, i, c)


def embed_captions(
    encoder: DualEncoder, captions: Iterable[str], *, kept: KeptEmbeddings | None = None, tick: Progress | None = None
) -> tuple[Matrix, dict[str, int]]:
    """Unit embeddings [texts, D] of captions, each once, and each one's row."""
    texts, number = unique(captions)
    return embed_texts(encoder, texts, kept=kept, tick=tick), number
