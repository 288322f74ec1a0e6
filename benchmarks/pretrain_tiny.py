"""Pre-train `tiny`, the small CLIP that comes with hairsplit, on drawn scenes with CLIP's plain loss.

    python benchmarks/pretrain_tiny.py --work build/tiny --out src/hairsplit/encoders/tiny

Two stages, the second from where the first ended: scenes of one object, scenes of up to two.
Captions list objects and say where in the picture they are; none says how two objects lie to each other. All 64
colour-shape pairs are shown. Seeded; about an hour on two cores. The log is written to docs/tiny/.
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

from hairsplit.core.run import stamp, text_hash
from hairsplit.core.tables import PairsMeta, read_pairs, write_pairs
from hairsplit.core.types import Pair
from hairsplit.data.batches import PairBatches
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
CAPTIONS = 4
SEED = 1_000_003
"""Far from the seeds of demos and tests: its scenes are none of theirs."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of the curriculum."""

    max_things: int
    images: int
    steps: int
    batch: int
    lr: float
    vague: float = 0.0
    """Chance that a caption names an object by shape or colour alone, so that its place must tell it apart."""
    nameless: float = 0.0
    """Chance that a caption says only where an object is. Mixed with few of those, places are not learned."""
    mask: bool = False
    """Leave equal captions out of the negatives: with few different captions most of them would be false ones."""
    position_gain: float = 1.0
    """The image tower's position embeddings are multiplied by this before the stage; see docs/decisions/0006."""


STAGES = (
    Stage(max_things=1, images=16_000, steps=1_000, batch=64, lr=1.5e-3),
    Stage(max_things=2, images=25_000, steps=1_000, batch=128, lr=1.5e-3),
)


def write_stage(folder: Path, number: int, stage: Stage) -> Path:
    """Draw a stage's pictures and write its table of captions without negatives."""
    world = DrawnWorld(size=SIZE, max_things=stage.max_things, hold_out=False)
    images = folder / "images"
    images.mkdir(parents=True)

    def rows() -> Iterator[Pair]:
        for n in range(stage.images):
            one = scene(world, SEED + number, f"pre{number}_{n:06d}", "pretraining")
            Image.fromarray(render(one, SEED + number)).save(images / str(one.image), compress_level=1)
            for caption in dict.fromkeys(
                describe(one, SEED + number, CAPTIONS, vague=stage.vague, nameless=stage.nameless)
            ):
                yield Pair(
                    image=str(one.image),
                    image_id=one.image_id,
                    caption=caption,
                    negative=None,
                    kind="description",
                    source="drawn:pretraining",
                )

    write_pairs(folder / "captions.parquet", rows(), PairsMeta(images_root="images"))
    return folder / "captions.parquet"


def run_stage(encoder: DualEncoder, table_file: Path, stage: Stage, out: Path, threads: int) -> None:
    """Train one stage in place."""
    table = read_pairs(table_file)
    config = TrainConfig(
        train=table_file,
        objective=StandardSpec(mask_false_negatives=stage.mask),
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
    keys = {name: n for n, name in enumerate(dict.fromkeys(pair.image for pair in table.pairs))}
    batches = PairBatches(
        table,
        encoder.tokenizer,
        encoder.preprocess,
        batch_size=stage.batch,
        image_keys=keys,
        seed=SEED,
        context_length=encoder.context_length,
        threads=threads,
    )
    out.mkdir(parents=True)
    text = f"stage {stage}"
    Trainer(config, encoder, batches, out=out, config_hash=text_hash(text), validate=None).fit(resume=False)


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
    rows = []
    for number, stage in enumerate(STAGES):
        if number < args.start:
            continue
        folder = args.work / f"stage{number}"
        table = write_stage(folder, number, stage)
        scaled = replace(stage, steps=max(100, round(stage.steps * args.scale_steps)))
        with torch.no_grad():
            encoder.model.vision_model.embeddings.position_embedding.weight.mul_(stage.position_gain)
        run_stage(encoder, table, scaled, folder / "run", args.threads)
        encoder.eval()
        top1 = zero_shot(encoder, labelled_images(args.work / "judge" / "recognition"))["top1"]
        shutil.copy(folder / "run" / "metrics.jsonl", args.log / f"stage{number}.jsonl")
        rows.append({"stage": vars(scaled), "zero_shot_top1": top1.value, "seconds": round(time.time() - started)})
        print(rows[-1], flush=True)
    for parameter in encoder.parameters():
        parameter.requires_grad_(True)
    save(encoder, args.out)
    numbers = sum(p.numel() for p in encoder.parameters())
    record = {
        "weights_hash": encoder.parameters_hash(),
        "seed": SEED,
        "shape": vars(SHAPE),
        "parameters": numbers,
        "stages": rows,
        "stamp": stamp(argv=None),
    }
    (args.log / "pretraining.json").write_text(json.dumps(record, indent=2, default=str) + "\n", "utf-8")
    print(f"weights hash {encoder.parameters_hash()}, numpy {np.__version__}")


if __name__ == "__main__":
    main()
