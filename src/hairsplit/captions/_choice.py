"""Which graphs of the input are worked on, and where their pictures are."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import inside
from hairsplit.core.kept import kept
from hairsplit.core.run import number
from hairsplit.core.types import Reject, Scene
from hairsplit.scenes.readers.gqa import RawGraph, clean

_PLAIN = re.compile(r"[a-zA-Z0-9_-]+\.[a-z]+")
"""Names of files that can only leave the folder they are in by being a link."""
ENDINGS = (".jpg", ".png", ".jpeg")
"""Tried after the path that a graph names: `<image id><ending>`."""


@dataclass(frozen=True)
class Choice:
    """Rules that a graph must pass; the same in every process."""

    root: Path
    """Images root."""
    check: bool
    """Whether a graph without its picture is left out; otherwise pictures are taken on trust."""
    split: str | None = None
    """Only graphs of this split, if given."""
    excluded: frozenset[str] = frozenset()
    """Image ids to leave out."""

    def scene(self, graph: RawGraph, rejects: Counter[str], splits: set[str]) -> Scene | None:
        """The cleaned scene with the path of its picture; None, with the reason counted, if it is left out.

        The split of each sound graph goes to `splits`.
        """
        found: list[Reject] = []
        scene = clean(graph, found)
        rejects.update(f"graph: {reject.reason}" for reject in found)
        if scene is None:
            return None
        splits.add(str(scene.split))
        if self.split is not None and scene.split != self.split:
            return None
        if scene.image_id in self.excluded:
            rejects["image: excluded"] += 1
            return None
        names = [scene.image] if scene.image else []
        if self.check or not names:
            names += [f"{scene.image_id}{ending}" for ending in ENDINGS]
        picture, reason = self._picture(names)
        if picture is None:
            rejects[reason] += 1
            return None
        return replace(scene, image=picture)

    def _picture(self, names: Sequence[str]) -> tuple[str | None, str]:
        """The first of the paths that is a file (or, unchecked, the first), and why there is none."""
        for name in names:
            if not self.check and _PLAIN.fullmatch(name) and not self._may_be_a_link(name):
                return name, ""  # as `inside` would find, in a tenth of its time
            try:
                path = inside(self.root, name)
            except HairsplitError:
                return None, "image: path is not a plain path below the images root"
            if not self.check or path.is_file():
                return name, ""
        return None, "image: file missing"

    def _may_be_a_link(self, name: str) -> bool:
        return self._links is None or name.casefold() in self._links

    @kept
    def _links(self) -> frozenset[str] | None:
        """Names of links in the images root, in small letters: some file systems do not heed case; None if unknown.

        To ask for each picture would take longer than to list the folder.
        """
        try:
            with os.scandir(self.root) as entries:
                return frozenset(entry.name.casefold() for entry in entries if entry.is_symlink())
        except OSError:
            return None

    def __getstate__(self) -> dict[str, Any]:
        """Without the links: another process, perhaps on another machine, has to look for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_links"}


def in_shard(image_id: str, shard: tuple[int, int]) -> bool:
    """Whether an image belongs to shard i of n, which depends on its id alone."""
    return shard[1] == 1 or number(0, image_id, "shard") % shard[1] == shard[0]


def checked_shard(shard: tuple[int, int]) -> tuple[int, int]:
    """The shard (i, n) itself.

    Raises:
        HairsplitError: It is not 0 <= i < n.
    """
    if not 0 <= shard[0] < shard[1]:
        raise HairsplitError(f"there is no shard {shard[0]}/{shard[1]}", where="shard", hint="0/4, 1/4, 2/4, 3/4")
    return shard
