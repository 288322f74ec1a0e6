"""Embeddings that are kept, on disk or in memory, by the weights they come from and the content they are of.

An embedding is a function of the content alone, to the last bit, whatever else is kept: what is missing is encoded in
passes of one shape, filled up where too little is left. So a comparison has the same numbers with a cold cache, a warm
one and a damaged one.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import file_hash
from hairsplit.core.slot_file import KEY, CacheFolder, SlotFile
from hairsplit.data.pixel_cache import pixel_settings
from hairsplit.encoders import lora
from hairsplit.encoders.dual_encoder import DualEncoder, weights_hash
from hairsplit.encoders.machine import machine_settings

Matrix = NDArray[np.float32]
Box = tuple[float, float, float, float]
Tower = Literal["image", "text"]
Progress = Callable[[int], None]

FORMAT = 1
"""To be raised when a tower, or how its input is made, gives another number than before."""
MEGABYTES = 4_096
"""Two million embeddings of 512 numbers."""
ROWS, ROWS_OF_A_GPU = 16, 128
"""Pictures or texts of one pass."""
LENGTHS = 4
"""Texts of one pass have lengths that round up to the same multiple of this many tokens."""
PART = 1_024
"""Embeddings that are written at once: so many at most are lost to an interruption."""
_MODULES = {"image": ("vision_model.", "visual_projection."), "text": ("text_model.", "text_projection.")}


class Rows(Protocol):
    """Records of one size by keys of 16 bytes."""

    damaged: int

    def read(self, keys: Sequence[bytes], out: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Fill the rows of `out` whose keys are here and whole; which they are."""

    def write(self, keys: Sequence[bytes], rows: NDArray[np.uint8]) -> None:
        """Add records, as far as there is room."""


class _Memory:
    """Records in this process's memory."""

    def __init__(self) -> None:
        self.damaged = 0
        self._rows: dict[bytes, NDArray[np.uint8]] = {}

    def read(self, keys: Sequence[bytes], out: NDArray[np.uint8]) -> NDArray[np.bool_]:
        found = np.array([key in self._rows for key in keys], bool)
        for n in np.flatnonzero(found).tolist():
            out[n] = self._rows[keys[n]]
        return found

    def write(self, keys: Sequence[bytes], rows: NDArray[np.uint8]) -> None:
        self._rows |= {key: row.copy() for key, row in zip(keys, rows, strict=True)}


@dataclass
class Counts:
    """What became of the embeddings that were asked for, each counted once per model."""

    read: int = 0
    """Found, or encoded earlier in this process."""
    encoded: int = 0
    damaged: int = 0
    """Found torn or altered, and encoded again."""


class EmbeddingCache:
    """Where the embeddings of any number of models are kept.

    Args:
        folder: Shared by processes and later comparisons; None: in memory, one model at a time.
        megabytes: Of the folder at most: the embeddings longest unused make way, those of this run are not kept.

    Raises:
        HairsplitError: The folder cannot be written to, or this system cannot lock files.
    """

    def __init__(self, folder: Path | None, megabytes: int = MEGABYTES) -> None:
        self._folder = CacheFolder(folder, megabytes, option="--cache") if folder is not None else None
        self._contents: dict[Path, str] = {}
        self.counts = Counts()

    def of(self, encoder: DualEncoder) -> "KeptEmbeddings":
        """The embeddings of one model; to be closed before the next is opened."""
        record = 4 * encoder.embedding_width

        def rows(tower: Tower) -> Rows:
            return _Memory() if self._folder is None else SlotFile(self._folder, settings(encoder, tower), record)

        return KeptEmbeddings(encoder, rows("image"), rows("text"), self)

    def content(self, path: Path) -> str:
        """Hash of a file's bytes, read once.

        Raises:
            HairsplitError: It cannot be read.
        """
        if path not in self._contents:
            try:
                self._contents[path] = file_hash(path)
            except OSError as error:
                reason = "no such picture" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
                raise HairsplitError(reason, where=str(path), hint="check --images") from None
        return self._contents[path]

    def close(self) -> None:
        """Close the folder."""
        if self._folder is not None:
            self._folder.close()


