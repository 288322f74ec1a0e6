"""What a benchmark consists of: where its files are, its items, and every aggregate that papers report of it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate.benchmarks._files import Folder
from hairsplit.evaluate.benchmarks._outcomes import CORRECT, Outcome

IDENTICAL = "identical_texts"
"""Reason for leaving out an item whose true and false captions are the same text: no model can be right."""


@dataclass(frozen=True)
class DataFile:
    """An annotation file of a benchmark."""

    name: str
    """As published, relative to the data folder; looked for there and in its `data/`."""
    published: str
    """Where it can be fetched."""
    others: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Other files that will do in its place: name -> where it can be fetched."""


@dataclass(frozen=True)
class Collection:
    """A set of pictures that a benchmark shows, as its publisher packs it."""

    name: str
    published: str
    """Where it can be fetched."""
    folders: tuple[str, ...] = (".", "images")
    """Where it is looked for, relative to the images or data folder; the first is the publisher's own name."""


@dataclass(frozen=True)
class Picture:
    """A picture of an item, perhaps cut to a box."""

    collection: str
    """Name of its `Collection`."""
    path: str
    """Relative to the collection's folder, with forward slashes."""
    box: tuple[float, float, float, float] | None = None
    """x, y, width, height in pixels; the model is shown this part only."""
    mirrored: bool = False
    """Whether the model is shown it with left and right exchanged."""


@dataclass(frozen=True)
class Unit:
    """Several items that are right only together."""

    id: str
    size: int
    """Items that it has; a unit that lacks one is not judged."""
    chance: float | None = None
    """What random cosines score; None: the product of the items' chances, which share no cosine."""


@dataclass(frozen=True)
class Question:
    """One item: every image is scored with every caption."""

    id: str
    images: tuple[Picture, ...]
    captions: tuple[str, ...]
    kind: str
    true: int = 1
    """How many of the captions, from the first on, are true of the first image."""
    units: Mapping[str, Unit] = field(default_factory=dict)
    """Sort of unit (`pair`, `set`) -> the one that the item belongs to."""
    cluster: str = ""
    """Items that share it are resampled together; empty: those of the same first picture."""
    asked: tuple[str, ...] = ()
    """Names of the outcomes that are asked of it; empty: all of the benchmark's."""


def cluster(item: Question) -> str:
    """What the items are resampled by: the first picture, unless the item says otherwise."""
    return item.cluster or f"{item.images[0].collection}/{item.images[0].path}"


@dataclass(frozen=True)
class Statement:
    """A caption that is true or false of a picture, beside which no other need stand."""

    image: Picture
    caption: str
    kind: str
    true: bool


@dataclass(frozen=True)
class Questions:
    """All items of a benchmark that a data folder holds."""

    items: tuple[Question, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> rows of the files that are no items."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What else is to be told of the items, such as options that were dropped."""
    statements: tuple[Statement, ...] = ()
    """What the items were made of, to be ranked as a whole."""


@dataclass(frozen=True)
class CaptionedImages:
    """A retrieval set: pictures with their captions."""

    rows: tuple[tuple[Picture, str], ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class LabelledPictures:
    """A recognition set: pictures with their classes."""

    rows: tuple[tuple[Picture, int], ...]
    classes: tuple[str, ...]
    prompts: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class MultiLabelled:
    """A recognition set whose pictures each show any number of classes."""

    rows: tuple[tuple[Picture, frozenset[int], frozenset[int]], ...]
    """A picture, the classes that it shows, and those that it is not asked about."""
    classes: tuple[str, ...]
    prompts: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


Suite = Questions | CaptionedImages | LabelledPictures | MultiLabelled


def own(kind: str) -> str | None:
    """Each kind is a group."""
    return kind


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One number that somebody reports of a benchmark, as a rule over per-item outcomes."""

    name: str
    over: Literal["items", "groups", "kinds of groups"] = "items"
    """items: the share of all items (micro). groups: the unweighted mean over groups of their shares (macro). kinds of
    groups: the unweighted mean over groups of the unweighted mean over their kinds."""
    group: Callable[[str], str | None] = own
    """Kind -> its group; None leaves the kind out."""
    outcome: str = "correct"
    at_least: int = 1
    """Kinds with fewer items are left out."""
    unit: str | None = None
    """Sort of unit; right means: all items of the unit are right."""
    groups: int | None = None
    """How many groups the published number is a mean over."""
    published: str = ""
    """Who reports it."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark; the folder of this module is their registry."""

    title: str
    read: Callable[[Folder], Suite]
    """Reads the annotation files of a data folder; raises `HairsplitError` with file, item and remedy."""
    files: tuple[DataFile, ...]
    collections: tuple[Collection, ...]
    items: int | None
    """How many items the published files hold; None where that depends on the data."""
    items_note: str = ""
    outcomes: tuple[Outcome, ...] = (CORRECT,)
    chance: Mapping[str, float | None]
    """Outcome -> what guessing scores, where all items have the same; None where it depends on the data."""
    aggregates: tuple[Aggregate, ...] = ()
    """All that are published, the one that we put first first."""
    ties: Literal["miss", "hit", "order"] = "miss"
    """How the suite's own code counts a tie; order: as sorting happens to leave it. Ours is always a miss."""
    tie_rule: str
    """The same in words."""
    blind: str = ""
    """Why there is no text-only baseline; empty where there is one."""
    licence: str
    reference: str
    """arXiv:..., doi:... or a URL."""
    citation: str
    example: Mapping[str, str] = field(default_factory=dict)
    """Smallest valid files (contract-tested)."""
    example_pictures: tuple[str, ...] = ()
    """Pictures beside them, where the files do not name any."""


class Gathering:
    """Collects items, and counts by reason what is none."""

    def __init__(self) -> None:
        self.items: list[Question] = []
        self.left_out: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.statements: list[Statement] = []

    def add(self, where: str, question: Question) -> None:
        """Take an item, unless a false caption of it is the same text as a true one.

        Raises:
            HairsplitError: A caption is empty.
        """
        texts = [" ".join(caption.lower().split()) for caption in question.captions]
        if not all(texts):
            raise HairsplitError("a caption is empty", where=where, hint="fetch the file again")
        if set(texts[: question.true]) & set(texts[question.true :]):
            self.left_out[IDENTICAL] += 1
        else:
            self.items.append(question)

    def questions(self) -> Questions:
        """All that was taken."""
        return Questions(tuple(self.items), dict(self.left_out), dict(self.counts), tuple(self.statements))


def within(group_of: Callable[[str], str | None], name: str) -> Callable[[str], str | None]:
    """Each kind of one group as a group of its own, for `Aggregate.group`; all others are left out."""
    return lambda kind: kind if group_of(kind) == name else None


def groups(**members: Sequence[str]) -> Callable[[str], str | None]:
    """Kind -> group, for `Aggregate.group`; a kind of no group is left out."""
    of = {kind: group for group, kinds in members.items() for kind in kinds}
    return of.get
