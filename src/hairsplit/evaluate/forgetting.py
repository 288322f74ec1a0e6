"""What a fine-tuned model still recognises: zero-shot classification and retrieval."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hairsplit.core.catalog import nearest
from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Estimate
from hairsplit.data.pixels import PixelStore
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.embed import Matrix, Progress, embed_images, embed_texts, unique
from hairsplit.evaluate.embedding_cache import KeptEmbeddings
from hairsplit.evaluate.measure import Measure
from hairsplit.evaluate.metrics import (
    TIE,
    BoolArray,
    FloatArray,
    IntArray,
    RetrievalRanks,
    retrieval_chance,
    retrieval_ranks,
    true_class_ranks,
)

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm"}
_ROWS = "JSON lines with `image` and `captions`"
PROMPTS = ("a photo of {a}.",)
"""`{}` is the class name, `{a}` the name with its article. A folder's `prompts.txt` (a template a line) comes first."""


@dataclass(frozen=True)
class LabelledImages:
    """A folder with one sub folder of pictures per class."""

    root: Path
    images: tuple[str, ...]
    labels: tuple[int, ...]
    classes: tuple[str, ...]
    prompts: tuple[str, ...]
    others: int = 0
    """Files in class folders that are no pictures by their suffix."""


def labelled_images(root: Path) -> LabelledImages:
    """Read a folder per class; underscores in its name are spaces of the class name.

    Raises:
        HairsplitError: No such folder, fewer than two classes, or a class without pictures.
    """
    if not root.is_dir():
        raise HairsplitError("no such folder", where=str(root), hint="a recognition set is a folder per class")
    folders = sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))
    if len(folders) < 2:
        raise HairsplitError(
            f"{len(folders)} class folders; recognition needs two", where=str(root), hint="make a folder per class"
        )
    images, labels, others = [], [], 0
    for label, folder in enumerate(folders):
        files = [f for f in folder.iterdir() if not f.name.startswith(".")]
        found = sorted(f for f in files if f.suffix.lower() in SUFFIXES)
        others += len(files) - len(found)
        if not found:
            raise HairsplitError("the class has no picture", where=str(folder), hint="add some, or remove the folder")
        images += [f.relative_to(root).as_posix() for f in found]
        labels += [label] * len(found)
    classes = tuple(f.name.replace("_", " ") for f in folders)
    return LabelledImages(root, tuple(images), tuple(labels), classes, read_prompts(root), others)


def read_prompts(root: Path) -> tuple[str, ...]:
    """The templates of a folder's `prompts.txt`, one a line; `PROMPTS` where it has none.

    Raises:
        HairsplitError: A template has no place for the class.
    """
    file = root / "prompts.txt"
    prompts = tuple(line.strip() for line in _lines(file) if line.strip()) if file.is_file() else ()
    for prompt in prompts:
        if "{}" not in prompt and "{a}" not in prompt:
            raise HairsplitError(f"the prompt {prompt!r} has no {{}}", where=str(file), hint="write 'a photo of {a}.'")
    return prompts or PROMPTS


def class_embeddings(
    encoder: DualEncoder, classes: Sequence[str], prompts: Sequence[str], *, kept: KeptEmbeddings | None = None
) -> Matrix:
    """[classes, D]: the mean over prompts of unit text embeddings, made unit again (Radford et al., 2021, 3.1.4)."""
    total = np.zeros((len(classes), encoder.embedding_width), np.float32)
    for prompt in prompts:
        total += embed_texts(encoder, prompted(classes, [prompt]), kept=kept)
    unit: Matrix = total / np.linalg.norm(total, axis=1, keepdims=True)
    return unit


def prompted(classes: Sequence[str], prompts: Sequence[str]) -> list[str]:
    """Each prompt with each class."""
    return [prompt.replace("{a}", _with_article(c)).replace("{}", c) for prompt in prompts for c in classes]


