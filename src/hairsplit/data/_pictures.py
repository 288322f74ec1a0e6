"""Find each picture below the images root and decode it once, so that no broken file stops a run at midnight."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode, inside
from hairsplit.data._parallel import parallel_map

Check = Literal["decode", "exists", "none"]
"""Whether to decode each picture, to find its file only, or not even that."""
CHECKS: dict[str, Check] = {"decode": "decode", "exists": "exists", "none": "none"}
SUFFIXES = (".jpg", ".jpeg", ".png")
"""Tried in this order after the bare name: HNC names images by id. Unchecked names get the first."""


@dataclass(frozen=True)
class Picture:
    """What became of an image name: its path below the root, or the reason why there is none."""

    path: str | None
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Pictures:
    """The pictures below a root; each is looked at once, when first asked for or ahead of time by `look_at`."""

    root: Path
    check: Check = "decode"
    _known: dict[str, Picture] = field(default_factory=dict)
    _listed: dict[str, dict[str, bool]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Picture:
        if name not in self._known:
            self._known[name] = self._examine(name)
        return self._known[name]

    def look_at(self, names: Iterable[str], workers: int | None = None, label: str | None = None) -> None:
        """Examine pictures ahead, in threads if they are decoded; with a label, a progress bar is shown."""
        new = sorted(set(names) - self._known.keys())
        if self.check == "decode" and new and (workers != 1 or label):
            found = parallel_map(self._examine, new, label=label, workers=workers)
            self._known.update(zip(new, found, strict=True))

    def _examine(self, name: str) -> Picture:
        if self.check == "none":
            return Picture(name if name.lower().endswith(SUFFIXES) else name + SUFFIXES[0])
        found = self._find(name)
        if found.path is not None and self.check == "decode":
            try:
                decode(self.root / found.path).close()
            except HairsplitError as error:
                return Picture(None, "broken_image", f"{found.path}: {error.message}")
        return found

    def _find(self, name: str) -> Picture:
        # Whatever suffix the name has, the bare name comes first; "photo.v1" may well be "photo.v1.jpg".
        for candidate in (name, *(name + suffix for suffix in SUFFIXES if not name.lower().endswith(SUFFIXES))):
            try:
                folder, _, file = candidate.rpartition("/")
                plain = self._entries(folder).get(file)
                if plain or (plain is False and inside(self.root, candidate).is_file()):
                    return Picture(candidate)
            except HairsplitError as error:  # readers let plain paths through only, so it is a link
                return Picture(None, "image_outside_root", error.message)
            except (OSError, RuntimeError) as error:  # a name too long, links in a circle
                return Picture(None, "missing_image", f"{name}: {error}")
        return Picture(None, "missing_image", name)

    def _entries(self, folder: str) -> dict[str, bool]:
        """What is in a folder: name -> whether it is a file, and no link. Listing once is faster than asking for each.

        Names are told apart by case, also where the file system does not.
        """
        if folder not in self._listed:
            entries: dict[str, bool] = {}
            with suppress(FileNotFoundError, NotADirectoryError):
                place = inside(self.root, folder) if folder else self.root
                with os.scandir(place) as found:
                    entries = {entry.name: entry.is_file(follow_symlinks=False) for entry in found}
            self._listed[folder] = entries
        return self._listed[folder]
