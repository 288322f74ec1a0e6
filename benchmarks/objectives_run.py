"""One run of the comparison of objectives: drawn data made once, a short training, what it gained and forgot."""

import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch.optim.optimizer import register_optimizer_step_post_hook

from hairsplit._verbs.demo import FAMILIES
from hairsplit._verbs.demo import OBJECTIVE as DEMO
from hairsplit.captions.generate import drawn_source
from hairsplit.captions.table import write_captions
from hairsplit.core.config import load_config
from hairsplit.core.errors import HairsplitError, StoppedError
from hairsplit.core.run import atomic_folder, stream
from hairsplit.core.tables import PairsTable
from hairsplit.core.types import Pair
from hairsplit.data.batches import PairBatches, PixelStore
from hairsplit.data.leaks import content_keys
from hairsplit.data.rows import open_pairs, rows_of
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.trainable import TrainableMode
from hairsplit.evaluate.embed import embed_images, embed_texts, unique
from hairsplit.evaluate.forgetting import LabelledImages, labelled_images, read_captions, recognise
from hairsplit.evaluate.metrics import TIE, retrieval_ranks
from hairsplit.losses.objectives import OBJECTIVES, parse_objective
from hairsplit.scenes.drawing.sample import DrawnWorld
from hairsplit.scenes.drawing.write import draw
from hairsplit.train.config import TrainConfig
from hairsplit.train.loop import Trainer

MOST = {"val": 200, "test": 400}
"""Split -> most pairs of a kind that are judged: encoding captions would otherwise take longer than training."""
Vector = NDArray[np.float32]
DEMO_NAME = "demo"
"""The objective of `hairsplit demo`, a sum, beside the registry's."""
NAMES = (*(name for name in OBJECTIVES if name != "sum"), DEMO_NAME)
Stage = Literal["rate", "run"]


@dataclass(frozen=True)
class Job:
    """One run; `rate`: a trial of a learning rate, judged on validation only."""

    stage: Stage
    objective: str
    mode: TrainableMode
    seed: int
    lr: float
    steps: int
    batch: int

    @property
    def name(self) -> str:
        """Of its file."""
        rate = f"-{self.lr:.1e}" if self.stage == "rate" else ""
        return f"{self.stage}-{self.objective}-{self.mode}-{self.seed}{rate}"


def make_data(folder: Path, scenes: int) -> None:
    """Draw scenes of 48 px and write a pairs table per split, unless that was done before."""
    if folder.exists():
        return
    with atomic_folder(folder) as out:
        draw(out / "drawn", count=scenes, seed=0, world=DrawnWorld(size=48), workers=1)
        for split in ("train", *MOST):
            write_captions(
                out / "drawn" / "scene_graphs.json",
                out / "drawn" / "images",
                out / f"{split}.parquet",
                world="closed",
                seed=0,
                split=split,
                families=FAMILIES,
                workers=1,
                negatives_per_positive=1,
                source_of=drawn_source,
            )