class KeptEmbeddings:
    """The embeddings of one model, by content; made by `EmbeddingCache.of`."""

    def __init__(self, encoder: DualEncoder, images: Rows, texts: Rows, cache: EmbeddingCache) -> None:
        device = next(encoder.parameters()).device
        self.rows = ROWS if device.type == "cpu" else ROWS_OF_A_GPU
        """Of a pass."""
        self._width, self._cache = encoder.embedding_width, cache
        self._stores: dict[Tower, Rows] = {"image": images, "text": texts}
        self._asked: set[bytes] = set()

    def picture_keys(self, pictures: Sequence[tuple[Path, Box | None]]) -> list[bytes]:
        """Keys of pictures, each whole or cut to a box.

        Raises:
            HairsplitError: A file is missing or cannot be read.
        """
        return [_key(self._cache.content(path), None if box is None else list(box)) for path, box in pictures]

    @staticmethod
    def text_keys(ids: Sequence[Sequence[int]]) -> list[bytes]:
        """Keys of texts, by their token ids."""
        return [_key("ids", list(own)) for own in ids]

    def read(self, tower: Tower, keys: Sequence[bytes], tick: Progress | None = None) -> tuple[list[int], Matrix]:
        """Numbers of the keys that are not here, each key once, and [keys, D] with the rows of those that are."""
        raw = np.empty((len(keys), 4 * self._width), np.uint8)
        found = self._stores[tower].read(keys, raw)
        missing = list({keys[n]: int(n) for n in np.flatnonzero(~found)[::-1]}.values())[::-1]
        known = {key for key, is_here in zip(keys, found, strict=True) if is_here} - self._asked
        self._asked |= known
        self._cache.counts.read += len(known)
        if tick:
            tick(len(known))
        return missing, raw.view(np.float32)

    def write(self, tower: Tower, keys: Sequence[bytes], rows: Matrix, tick: Progress | None = None) -> None:
        """Keep embeddings [keys, D] that were just made."""
        self._stores[tower].write(keys, np.ascontiguousarray(rows, np.float32).view(np.uint8))
        self._cache.counts.encoded += len(keys)
        if tick:
            tick(len(set(keys) - self._asked))
        self._asked |= set(keys)

    def obtain(
        self,
        tower: Tower,
        keys: Sequence[bytes],
        encode: Callable[[list[int]], Matrix],
        *,
        tick: Progress | None = None,
    ) -> Matrix:
        """[keys, D]: what is here is read; `encode` is given the numbers of what is not, so many at a time."""
        missing, rows = self.read(tower, keys, tick)
        made: dict[bytes, NDArray[np.float32]] = {}
        for start in range(0, len(missing), PART):
            part = missing[start : start + PART]
            fresh = encode(part)
            self.write(tower, [keys[n] for n in part], fresh, tick)
            made |= {keys[n]: row for n, row in zip(part, fresh, strict=True)}
        if made:
            for n, key in enumerate(keys):
                if key in made:
                    rows[n] = made[key]
        return rows

    def close(self) -> None:
        """Close the files, and count what was damaged in them."""
        for store in self._stores.values():
            self._cache.counts.damaged += store.damaged
            if isinstance(store, SlotFile):
                store.close()


def settings(encoder: DualEncoder, tower: Tower) -> str:
    """All that a tower's embeddings depend on beside the content, as JSON; adapters count as merged."""
    config: Any = encoder.model.config.vision_config if tower == "image" else encoder.model.config.text_config
    device = next(encoder.parameters()).device
    plain = sorted(lora.plain_state(encoder.model).items())
    found: dict[str, Any] = {
        "what": "hairsplit embeddings",
        "format": FORMAT,
        "tower": tower,
        "weights": weights_hash((name, value) for name, value in plain if name.startswith(_MODULES[tower])),
        "width": encoder.embedding_width,
        "pass": [ROWS, ROWS_OF_A_GPU, LENGTHS],
        **{name: getattr(config, name) for name in ("hidden_act", "num_attention_heads", "layer_norm_eps")},
        "attention": config._attn_implementation,
        **machine_settings(device),
    }
    if tower == "image":
        prepared = encoder.preprocess
        found |= {"pixels": pixel_settings(prepared), "mean": list(prepared.mean), "std": list(prepared.std)}
    else:
        found |= {"end": encoder.tokenizer.eos}
    return json.dumps(found, sort_keys=True)


def mirrored_key(key: bytes) -> bytes:
    """The key of the same picture with left and right exchanged."""
    return _key("mirrored", key)


def _key(*parts: object) -> bytes:
    return blake2b(repr(parts).encode(), digest_size=KEY).digest()
