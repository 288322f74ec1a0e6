"""What a fine-tuned model still recognises: zero-shot classification and retrieval."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Estimate
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.embed import Matrix, Progress, embed_images, embed_texts, unique
from hairsplit.evaluate.metrics import recall_at, retrieval_chance, retrieval_ranks, true_class_ranks
from hairsplit.evaluate.statistics import clustered_macro_mean, clustered_mean

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"}
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
    images, labels = [], []
    for label, folder in enumerate(folders):
        found = sorted(f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES)
        if not found:
            raise HairsplitError("the class has no picture", where=str(folder), hint="add some, or remove the folder")
        images += [f.relative_to(root).as_posix() for f in found]
        labels += [label] * len(found)
    file = root / "prompts.txt"
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    prompts = tuple(line.strip() for line in lines if line.strip()) or PROMPTS
    for prompt in prompts:
        if "{}" not in prompt and "{a}" not in prompt:
            raise HairsplitError(f"the prompt {prompt!r} has no {{}}", where=str(file), hint="write 'a photo of {a}.'")
    classes = tuple(f.name.replace("_", " ") for f in folders)
    return LabelledImages(root, tuple(images), tuple(labels), classes, prompts)


def class_embeddings(encoder: DualEncoder, classes: Sequence[str], prompts: Sequence[str]) -> Matrix:
    """[classes, D]: the mean over prompts of unit text embeddings, made unit again (Radford et al., 2021, 3.1.4)."""
    total = np.zeros((len(classes), encoder.embedding_width), np.float32)
    for prompt in prompts:
        total += embed_texts(encoder, [prompt.replace("{a}", _with_article(c)).replace("{}", c) for c in classes])
    unit: Matrix = total / np.linalg.norm(total, axis=1, keepdims=True)
    return unit


def _with_article(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def zero_shot(
    encoder: DualEncoder, data: LabelledImages, *, seed: int = 0, tick: Progress | None = None
) -> dict[str, Estimate]:
    """Top-1, top-5 and mean per-class recall; a tie with a wrong class is a miss."""
    images = embed_images(encoder, data.root, data.images, tick=tick)
    similarity = images @ class_embeddings(encoder, data.classes, data.prompts).T
    labels = np.array(data.labels)
    ranks = true_class_ranks(similarity, labels)
    hits = (ranks <= 1).astype(np.float64)
    chance = 1 / len(data.classes)
    clusters = list(data.images)
    found = {"top1": clustered_mean(hits, clusters, chance=chance, seed=seed)}
    if len(data.classes) > 5:
        in_five = (ranks <= 5).astype(np.float64)
        found["top5"] = clustered_mean(in_five, clusters, chance=5 * chance, seed=seed)
    found["mean_per_class_recall"] = clustered_macro_mean(
        hits, [data.classes[n] for n in data.labels], clusters, chance=chance, seed=seed
    )
    return found


def read_captions(file: Path, split: str | None = None) -> list[tuple[str, str]]:
    """(image, caption) rows of a JSON-lines file with `image` and `captions` (a list) or `caption`.

    With `split`, only rows whose `split` or `set` is that.

    Raises:
        HairsplitError: Missing, torn, or a row lacks a key.
    """
    rows: list[tuple[str, str]] = []
    if not file.is_file():
        raise HairsplitError("no such file", where=str(file), hint="JSON lines with `image` and `captions`")
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            if split is not None and split not in {row.get("split"), row.get("set")}:
                continue
            captions = row["captions"] if "captions" in row else [row["caption"]]
            rows += [(str(row["image"]), str(caption)) for caption in captions]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise HairsplitError(
                f"no row of image and captions ({error})", where=f"{file}, line {number}", hint="mend the line"
            ) from None
    if not rows:
        raise HairsplitError(
            f"no captions{f' of split {split!r}' if split else ''}",
            where=str(file),
            hint="JSON lines with `image` and `captions`",
        )
    return rows


def retrieval(
    encoder: DualEncoder, root: Path, rows: Sequence[tuple[str, str]], *, seed: int = 0, tick: Progress | None = None
) -> dict[str, Estimate]:
    """Recall at 1, 5 and 10, image to text (any of the image's captions) and text to image; ties count against."""
    names, number = unique(image for image, _ in rows)
    owner = np.array([number[image] for image, _ in rows])
    images = embed_images(encoder, root, names, tick=tick)
    captions = embed_texts(encoder, [caption for _, caption in rows], tick=tick)
    ranks = retrieval_ranks(images, captions, owner)
    found = {}
    for k in (1, 5, 10):
        if k > len(names):
            continue
        to_text, to_image = retrieval_chance(k, owner, len(names))
        hits = (ranks.image_to_text <= k).astype(np.float64)
        found[f"image_to_text@{k}"] = clustered_mean(hits, names, chance=to_text, seed=seed)
        hits = (ranks.text_to_image <= k).astype(np.float64)
        found[f"text_to_image@{k}"] = clustered_mean(hits, [image for image, _ in rows], chance=to_image, seed=seed)
    return found


__all__ = [
    "LabelledImages",
    "class_embeddings",
    "labelled_images",
    "read_captions",
    "recall_at",
    "retrieval",
    "zero_shot",
]
