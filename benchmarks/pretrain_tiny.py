"""Pre-train `tiny`, the small CLIP that comes with hairsplit, on drawn scenes with CLIP's plain loss.

    python benchmarks/pretrain_tiny.py --work build/tiny --out src/hairsplit/encoders/tiny

Nine stages, each from where the one before ended: scenes of one object; of up to two; one object in many places;
twice, groups of pictures of which only the places tell one from the other (3, 4); groups that differ in little (5);
twice, groups of which only the binding tells which is which: the same colours and the same shapes, another colour on
each (6, 7); and, with the model made twice as wide (`tiny_growth.py`), all of these, sizes and numbers (8). See
`tiny_groups.py`. Captions list objects and say where in the picture they are; none says how two
objects lie to each other. All 64 colour-shape pairs are shown. Seeded; about five hours on one core. The log
is written to docs/tiny/.
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tiny_groups import GROUPS, SEED
from tiny_growth import grown

from hairsplit.core.run import stamp, stream, text_hash
from hairsplit.core.tables import PairsMeta, PairsTable, read_pairs, write_pairs
from hairsplit.core.types import Pair, Scene
from hairsplit.data.batches import PairBatches
from hairsplit.data.order import Epoch
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, load, new, save
from hairsplit.evaluate.forgetting import labelled_images, zero_shot
from hairsplit.losses.objectives import StandardSpec
from hairsplit.scenes.drawing.describe import describe
from hairsplit.scenes.drawing.render import render
from hairsplit.scenes.drawing.sample import DrawnWorld, scene
from hairsplit.scenes.drawing.write import draw
from hairsplit.train.config import TrainConfig
from hairsplit.train.loop import Trainer

SIZE = 48
SHAPE = CLIPShape(image_size=SIZE, patch=8, embedding=256, merges=6000, context_length=40, activation="gelu")
GROWN = replace(
    SHAPE,
    vision_width=256,
    vision_layers=4,
    vision_heads=8,
    text_width=256,
    text_heads=8,
    mlp_ratio=2,
)
CAPTIONS = 4


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of the curriculum."""

    steps: int
    batch: int
    lr: float
    images: int = 0
    """Scenes of the drawn world, one by one; 0: groups (below)."""
    max_things: int = 1
    group: int = 1
    """Pictures of a group; a batch is made of whole groups. What they have in common cannot tell them apart, so the
    gradient goes to what differs: places."""
    groups: tuple[tuple[str, int], ...] = ()
    """(kind of group, how many); see `GROUPS`."""
    position_gain: float = 1.0
    """The image tower's position embeddings are multiplied by this before the stage; see docs/decisions/0006."""
    grow: bool = False
    """The model is first made twice as wide, and its image tower one block deeper, with the same embeddings."""


STAGES = (
    Stage(max_things=1, images=16_000, steps=1_000, batch=64, lr=1.5e-3),
    Stage(max_things=2, images=25_000, steps=1_000, batch=128, lr=1.5e-3),
    Stage(group=16, groups=(("same", 1_000),), steps=500, batch=128, lr=1e-3, position_gain=20.0),
    Stage(
        group=8,
        groups=(("same", 1_000), ("exchanged", 3_500), ("one", 2_500), ("several", 3_000)),
        steps=3_000,
        batch=128,
        lr=1e-3,
    ),
    Stage(
        group=8,
        groups=(("pair", 4_500), ("exchanged", 1_500), ("one", 2_000), ("several", 1_500)),
        steps=1_400,
        batch=128,
        lr=1e-3,
    ),
    Stage(
        group=8,
        groups=(("variants", 4_500), ("crowd", 2_500), ("exchanged", 2_500), ("one", 1_500), ("several", 1_500)),
        steps=4_200,
        batch=128,
        lr=1e-3,
    ),
    Stage(
        group=8,
        groups=(("bindings", 7_000), ("crowd", 1_500), ("exchanged", 1_500), ("one", 1_500), ("several", 1_500)),
        steps=3_000,
        batch=128,
        lr=1e-3,
    ),
    Stage(
        group=8,
        groups=(
            ("bindings", 4_000),
            ("variants", 4_000),
            ("crowd", 2_000),
            ("exchanged", 2_000),
            ("one", 1_000),
            ("several", 1_500),
        ),
        steps=3_000,
        batch=128,
        lr=1e-3,
    ),
    Stage(
        group=8,
        groups=(
            ("bindings", 3_500),
            ("variants", 3_500),
            ("crowd", 5_000),
            ("exchanged", 1_500),
            ("sizes", 2_000),
            ("counts", 2_000),
            ("one", 1_200),
            ("several", 1_300),
        ),
        steps=7_500,
        batch=128,
        lr=1e-3,
        grow=True,
    ),
)


def scenes_of(number: int, stage: Stage) -> Iterator[tuple[Scene, str, Iterator[str]]]:
    """The scenes of a stage, the group of each, and its captions."""
    world = DrawnWorld(size=SIZE, max_things=stage.max_things, hold_out=False)
    for n in range(stage.images):
        one = scene(world, SEED + number, f"pre{number}_{n:06d}", "pretraining")
        yield one, one.image_id, describe(one, SEED + number, CAPTIONS)
    for kind, count in stage.groups:
        make, say = GROUPS[kind]
        world = DrawnWorld(size=SIZE, max_things=4 if kind == "several" else 1, hold_out=False)
        for n in range(count):
            name = f"pre{number}_{kind}_{n:05d}"
            for one in make(world, name, stage.group, stream(SEED, name)):
                yield one, name, say(one, SEED + number, CAPTIONS)


