"""Several suites over one image set: ours, each picture and text encoded once, beside a loop that encodes each anew.

    python benchmarks/evaluate.py [--model b32|tiny] [--images 32] [--pairs 5] [--suites 3]

The loop does what CLIP_benchmark does for SugarCrepe: for each pair the picture is decoded and encoded, and both texts
are, padded to 77 tokens; batches of 16, PyTorch's inference mode. The data are like SugarCrepe's: some five pairs per
picture, the true captions being five of COCO's length, each picture a JPEG of 640 x 480. Processor seconds, one
process, one thread; the scores of both are compared first. The weights are random: that costs the same.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import TypeVar

import numpy as np
import torch
from PIL import Image

from hairsplit.core.images import decode
from hairsplit.core.run import stream
from hairsplit.core.tables import PairsMeta, PairsTable, read_pairs, write_pairs
from hairsplit.core.types import Pair
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, load, new
from hairsplit.evaluate.embedding_cache import EmbeddingCache
from hairsplit.evaluate.suite import score_pairs

T = TypeVar("T")
B32 = CLIPShape(
    image_size=224, patch=32, vision_width=768, vision_layers=12, vision_heads=12,
    text_width=512, text_layers=12, text_heads=8, embedding=512, merges=None,
)  # fmt: skip
WORDS = """a the man woman dog red blue small large sitting standing on next to near table street holding with two and
plate grass window white green old wooden in front of behind wearing hat shirt train bus kitchen""".split()  # noqa: SIM905
BATCH = 16


def sentence(rng: Random) -> str:
    """As long as COCO's captions: 8 to 14 words."""
    return " ".join(rng.choices(WORDS, k=rng.randint(8, 14)))


def make_suites(folder: Path, images: int, pairs: int, suites: int) -> list[PairsTable]:
    """Pictures, and tables that all show them."""
    (folder / "images").mkdir()
    captions: dict[str, list[str]] = {}
    for n in range(images):
        rng = np.random.default_rng(n)
        name = f"{n:06}.jpg"
        small = rng.integers(0, 256, (30, 40, 3), np.uint8)
        Image.fromarray(small).resize((640, 480), Image.Resampling.BICUBIC).save(folder / "images" / name, quality=90)
        captions[name] = [sentence(stream(0, name, one)) for one in range(5)]
    tables = []
    for suite in range(suites):
        rows = []
        for name, own in captions.items():
            rng = stream(suite, name)
            rows += [
                Pair(image=name, image_id=name, caption=own[k % 5], negative=sentence(rng), kind="k", source="made")
                for k in range(pairs)
            ]
        path = folder / f"{suite}.parquet"
        write_pairs(path, rows, PairsMeta(images_root="images"))
        tables.append(read_pairs(path))
    return tables


@torch.inference_mode()
def loop(encoder: DualEncoder, tables: list[PairsTable]) -> list[np.ndarray]:
    """[pairs, 2] cosines of each suite, everything encoded anew."""
    found = []
    for table in tables:
        scores = []
        for start in range(0, len(table.pairs), BATCH):
            part = table.pairs[start : start + BATCH]
            pixels = torch.stack([torch.from_numpy(encoder.preprocess(decode(table.root / p.image))) for p in part])
            image = encoder.encode_image(pixels)
            each = []
            for texts in ([p.caption for p in part], [p.negative or "" for p in part]):
                ids = torch.zeros(len(part), encoder.context_length, dtype=torch.int64)
                own = encoder.tokenize(texts)
                ids[:, : own.shape[1]] = own
                each.append((image * encoder.encode_text(ids)).sum(dim=1))
            scores.append(torch.stack(each, dim=1).numpy())
        found.append(np.concatenate(scores))
    return found


def ours(encoder: DualEncoder, tables: list[PairsTable], folder: Path) -> list[np.ndarray]:
    """The same, through a cache on disk."""
    with closing(EmbeddingCache(folder)) as cache, closing(cache.of(encoder)) as kept:
        found = [score_pairs(encoder, table, kept=kept) for table in tables]
    return [np.stack([scores.positive, scores.negative], axis=1) for scores in found]


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Processor seconds, of all threads, and the result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=("b32", "tiny"), default="b32")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=5, help="of each picture, in each suite")
    parser.add_argument("--suites", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = load("tiny") if options.model == "tiny" else new(B32)
    encoder.eval()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = make_suites(folder, options.images, options.pairs, options.suites)
        loop(
            encoder, [PairsTable(tables[0].pairs[:BATCH], tables[0].root, tables[0].meta, "", tables[0].path)]
        )  # warm up
        cold, first = timed(lambda: ours(encoder, tables, folder / "kept"))
        warm, second = timed(lambda: ours(encoder, tables, folder / "kept"))
        anew, plain = timed(lambda: loop(encoder, tables))
    apart = max(float(np.abs(a - b).max()) for a, b in zip(first, plain, strict=True))
    bits = all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    turned = sum(int(((a[:, 0] > a[:, 1]) != (b[:, 0] > b[:, 1])).sum()) for a, b in zip(first, plain, strict=True))
    count = sum(len(table.pairs) for table in tables)
    shown = f"{options.suites} suites, {count:,} pairs of {options.images} pictures"
    print(f"{options.model}: {shown}, torch {torch.__version__}")
    print(f"scores: {apart:.1e} apart at most, {turned} of {count:,} pairs turned; warm and cold the same bits: {bits}")
    for label, seconds in (("each anew", anew), ("ours, nothing kept yet", cold), ("ours, all kept", warm)):
        print(f"{label:<24}{seconds:8.2f} s  {count / seconds:8.1f} pairs/s  {anew / seconds:6.1f} x")


if __name__ == "__main__":
    main()