class Data:
    """What all runs of a process share: tables, and pictures decoded once."""

    def __init__(self, folder: Path) -> None:
        self.folder, drawn = folder, folder / "drawn"
        self.train = open_pairs(folder / "train.parquet")
        self.keys = content_keys(self.train.root, rows_of(self.train).images.present())
        tables = {split: open_pairs(folder / f"{split}.parquet") for split in MOST}
        self.root = tables["test"].root
        self.pairs = {split: sampled(table, MOST[split]) for split, table in tables.items()}
        self.labelled = few_of_each(labelled_images(drawn / "recognition"))
        self.captions = read_captions(drawn / "captions.jsonl", "test")
        start = dual_encoder.load("tiny")
        self.stores = {
            root: PixelStore(root, start.preprocess, megabytes=512, threads=1)
            for root in (self.labelled.root, self.root)
        }

    def items(self) -> dict[str, Any]:
        """What the hits of a record are of: image and kind of each test pair, images of the rest."""
        pairs = [(pair.image, pair.kind) for pair in self.pairs["test"]]
        return {
            "pairs": {"image": [image for image, _ in pairs], "kind": [kind for _, kind in pairs]},
            "recognition": {"image": list(self.labelled.images)},
            "text_to_image": {"image": [image for image, _ in self.captions]},
            "image_to_text": {"image": unique(image for image, _ in self.captions)[0]},
        }

    def pair_hits(self, encoder: DualEncoder, split: str, seen: Mapping[str, Vector]) -> NDArray[np.bool_]:
        """Of each pair of a split, whether the true caption is nearer to the image; a tie is a miss."""
        pairs = self.pairs[split]
        texts, text_of = unique(text for pair in pairs for text in (pair.caption, pair.negative or ""))
        read = embed_texts(encoder, texts)
        images = np.array([seen[pair.image] for pair in pairs], np.float64)
        sides = ([text_of[pair.caption] for pair in pairs], [text_of[pair.negative or ""] for pair in pairs])
        true, false = ((images * read[side]).sum(axis=1) for side in sides)
        hits: NDArray[np.bool_] = true - false > TIE
        return hits

    def seen(self, encoder: DualEncoder, images: Iterable[str]) -> dict[str, Vector]:
        """Picture -> embedding [D]."""
        names, _ = unique(images)
        return dict(zip(names, embed_images(encoder, self.root, names, store=self.stores[self.root]), strict=True))

    def test_hits(self, encoder: DualEncoder) -> dict[str, str]:
        """Hits on the test set and of what may be forgotten, as hexadecimal bits; see `items`."""
        names, number = unique(image for image, _ in self.captions)
        seen = self.seen(encoder, [*names, *(pair.image for pair in self.pairs["test"])])
        found = recognise(encoder, self.labelled, store=self.stores[self.labelled.root])
        ranks = retrieval_ranks(
            np.array([seen[name] for name in names]),
            embed_texts(encoder, [caption for _, caption in self.captions]),
            np.array([number[image] for image, _ in self.captions]),
        )
        return {
            "pairs": packed(self.pair_hits(encoder, "test", seen)),
            "recognition": packed(found.ranks <= 1),
            "text_to_image": packed(ranks.text_to_image <= 1),
            "image_to_text": packed(ranks.image_to_text <= 1),
        }

    def validation(self, encoder: DualEncoder) -> float:
        """Mean over kinds of pair accuracy on the validation split."""
        pairs = self.pairs["val"]
        hits = self.pair_hits(encoder, "val", self.seen(encoder, (pair.image for pair in pairs)))
        kinds = np.array([pair.kind for pair in pairs])
        return float(np.mean([hits[kinds == kind].mean() for kind in sorted(set(kinds.tolist()))]))


def sampled(table: PairsTable, most: int) -> list[Pair]:
    """At most so many pairs of each kind, in the order of the table."""
    by_kind: dict[str, list[int]] = {}
    for row, pair in enumerate(table.pairs):
        if pair.negative not in {None, pair.caption}:
            by_kind.setdefault(pair.kind, []).append(row)
    rows = [
        row
        for kind, found in sorted(by_kind.items())
        for row in stream(0, "pairs", kind).sample(found, min(most, len(found)))
    ]
    return [table.pairs[row] for row in sorted(rows)]


def few_of_each(data: LabelledImages, most: int = 5) -> LabelledImages:
    """The first few pictures of each class."""
    labels = data.labels
    kept = [n for n, label in enumerate(labels) if labels[:n].count(label) < most]
    return replace(data, images=tuple(data.images[n] for n in kept), labels=tuple(labels[n] for n in kept))


