"""`hairsplit train`: data, model and folder checked before the first step; then the loop."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import new_folder, stamp, stream, text_hash, write_json
from hairsplit.core.tables import PairsTable, read_pairs
from hairsplit.core.types import Pair
from hairsplit.data.batches import PairBatches
from hairsplit.data.leaks import content_keys, refuse_overlap
from hairsplit.encoders import dual_encoder
from hairsplit.evaluate.suite import validation_metrics
from hairsplit.train.config import TrainConfig
from hairsplit.train.loop import Summary, Trainer, Validate

_NO_NUMBER = ("threads", "image_memory")
"""Settings that change no number: a run may be resumed with others."""


def run_training(config: TrainConfig, out: Path, *, resume: bool, quiet: bool) -> Summary:
    """See `hairsplit.api.train`."""
    first = int(os.environ.get("RANK", "0")) == 0
    if resume and not (out / "config.yaml").is_file():
        raise HairsplitError("no run to resume", where=str(out), hint="start it without --resume")
    table = read_pairs(config.train, config.images)
    never = [read_pairs(path) for path in config.never]
    train_table, val_table = _split(config, table)
    refuse_overlap(train_table, [*never, *([val_table] if config.val and val_table else [])])
    encoder = dual_encoder.load(config.model)
    keys = content_keys(train_table.root, dict.fromkeys(pair.image for pair in train_table.pairs))
    batches = PairBatches(
        train_table,
        encoder.tokenizer,
        encoder.preprocess,
        batch_size=config.batch_size,
        image_keys=keys,
        negatives_per_image=config.negatives_per_image,
        seed=config.seed,
        kind_weights=config.kind_weights,
        context_length=encoder.context_length,
        threads=config.threads,
        megabytes=config.image_memory,
    )
    tree = TypeAdapter(TrainConfig).dump_python(config, mode="json")
    hashes = {"train": table.hash, "val": val_table.hash if val_table else None}
    counted = {key: value for key, value in tree.items() if key not in _NO_NUMBER}
    config_hash = text_hash(repr(sorted({**counted, **hashes}.items())))
    validate = _validator(val_table)
    batches.epoch(0)  # a batch larger than the set is found out before a folder is made
    if not resume and first:
        new_folder(out)
    trainer = Trainer(config, encoder, batches, out=out, config_hash=config_hash, validate=validate)
    if first and not resume:
        (out / "config.yaml").write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), "utf-8")
        write_json(out / "stamp.json", stamp(seed=config.seed, config_hash=config_hash, data=hashes))
    if first and not quiet:
        _say(trainer, train_table, val_table)
    summary = trainer.fit(resume=resume)
    if first:
        write_json(out / "summary.json", _summary(summary))
    return summary


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "steps": summary.steps,
        "best": summary.best,
        "seconds": round(summary.seconds, 2),
        "left_over_last_epoch": summary.left_over,
        "learning": summary.trainable.learning,
    }


def _say(trainer: Trainer, train: PairsTable, val: PairsTable | None) -> None:
    pairs = f"{len(train):,} pairs to train on, {len(val) if val else 0:,} to validate on"
    print(f"{pairs}; {trainer.steps:,} steps of {trainer.config.batch_size} images", file=sys.stderr)  # noqa: T201
    print(trainer.table, file=sys.stderr)  # noqa: T201


def _split(config: TrainConfig, table: PairsTable) -> tuple[PairsTable, PairsTable | None]:
    """Training and validation pairs; by image, so that no picture is on both sides."""
    if not table.pairs:
        raise HairsplitError("the table has no pair", where=str(config.train), hint="look at its rejects")
    if config.val is not None:
        return table, _sampled(read_pairs(config.val, config.val_images), config)
    if not config.val_share:
        return table, None
    images = sorted({pair.image for pair in table.pairs})
    held = max(1, round(config.val_share * len(images)))
    chosen = set(stream(config.seed, "validation images").sample(images, held))
    if held == len(images):
        raise HairsplitError("nothing is left to train on", where="val_share", hint="lower it, or give `val`")
    # Equal pictures under different names must not end up on both sides.
    keys = content_keys(table.root, images)
    kept_out = {keys[image] for image in chosen}
    train: list[Pair] = []
    val: list[Pair] = []
    for pair in table.pairs:
        (val if keys[pair.image] in kept_out else train).append(pair)
    if not train:
        raise HairsplitError("nothing is left to train on", where="val_share", hint="lower it, or give `val`")
    return replace(table, pairs=tuple(train)), _sampled(replace(table, pairs=tuple(val)), config)


def _sampled(table: PairsTable, config: TrainConfig) -> PairsTable | None:
    """Whole images, in a seeded order, until `max_val_pairs` pairs with a negative are together."""
    by_image: dict[str, list[Pair]] = {}
    for pair in table.pairs:
        if pair.negative is not None and pair.negative != pair.caption:
            by_image.setdefault(pair.image, []).append(pair)
    images = sorted(by_image)
    stream(config.seed, "validation sample").shuffle(images)
    chosen: list[Pair] = []
    for image in images:
        if len(chosen) >= config.max_val_pairs:
            break
        chosen += by_image[image]
    if not chosen and config.val is not None:
        raise HairsplitError("no pair with a negative to validate on", where=str(config.val), hint="use another `val`")
    return replace(table, pairs=tuple(chosen)) if chosen else None


def _validator(table: PairsTable | None) -> Validate | None:
    if table is None:
        return None
    return lambda encoder: validation_metrics(encoder, table)
