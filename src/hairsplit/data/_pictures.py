"""Find each picture below the images root and decode it once, so that no broken file stops a run at midnight."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode, inside
from hairsplit.data._parallel import parallel_map

SUFFIXES = (".jpg", ".jpeg", ".png")
"""Tried in this order after the bare name: HNC names images by id."""


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
    open_them: bool
    """Whether to decode each picture, not only to find its file."""
    _known: dict[str, Picture] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Picture:
        if name not in self._known:
            self._known[name] = self._examine(name)
        return self._known[name]

    def look_at(self, names: Iterable[str], workers: int | None = None) -> None:
        """Examine pictures in threads, with a progress bar."""
        new = sorted(set(names) - self._known.keys())
        with warnings.catch_warnings():  # `decode` swaps the filters, which all threads share: see that they come back
            warnings.simplefilter("ignore")
            found = parallel_map(self._examine, new, label="checking pictures", workers=workers)
        self._known.update(zip(new, found, strict=True))

    def _examine(self, name: str) -> Picture:
        found = self._find(name)
        if found.path is not None and self.open_them:
            try:
                decode(self.root / found.path).close()
            except HairsplitError as error:
                return Picture(None, "broken_image", f"{found.path}: {error.message}")
        return found

    def _find(self, name: str) -> Picture:
        # Whatever suffix the name has, the bare name comes first; "photo.v1" may well be "photo.v1.jpg".
        for candidate in (name, *(name + suffix for suffix in SUFFIXES if not name.lower().endswith(SUFFIXES))):
            try:
                if inside(self.root, candidate).is_file():
                    return Picture(candidate)
            except HairsplitError as error:  # readers let plain paths through only, so it is a link
                return Picture(None, "image_outside_root", error.message)
            except (OSError, RuntimeError) as error:  # a name too long, links in a circle
                return Picture(None, "missing_image", f"{name}: {error}")
        return Picture(None, "missing_image", name)
