"""The work that `training.py` gives to all contenders: a model, a table of pairs, captions as long as HNC's."""

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hairsplit.core.tables import PairsMeta, PairsTable
from hairsplit.core.types import Pair
from hairsplit.data.batches import PairBatches
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder
from hairsplit.encoders.tokens import Tokenizer

VIT_B_32 = CLIPShape(
    image_size=224,
    patch=32,
    vision_width=768,
    vision_layers=12,
    vision_heads=12,
    text_width=512,
    text_layers=12,
    text_heads=8,
    embedding=512,
    merges=None,
)
SMALL = CLIPShape(image_size=32, patch=16, vision_width=128, vision_heads=2, text_width=64, text_heads=1, merges=2000)
"""Heads of 64 channels, as the conversion for open_clip expects, and no size that matters."""

WORDS = (
    *("the", "red", "blue", "green", "small", "large", "old", "wet", "left", "right", "dog"),
    *("cat", "cup", "man", "woman", "table", "car", "tree", "hat", "ball", "bird", "boat"),
)
"""Each is one token of the full vocabulary."""
HNC_LENGTHS = dict(enumerate((71, 17, 74, 119, 39, 107, 114, 33, 21, 19, 15, 13, 11, 14, 3, 4, 6), start=7))
"""Tokens, start and end included -> captions, of 680 captions of HNC (Doenmez et al., CoNLL 2023): train and test."""


@dataclass(frozen=True)
class Work:
    """One case: what is trained, and how much of it a step has."""

    name: str
    trainable: str
    objective: Mapping[str, object]
    images: int
    """Of a step."""
    negatives: int
    """K, of each image."""
    batches: int
    """Different ones; an epoch."""

    @property
    def pairs(self) -> int:
        """Of a step: images with one negative each."""
        return self.images * self.negatives


def lengths(folder: Path | None) -> Mapping[int, int]:
    """Tokens of a caption -> how many there are, from HNC files of `folder`, else as they were counted once."""
    files = sorted(folder.glob("hnc_*.json")) if folder is not None and folder.is_dir() else []
    if not files:
        return HNC_LENGTHS
    tokenizer, found = Tokenizer(), Counter[int]()
    for file in files:
        for entry in json.loads(file.read_text("utf-8")).values():
            captions = entry.get("captions", entry).values()
            found.update(len(ids) for ids in tokenizer.ids([one["caption"] for one in captions]))
    return found


def table(work: Work, root: Path, size: int, counts: Mapping[int, int]) -> PairsTable:
    """As many pairs as `work.batches` steps need, all captions different, and a picture of noise for each image."""
    rng = np.random.default_rng(0)
    tokens, weights = np.array(list(counts)), np.array(list(counts.values()), float)
    drawn = rng.choice(tokens, (work.batches * work.images, 1 + work.negatives), p=weights / weights.sum())
    seen: set[str] = set()

    def text(length: int) -> str:
        while True:
            made = " ".join(WORDS[n] for n in rng.integers(0, len(WORDS), max(1, length - 2)))
            if made not in seen:
                seen.add(made)
                return made

    pairs = []
    for number, row in enumerate(drawn.tolist()):
        name = f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (size, size, 3), np.uint8)).save(root / name)
        caption = text(row[0])
        pairs += [
            Pair(image=name, image_id=str(number), caption=caption, negative=text(n), kind="made", source="made up")
            for n in row[1:]
        ]
    return PairsTable(tuple(pairs), root, PairsMeta(), "", root / "pairs.parquet")


def pair_batches(work: Work, pairs: PairsTable, encoder: DualEncoder) -> PairBatches:
    """The batches that `hairsplit train` makes of the table."""
    keys = {f"{n}.png": n + 1 for n in range(work.batches * work.images)}
    return PairBatches(
        pairs,
        encoder.tokenizer,
        encoder.preprocess,
        batch_size=work.images,
        image_keys=keys,
        negatives_per_image=work.negatives,
        context_length=encoder.context_length,
        seed=0,
    )


def matmul_peak(dtype: torch.dtype, size: int = 2048, repetitions: int = 3) -> float:
    """GFLOP per second of processor time, on a square matrix product, the best of some."""
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    times = []
    for _ in range(repetitions + 1):
        started = time.process_time()
        a @ b
        times.append(time.process_time() - started)
    return 2 * size**3 / min(times) / 1e9


def processor() -> str:
    """Name of the CPU, and the instructions that matter here."""
    if not sys.platform.startswith("linux"):
        return "CPU"
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = set(values.get("flags", "").split())
    known = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    model = f"family {values.get('cpu family')}, model {values.get('model')}"
    return f"{values.get('model name', 'CPU')} ({model}), {', '.join(known)}"