def write_stage(folder: Path, number: int, stage: Stage) -> Path:
    """Draw a stage's pictures and write its table of captions without negatives."""
    images = folder / "images"
    images.mkdir(parents=True)

    def rows() -> Iterator[Pair]:
        for one, group, captions in scenes_of(number, stage):
            Image.fromarray(render(one, SEED + number)).save(images / str(one.image), compress_level=1)
            for caption in dict.fromkeys(captions):
                yield Pair(
                    image=str(one.image),
                    image_id=one.image_id,
                    caption=caption,
                    negative=None,
                    kind="description",
                    source="drawn:pretraining",
                    group_id=group,
                )

    write_pairs(folder / "captions.parquet", rows(), PairsMeta(images_root="images"))
    return folder / "captions.parquet"


class Grouped(PairBatches):
    """Batches of whole groups: in each epoch every picture once, with one of its captions."""

    def __init__(self, table: PairsTable, encoder: DualEncoder, stage: Stage, threads: int) -> None:
        keys = {name: n for n, name in enumerate(dict.fromkeys(pair.image for pair in table.pairs))}
        super().__init__(
            table,
            encoder.tokenizer,
            encoder.preprocess,
            batch_size=stage.batch,
            image_keys=keys,
            seed=SEED,
            context_length=encoder.context_length,
            threads=threads,
        )
        self._per_batch = stage.batch // stage.group
        groups: dict[str, dict[str, list[int]]] = {}
        for row, pair in enumerate(table.pairs):
            groups.setdefault(str(pair.group_id), {}).setdefault(pair.image, []).append(row)
        self._groups = [list(rows.values()) for rows in groups.values()]

    def epoch(self, epoch: int) -> Epoch:
        """See the class."""
        rng = stream(SEED, "groups", str(epoch))
        order = rng.sample(self._groups, len(self._groups) // self._per_batch * self._per_batch)
        rows = [rng.choice(captions) for group in order for captions in group]
        return Epoch(np.array(rows, np.int64).reshape(-1, self._per_batch * len(order[0])), 0)


def run_stage(encoder: DualEncoder, table_file: Path, stage: Stage, out: Path, threads: int) -> None:
    """Train one stage in place."""
    config = TrainConfig(
        train=table_file,
        objective=StandardSpec(mask_false_negatives=stage.group > 1),
        batch_size=stage.batch,
        steps=stage.steps,
        lr=stage.lr,
        warmup_steps=60,
        weight_decay=0.05,
        log_every=25,
        save_every=100,
        validate_every=10_000,
        seed=SEED,
        threads=threads,
    )
    batches = Grouped(read_pairs(table_file), encoder, stage, threads)
    out.mkdir(parents=True)
    Trainer(config, encoder, batches, out=out, config_hash=text_hash(f"stage {stage}"), validate=None).fit(resume=False)


def save_halved(encoder: DualEncoder, folder: Path) -> DualEncoder:
    """Write the weights in float16, half the size, and read them back: what users get."""
    encoder.requires_grad_(True)
    encoder.half()
    save(encoder, folder)
    return load(folder)


def main() -> None:
    """Draw, train, judge, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="scratch folder; must not exist")
    parser.add_argument("--out", type=Path, required=True, help="where the model goes")
    parser.add_argument("--log", type=Path, default=Path("docs/tiny"), help="where the log goes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scale-steps", type=float, default=1.0, help="shorten or lengthen every stage")
    parser.add_argument("--start", type=int, default=0, help="go on with this stage, from --resume")
    parser.add_argument("--resume", type=Path, help="the model that the stage before --start ended with")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    started = time.time()
    encoder = load(args.resume) if args.resume else new(SHAPE, seed=SEED, name="tiny")
    draw(args.work / "judge", count=1, seed=SEED, world=DrawnWorld(size=SIZE), recognition=10)
    args.log.mkdir(parents=True, exist_ok=True)
    rows = json.loads((args.log / "pretraining.json").read_text("utf-8"))["stages"][: args.start] if args.start else []
    for number, stage in enumerate(STAGES):
        if number < args.start:
            continue
        folder = args.work / f"stage{number}"
        table = write_stage(folder, number, stage)
        if stage.grow:
            encoder = grown(encoder, GROWN, SEED)
        scaled = replace(stage, steps=max(100, round(stage.steps * args.scale_steps)))
        with torch.no_grad():
            encoder.model.vision_model.embeddings.position_embedding.weight.mul_(stage.position_gain)
        run_stage(encoder, table, scaled, folder / "run", args.threads)
        encoder.eval()
        top1 = zero_shot(encoder, labelled_images(args.work / "judge" / "recognition"))["top1"]
        shutil.copy(folder / "run" / "metrics.jsonl", args.log / f"stage{number}.jsonl")
        rows.append({"stage": vars(scaled), "zero_shot_top1": top1.value, "seconds": round(time.time() - started)})
        print(rows[-1], flush=True)
    encoder = save_halved(encoder, args.out)
    numbers = sum(p.numel() for p in encoder.parameters())
    record = {
        "weights_hash": encoder.parameters_hash(),
        "seed": SEED,
        "shape": vars(SHAPE),
        "grown": vars(GROWN),
        "parameters": numbers,
        "stages": rows,
        "stamp": stamp(argv=None),
    }
    (args.log / "pretraining.json").write_text(json.dumps(record, indent=2, default=str) + "\n", "utf-8")
    print(f"weights hash {encoder.parameters_hash()}, numpy {np.__version__}")


if __name__ == "__main__":
    main()