def objective_tree(name: str) -> dict[str, Any]:
    """The registry's defaults, but captions equal to one's own are no negatives, where the objective has a say in it.

    Two drawn scenes often have a caption in common, so without this the contrast would push true captions away.
    """
    if name == DEMO_NAME:
        return DEMO
    if name not in OBJECTIVES or name == "sum":
        raise HairsplitError(
            f"no objective is called {name!r}", where="--objectives", hint=f"one of {', '.join(NAMES)}"
        )
    masks = "mask_false_negatives" in OBJECTIVES[name].__dataclass_fields__
    return {"name": name} | ({"mask_false_negatives": True} if masks else {})


def judge_start(data: Data) -> dict[str, Any]:
    """The record of `tiny` itself."""
    encoder = dual_encoder.load("tiny").eval()
    return {"state": "done", "hits": data.test_hits(encoder)}


def run(job: Job, data: Data, scratch: Path) -> dict[str, Any]:
    """Train and judge; what goes wrong in training is recorded, not raised.

    Raises:
        StoppedError: The user asked to stop.
    """
    started = time.process_time()
    shutil.rmtree(scratch, ignore_errors=True)
    record: dict[str, Any] = {"job": asdict(job)}
    try:
        return record | {"state": "done", **_trained(job, data, scratch), "cpu_s": time.process_time() - started}
    except StoppedError:
        raise
    except (HairsplitError, RuntimeError, ValueError, FloatingPointError) as error:
        what = {"state": "failed", "error": f"{type(error).__name__}: {error}"}
        return record | what | {"cpu_s": time.process_time() - started}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _trained(job: Job, data: Data, scratch: Path) -> dict[str, Any]:
    scratch.mkdir(parents=True)
    config = load_config(
        TrainConfig,
        train=data.folder / "train.parquet",
        objective=parse_objective(objective_tree(job.objective)),
        trainable=job.mode,
        batch_size=job.batch,
        steps=job.steps,
        lr=job.lr,
        kind_weights="balanced",
        val_share=0.0,
        save_every=job.steps + 1,
        seed=job.seed,
        threads=1,
        frozen_cache=data.folder.parent / "frozen",
    )
    encoder = dual_encoder.load("tiny")
    batches = PairBatches(
        data.train,
        encoder.tokenizer,
        encoder.preprocess,
        batch_size=job.batch,
        image_keys=data.keys,
        seed=job.seed,
        kind_weights="balanced",
        context_length=encoder.context_length,
        threads=1,
    )
    trainer = Trainer(config, encoder, batches, out=scratch, config_hash=job.name, validate=None)
    ticks = [time.process_time()]
    hook = register_optimizer_step_post_hook(lambda *_: ticks.append(time.process_time()))
    try:
        summary = trainer.fit(resume=False)
    finally:
        hook.remove()
    encoder.eval()
    seconds = np.diff(ticks[1:])
    found: dict[str, Any] = {
        "learned": summary.trainable.learning,
        "step_cpu_s": float(np.median(seconds[len(seconds) // 2 :])),
        "steps_cpu_s": ticks[-1] - ticks[0],
        "loss": losses(scratch / "metrics.jsonl"),
        "logit_scale": encoder.model.logit_scale.exp().item(),
    }
    judged = {"validation": data.validation(encoder)} if job.stage == "rate" else {"hits": data.test_hits(encoder)}
    return found | judged


def losses(log: Path) -> list[float]:
    """Mean training loss of the first and of the last fifth of the lines of a log."""
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    values = [row["loss"] for row in rows if row["kind"] == "train"]
    part = max(1, len(values) // 5)
    return [float(np.mean(values[:part])), float(np.mean(values[-part:]))]


def packed(hits: Sequence[bool] | NDArray[np.bool_]) -> str:
    """Hits [n] as hexadecimal digits, the first one in the highest bit."""
    return np.packbits(np.asarray(hits, bool)).tobytes().hex()


def unpacked(digits: str, n: int) -> NDArray[np.bool_]:
    """The `n` hits that `packed` wrote.

    Raises:
        ValueError: The digits are of another number of hits.
    """
    if len(digits) != 2 * -(-n // 8):
        raise ValueError(f"{len(digits)} digits are not {n} hits")
    return np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8), count=n).astype(bool)
