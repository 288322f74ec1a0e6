"""`hairsplit train`: data, model and folder checked before the first step; then the loop."""

import contextlib
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from hairsplit._verbs.held_out import Split, sampled, split
from hairsplit._verbs.recognising import Recognised, read_recognition, with_recognition
from hairsplit.core.config import load_config, validate
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file, read_json, stamp, text_hash, writable, write_json
from hairsplit.core.tables import PairsTable, refuse_weak
from hairsplit.core.wording import counted, settings_changed
from hairsplit.data.batches import PairBatches, PixelStore
from hairsplit.data.leaks import content_keys, refuse_overlap
from hairsplit.data.pixel_cache import PixelCache
from hairsplit.data.rows import open_pairs, rows_of
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.suite import FEWEST_PAIRS, kinds_with_a_say, validation_metrics
from hairsplit.train.config import TrainConfig
from hairsplit.train.elastic import begun, claim, launch, restarted
from hairsplit.train.engines import launcher
from hairsplit.train.loop import Summary, Trainer, Validate
from hairsplit.train.patience import first_alone, lost_ranks
from hairsplit.train.tracking import check_installed

_NO_NUMBER = (
    "threads", "image_memory", "save_every", "keep_last", "engine", "pixel_cache", "pixel_cache_megabytes",
    "frozen_cache", "frozen_cache_megabytes",
    "trackers", "tracker_project", "tracker_run", "timeout_minutes",
)  # fmt: skip
"""Settings that change no number: a run may be resumed with others."""
_PLACES = ("train", "images", "val", "val_images", "never", "model", "recognition")
"""Settings that say where things lie: they may move, since what lies there is compared by its hash."""


@dataclass(frozen=True)
class _Data:
    """What a run trains and validates on."""

    train: PairsTable
    val: PairsTable | None
    keys: Mapping[str, int]
    """Picture of the training table -> content key."""
    val_keys: Mapping[str, int]
    """The same of the pictures that are validated."""
    hashes: Mapping[str, str | None]
    """What of it -> hash."""
    recognised: Recognised | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> pairs of held-out images that do not validate."""


def run_training(config: TrainConfig, out: Path, *, resume: bool, quiet: bool, claimed: bool = False) -> Summary:
    """See `hairsplit.api.train`; `claimed`: the folder is the caller's, who also tidies it up."""
    check_installed(config.trackers)
    config = as_launched(config)
    resume = resume or restarted(out)
    first = int(os.environ.get("RANK", "0")) == 0
    tree = TypeAdapter(TrainConfig).dump_python(config, mode="json")
    if resume:
        _same_settings(out, tree)
    with contextlib.ExitStack() as opened:
        opened.enter_context(lost_ranks(out, timedelta(minutes=config.timeout_minutes)))
        with _folder(out, first=first and not (claimed and not resume), resume=resume):
            data = _read(config)
            if resume:
                _same_data(out, data.hashes)
            encoder = dual_encoder.load(config.model)
            cache = _cache(config, encoder, opened)
            batches = _batches(config, data, encoder, cache)
            batches.epoch(0)  # a batch larger than the set is the first thing to hear of
            store = _validation_store(config, data, encoder, cache, opened)
            seen = data.recognised
            known = None if seen is None else seen.store(config, encoder, cache, opened)
            config_hash = text_hash(repr(sorted({**_counted(tree), **data.hashes}.items())))
            validator = with_recognition(_validator(data.val, store), seen, known)
            trainer = Trainer(config, encoder, batches, out=out, config_hash=config_hash, validate=validator)
            if first and not quiet:
                _say(trainer, data)
            with first_alone(trainer.timeout):
                if first and not resume:
                    _check_pictures(data, batches, store)
                    if seen is not None and known is not None:
                        known.check(seen.labelled.images)
                    _begin(out, tree, trainer, data)
        summary = trainer.fit(resume=resume)
    if first:
        write_json(out / "summary.json", _summary(summary, batches, data))
    return summary