def _with_article(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


@dataclass(frozen=True)
class ClassRanks:
    """Rank of each picture's true class, from 1; similarities closer than `TIE` count as equal."""

    ranks: IntArray
    """[images] wrong classes that tie stand before the true one."""
    if_ties_hit: IntArray
    """[images] they stand behind it."""


def class_ranks(similarity: FloatArray | Matrix, labels: Sequence[int]) -> ClassRanks:
    """Ranks by cosines [images, classes]."""
    truth = np.array(labels)
    right = np.take_along_axis(similarity, truth[:, None], axis=1)
    tied: BoolArray = np.abs(np.subtract(similarity, right)) <= TIE
    ranks = true_class_ranks(np.where(tied, right, similarity), truth)
    return ClassRanks(ranks, ranks - tied.sum(axis=1, dtype=np.int64) + 1)


def recognise(
    encoder: DualEncoder,
    data: LabelledImages,
    *,
    store: PixelStore | None = None,
    kept: KeptEmbeddings | None = None,
    tick: Progress | None = None,
) -> ClassRanks:
    """Zero-shot classification of every picture; `store` and `kept`: see `embed_images`."""
    images = embed_images(encoder, data.root, data.images, store=store, kept=kept, tick=tick)
    similarity = images @ class_embeddings(encoder, data.classes, data.prompts, kept=kept).T
    return class_ranks(similarity, data.labels)


def recognition_measures(data: LabelledImages, found: ClassRanks) -> list[Measure]:
    """Top-1, top-5 and mean per-class recall; a tie with a wrong class is a miss."""
    chance = 1 / len(data.classes)

    def at(k: int, name: str, groups: tuple[str, ...] | None = None) -> Measure:
        hits, most = ((ranks <= k).astype(np.float64) for ranks in (found.ranks, found.if_ties_hit))
        return Measure(name, "overall", hits, data.images, most, groups, chance=k * chance)

    five = [at(5, "top5")] if len(data.classes) > 5 else []
    return [at(1, "top1"), *five, at(1, "mean_per_class_recall", tuple(data.classes[n] for n in data.labels))]


def zero_shot(
    encoder: DualEncoder, data: LabelledImages, *, seed: int = 0, tick: Progress | None = None
) -> dict[str, Estimate]:
    """Estimates of `recognition_measures`."""
    found = recognition_measures(data, recognise(encoder, data, tick=tick))
    return {measure.name: measure.estimate(seed) for measure in found}


def top_1(encoder: DualEncoder, data: LabelledImages, *, store: PixelStore | None = None) -> float:
    """Share of pictures whose own class is nearest, as `zero_shot` has it; `store`: see `embed_images`."""
    return float((recognise(encoder, data, store=store).ranks <= 1).mean())


def read_captions(file: Path, split: str | None = None) -> list[tuple[str, str]]:
    """(image, caption) rows of a JSON-lines file with `image` and `captions` (a list) or `caption`.

    With `split`, only rows whose `split` or `set` is that. Empty lines are skipped.

    Raises:
        HairsplitError: Missing, torn, or a row lacks a key.
    """
    if not file.is_file():
        raise HairsplitError("no such file", where=str(file), hint=_ROWS)
    rows: list[tuple[str, str]] = []
    splits: set[str] = set()
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        row = _row(line, f"{file}, line {number}")
        named = {str(row[key]) for key in ("split", "set") if row.get(key) is not None}
        splits |= named
        if split is None or split in named:
            captions = row["captions"] if "captions" in row else [row["caption"]]
            rows += [(row["image"], caption) for caption in captions]
    if not rows:
        asked = f" of split {split!r}" if split else ""
        hint = nearest(split, sorted(splits)) if split and splits else _ROWS
        raise HairsplitError(f"no captions{asked}", where=str(file), hint=hint)
    return rows


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise HairsplitError(f"not valid JSON ({error})", where=where, hint=_ROWS) from None
    if not isinstance(row, dict) or not isinstance(row.get("image"), str):
        raise HairsplitError("the row names no `image`", where=where, hint=_ROWS)
    captions = row["captions"] if "captions" in row else [row.get("caption")]
    if not isinstance(captions, list) or not all(isinstance(caption, str) for caption in captions):
        raise HairsplitError("`captions` is no list of texts", where=where, hint=_ROWS)
    return row


def _lines(file: Path) -> list[str]:
    """Lines of a text file; only line feeds end a line, for a caption may hold U+2028."""
    try:
        return file.read_text("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise HairsplitError(f"not UTF-8 text ({error})", where=str(file), hint="save it as UTF-8") from None


@dataclass(frozen=True)
class Retrieved:
    """What came of looking for each picture's captions, and for each caption's picture."""

    images: tuple[str, ...]
    """Unique."""
    owner: IntArray
    """[captions] row of `images`."""
    ranks: RetrievalRanks


def retrieve(
    encoder: DualEncoder,
    root: Path,
    rows: Sequence[tuple[str, str]],
    *,
    kept: KeptEmbeddings | None = None,
    tick: Progress | None = None,
) -> Retrieved:
    """Rank all captions for each picture and all pictures for each caption; `kept`: see `embed_images`."""
    names, number = unique(image for image, _ in rows)
    owner = np.array([number[image] for image, _ in rows])
    images = embed_images(encoder, root, names, kept=kept, tick=tick)
    captions = embed_texts(encoder, [caption for _, caption in rows], kept=kept, tick=tick)
    return Retrieved(tuple(names), owner, retrieval_ranks(images, captions, owner))


def retrieval_measures(found: Retrieved) -> list[Measure]:
    """Recall at 1, 5 and 10, image to text (any of the image's captions) and text to image; ties count against."""
    names = found.images
    asked = tuple(names[n] for n in found.owner.tolist())
    measures = []
    for k in (1, 5, 10):
        if k > len(names):
            continue
        to_text, to_image = retrieval_chance(k, found.owner, len(names))
        sides = (
            (f"image_to_text@{k}", found.ranks.image_to_text, names, to_text),
            (f"text_to_image@{k}", found.ranks.text_to_image, asked, to_image),
        )
        for name, ranks, clusters, chance in sides:
            measures.append(Measure(name, "overall", (ranks <= k).astype(np.float64), clusters, chance=chance))
    return measures


def retrieval(
    encoder: DualEncoder, root: Path, rows: Sequence[tuple[str, str]], *, seed: int = 0, tick: Progress | None = None
) -> dict[str, Estimate]:
    """Estimates of `retrieval_measures`."""
    found = retrieval_measures(retrieve(encoder, root, rows, tick=tick))
    return {measure.name: measure.estimate(seed) for measure in found}
