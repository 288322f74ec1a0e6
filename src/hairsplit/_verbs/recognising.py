"""Recognition beside the pairs of a training run: what the fine-tuning makes the model forget, while it happens."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from hairsplit.core.run import text_hash
from hairsplit.data.leaks import content_keys
from hairsplit.data.pixel_cache import PixelCache
from hairsplit.data.pixels import PixelStore
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.forgetting import LabelledImages, labelled_images, top_1
from hairsplit.train.config import TrainConfig
from hairsplit.train.loop import Validate
from hairsplit.train.stopping import RECOGNITION


@dataclass(frozen=True)
class Recognised:
    """A recognition set of which each picture is decoded once, while the memory lasts."""

    labelled: LabelledImages
    keys: Mapping[str, int]
    """Picture -> content key."""

    @property
    def hash(self) -> str:
        """Of pictures, classes and prompts."""
        told = (sorted(self.keys.items()), self.labelled.classes, self.labelled.prompts)
        return text_hash(repr(told))

    def store(
        self, config: TrainConfig, encoder: DualEncoder, cache: PixelCache | None, opened: contextlib.ExitStack
    ) -> PixelStore:
        """Its pictures, every one of them decoded and checked."""
        store = PixelStore(
            self.labelled.root,
            encoder.preprocess,
            megabytes=config.image_memory,
            threads=config.threads,
            cache=cache,
            keys=self.keys,
        )
        opened.enter_context(contextlib.closing(store))
        return store


def read_recognition(config: TrainConfig) -> Recognised | None:
    """The recognition set that the configuration names, if any.

    Raises:
        HairsplitError: See `labelled_images`; or a picture is unreadable.
    """
    if config.recognition is None:
        return None
    labelled = labelled_images(config.recognition)
    return Recognised(labelled, content_keys(labelled.root, labelled.images))


def with_recognition(
    pairs: Validate | None, recognised: Recognised | None, store: PixelStore | None
) -> Validate | None:
    """The validation of `pairs`, with top-1 of the recognition set in the same row."""
    if recognised is None:
        return pairs

    def validate(encoder: DualEncoder) -> Mapping[str, float]:
        row = dict(pairs(encoder)) if pairs is not None else {}
        return {**row, RECOGNITION: top_1(encoder, recognised.labelled, store=store)}

    return validate