def as_launched(config: TrainConfig) -> TrainConfig:
    """The configuration with the engine that accelerate's launcher was told to use, where it names none itself.

    Raises:
        HairsplitError: It names another one, or has a setting that does not go with that engine.
    """
    theirs = launcher.asked()
    if theirs is None or config.engine == theirs or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return config
    if config.engine != "auto":
        raise HairsplitError(
            f"{config.engine} is to be used, and the launcher was told to use {theirs}",
            where="engine",
            hint="leave one of the two out",
        )
    tree = TypeAdapter(TrainConfig).dump_python(config, mode="json") | {"engine": theirs}
    return validate(TrainConfig, tree, f"accelerate's launcher, with engine: {theirs}")


def _begin(out: Path, tree: Mapping[str, Any], trainer: Trainer, data: _Data) -> None:
    write_json(
        out / "stamp.json",
        stamp(
            seed=trainer.config.seed,
            ranks=trainer.ranks,
            launch=launch(),
            config_hash=trainer.config_hash,
            data=dict(data.hashes),
            start_model=trainer.start_hash,
        ),
    )
    with atomic_file(out / "config.yaml") as temporary:  # last: with it, the run can be resumed
        temporary.write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), "utf-8")
    begun(out)


@contextlib.contextmanager
def _folder(out: Path, *, first: bool, resume: bool) -> Iterator[None]:
    """Claim the run folder before anything takes time; if the run does not begin, nothing is left of it."""
    if not first:
        yield
    elif resume:
        writable(out)
        begun(out)  # a kill may have come just before
        for leftover in (*out.glob("checkpoints/.*"), *out.glob("state/.*")):  # of a kill in the middle of writing
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        yield
    else:
        claim(out)
        try:
            yield
        except BaseException:
            if not (out / "config.yaml").exists():
                begun(out)
                (out / "stamp.json").unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # someone else put something there
                    out.rmdir()
            raise


