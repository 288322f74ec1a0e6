"""What a run validates on: images held out of the training table, or a sample of a table of its own."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate

import numpy as np

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import stream
from hairsplit.core.tables import WEAK_ABSENCE, PairsTable, is_weak
from hairsplit.core.wording import counted
from hairsplit.data.rows import Rows, rows_of
from hairsplit.train.config import TrainConfig

NOT_PROVED = "held out, and the negative rests on absence: it may be true"
"""Why a pair of a held-out image does not validate."""


@dataclass(frozen=True)
class Split:
    """A training table cut in two."""

    train: PairsTable
    val: PairsTable | None
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> pairs of held-out images that neither train nor validate."""


def split(config: TrainConfig, table: PairsTable, keys: Mapping[str, int]) -> Split:
    """Training and validation pairs; by image, so that no picture is on both sides.

    Of a table made with --weak-absence, the pairs that are proved validate and the others of their images are left
    out: an accuracy on negatives that may be true measures nothing, and would choose the checkpoint.

    Args:
        config: `val_share`, `max_val_pairs` and `seed` count.
        table: To be cut.
        keys: Picture -> content key; copies of a picture stay together.

    Raises:
        HairsplitError: Nothing is left to train on, or no held-out pair of a weak table is proved.
    """
    if not config.val_share:
        return Split(table, None)
    rows = rows_of(table)
    images = rows.images.present()
    held = max(1, round(config.val_share * len(images)))
    chosen = set(stream(config.seed, "validation images").sample(images, held))
    # Equal pictures under different names must not end up on both sides.
    kept_out = {keys[image] for image in chosen}
    is_val = rows.images.mapped([keys[image] in kept_out for image in rows.images.names]) == 1
    if is_val.all():
        raise HairsplitError("nothing is left to train on", where="val_share", hint="lower it, or give `val`")
    train, val = (rows.take(np.flatnonzero(side)) for side in (~is_val, is_val))
    left_out = Counter[str]()
    if is_weak(table):
        val, count = _proved(val)
        left_out += Counter({NOT_PROVED: count})
    sample = sampled(replace(table, pairs=val), config)
    if left_out and sample is None:
        raise HairsplitError(
            f"nothing to validate on: of the images held out, {counted(left_out.total(), 'pair')} may be wrong, and "
            "none is proved",
            where=str(config.train),
            hint="give `val` a table made without --weak-absence, or set val_share to hold out more (0: none)",
        )
    return Split(replace(table, pairs=train), sample, left_out)


def _proved(rows: Rows) -> tuple[Rows, int]:
    """The rows of which the negative does not rest on absence, and how many others there are."""
    proved = np.array([what != WEAK_ABSENCE for block in rows.evidence() for what in block], bool)
    return rows.take(np.flatnonzero(proved)), int((~proved).sum())


def sampled(table: PairsTable, config: TrainConfig) -> PairsTable | None:
    """Whole images, in a seeded order, until `max_val_pairs` pairs with a negative are together.

    Raises:
        HairsplitError: A `val` of its own has no pair with a negative.
    """
    rows = rows_of(table)
    usable = np.flatnonzero([n not in {None, c} for block in rows.texts() for c, n in zip(*block, strict=True)])
    names = rows.images.names
    counts = Counter(rows.images.codes[usable].tolist())
    images = sorted(counts, key=names.__getitem__)
    stream(config.seed, "validation sample").shuffle(images)
    before = accumulate((counts[image] for image in images), initial=0)
    chosen = [names[image] for image, pairs in zip(images, before, strict=False) if pairs < config.max_val_pairs]
    if not chosen and config.val is not None:
        raise HairsplitError("no pair with a negative to validate on", where=str(config.val), hint="use another `val`")
    place = {image: n for n, image in enumerate(chosen)}
    is_chosen = rows.images.mapped([image in place for image in names])[usable] == 1
    pairs = rows.take(usable[is_chosen]).pairs()
    return replace(table, pairs=tuple(sorted(pairs, key=lambda pair: place[pair.image]))) if chosen else None
