"""What a caption family consists of, and what it hands on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import msgspec

from hairsplit.captions._corpus import Corpus
from hairsplit.captions._referents import Names
from hairsplit.captions.form import Form
from hairsplit.core.types import Edit, Reject, World
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts


class Negative(msgspec.Struct, frozen=True, gc=False):
    """A sentence that is to be FALSE, and how it differs from its positive."""

    text: str
    form: Form
    edit: Edit


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A sentence that is to be TRUE with negatives, best first; `filters` decides what becomes of them."""

    text: str
    form: Form
    negatives: tuple[Negative, ...]
    mentions: tuple[tuple[str, Entity], ...]
    """(role, thing) for all things that the two sentences speak of."""


class Context(msgspec.Struct, frozen=True):
    """What a family may look at besides the facts of the one image."""

    corpus: Corpus
    names: Names
    rng: Random
    """A stream of its own for (seed, image, family)."""
    wanted: int
    """Negatives per positive; more may be offered."""
    weak: bool = False
    """Whether a negative may rest on what is not annotated."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """One kind of hard negative: how drafts are made of facts, where it may be used and what it says."""

    generate: Callable[[Facts, Context], Iterator[Draft | Reject]]
    """Drafts, and a `Reject` with its reason for each fact that gave none."""
    roles: tuple[str, ...]
    """What its edits change."""
    worlds: tuple[World, ...]
    """Worlds in which both sides can be proved, so that the form of a sentence is no label."""
    templates: tuple[str, ...]
    """Sentence patterns, equally likely; a pair uses the same one on both sides."""
    example: tuple[str, str]
    """A positive and its negative."""