def _counted(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that change numbers."""
    return {key: value for key, value in tree.items() if key not in (*_NO_NUMBER, *_PLACES)}


def _same_settings(out: Path, tree: Mapping[str, Any]) -> None:
    file = out / "config.yaml"
    if not file.is_file():
        raise HairsplitError("no run to resume", where=str(out), hint="start it without --resume")
    before = TypeAdapter(TrainConfig).dump_python(load_config(TrainConfig, file), mode="json")
    if changed := settings_changed(_counted(before), _counted(tree)):
        raise HairsplitError(
            f"the run was started with other settings: {'; '.join(changed)}",
            where=str(out),
            hint="leave them as they were, or start a new run",
        )


def _same_data(out: Path, hashes: Mapping[str, str | None]) -> None:
    stamped = read_json(out / "stamp.json")
    before = stamped.get("data") if isinstance(stamped, dict) else None
    changed = [what for what, value in hashes.items() if isinstance(before, dict) and before.get(what) != value]
    if changed:
        raise HairsplitError(
            f"the {' and the '.join(changed)} are not those that the run was started with",
            where=str(out),
            hint="put them back, or start a new run",
        )


def _read(config: TrainConfig) -> _Data:
    table = open_pairs(config.train, config.images)
    if not table.pairs:
        raise HairsplitError("the table has no pair", where=str(config.train), hint="look at its rejects")
    given = open_pairs(config.val, config.val_images) if config.val is not None else None
    if given is not None:
        refuse_weak(given, f"val: {given.path}")
    never = [open_pairs(path) for path in config.never]
    recognised = read_recognition(config)
    refuse_overlap(table, [*never, *([given] if given is not None else [])])
    keys = content_keys(table.root, rows_of(table).images.present())
    cut = split(config, table, keys) if given is None else Split(table, sampled(given, config))
    val = cut.val
    seen = content_keys(val.root, (pair.image for pair in val.pairs)) if given is not None and val is not None else {}
    hashes = {
        "training pairs": table.hash,
        "training pictures": text_hash(repr(sorted(keys.items()))),
        "validation pairs": given.hash if given is not None else None,
        "validation pictures": text_hash(repr(sorted(seen.items()))) if given is not None else None,
        "recognition pictures": recognised.hash if recognised is not None else None,
    }
    return _Data(cut.train, val, keys, keys if given is None else seen, hashes, recognised, cut.left_out)


def _cache(config: TrainConfig, encoder: DualEncoder, opened: contextlib.ExitStack) -> PixelCache | None:
    if config.pixel_cache is None:
        return None
    cache = PixelCache(config.pixel_cache, encoder.preprocess, megabytes=config.pixel_cache_megabytes)
    return opened.enter_context(contextlib.closing(cache))


def _validation_store(
    config: TrainConfig, data: _Data, encoder: DualEncoder, cache: PixelCache | None, opened: contextlib.ExitStack
) -> PixelStore | None:
    if data.val is None:
        return None
    store = PixelStore(
        data.val.root, encoder.preprocess, megabytes=0, threads=config.threads, cache=cache, keys=data.val_keys
    )
    return opened.enter_context(contextlib.closing(store))


def _batches(config: TrainConfig, data: _Data, encoder: DualEncoder, cache: PixelCache | None) -> PairBatches:
    return PairBatches(
        data.train,
        encoder.tokenizer,
        encoder.preprocess,
        batch_size=config.batch_size,
        image_keys=data.keys,
        negatives_per_image=config.negatives_per_image,
        each=config.epoch,
        seed=config.seed,
        kind_weights=config.kind_weights,
        context_length=encoder.context_length,
        threads=config.threads,
        megabytes=config.image_memory,
        cache=cache,
    )


def _check_pictures(data: _Data, batches: PairBatches, store: PixelStore | None) -> None:
    """Decode every picture before the first step: none of them may end a run in the middle of an epoch."""
    batches.check_pictures()
    if store is not None and data.val is not None:
        store.check(pair.image for pair in data.val.pairs)


def _summary(summary: Summary, batches: PairBatches, data: _Data) -> dict[str, Any]:
    return {
        "steps": summary.steps,
        "best": summary.best,
        "seconds": round(summary.seconds, 2),
        "left_out": {**batches.left_out, **data.left_out},
        "pairs_with_a_text_cut": batches.cut,
        "left_over_last_epoch": summary.left_over,
        "learning": summary.trainable.learning,
        **({} if summary.ema is None else {"saved_weights": f"moving average, ema={summary.ema:g}"}),
        **({} if summary.stopped is None else {"stopped": summary.stopped}),
        **({} if summary.forgot_at is None else {"forgot_at_step": summary.forgot_at}),
        **({} if not summary.tracker_failures else {"tracker_failures": dict(summary.tracker_failures)}),
    }


def _say(trainer: Trainer, data: _Data) -> None:
    pairs = f"{counted(len(data.train), 'pair')} to train on, {len(data.val) if data.val else 0:,} to validate on"
    lines = [f"{pairs}; {counted(trainer.steps, 'step')} of {trainer.config.batch_size} images"]
    left_out = sorted([*trainer.batches.left_out.items(), *data.left_out.items()])
    lines += [f"left out: {counted(count, 'pair')}, {reason}" for reason, count in left_out]
    if cut := trainer.batches.cut:
        longest = trainer.encoder.context_length
        lines.append(
            f"cut: {counted(cut, 'pair')} with a text of more than {longest} tokens, of which the model reads the first"
        )
    if (rest := trainer.batches.epoch(0).left_over) >= trainer.config.batch_size:
        lines.append(f"an epoch has no full batch of different images for {rest:,} of its examples")
    if unheard := _unheard(data.val):
        lines.append(
            f"too few pairs (below {FEWEST_PAIRS}) to count in the mean over kinds that chooses the best: {unheard}"
        )
    lines += launcher.told(trainer.config.engine, trainer.config.precision)
    lines += trainer.frozen.lines
    if trainer.config.ema is not None:
        lines.append(f"validated and saved is the moving average of the weights, ema={trainer.config.ema:g}")
    print("\n".join([*lines, str(trainer.table)]), file=sys.stderr)  # noqa: T201


def _unheard(val: PairsTable | None) -> str:
    """Kinds that are validated but have no say in which checkpoint is the best, with their numbers of pairs."""
    counts = Counter(pair.kind for pair in val.pairs) if val is not None else Counter()
    heard = kinds_with_a_say(list(counts.elements()))
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()) if kind not in heard)


def _validator(table: PairsTable | None, store: PixelStore | None) -> Validate | None:
    if table is None:
        return None
    return lambda encoder: validation_metrics(encoder, table, store=store)
