"""What a rule consists of, and what it proposes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

from hairsplit.captions.form import Form
from hairsplit.captions.from_text._sentence import Sentence, Slot
from hairsplit.core.types import Edit

Sort = Literal["noun", "attribute", "verb", "preposition", "number"]


@dataclass(frozen=True)
class Change:
    """How a negative differs from its caption, and what it claims."""

    slots: tuple[Slot, ...]
    edit: Edit
    news: tuple[tuple[Sort, str], ...] = ()
    """Words that the change brings in; it is dropped if a caption of the image has one of them, or one like it."""
    claims: tuple[Form, ...] = ()
    """What the negative says of the scene, as far as a graph could tell; one that is FALSE makes it false."""
    caption_claims: tuple[Form, ...] = ()
    """What the caption says in their place; a graph that denies it too speaks of other things, and proves nothing."""
    premise: tuple[Slot, ...] = ()
    """What is changed in the caption first, to make the positive; the slots of both count in the caption's words."""
    one: str = ""
    """A noun of which there must be one thing only, lest the negative be true of another."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One kind of hard negative made of a caption alone."""

    propose: Callable[[Sentence, Random], Iterator[Change]]
    """All changes that the rule can make to a sentence; draws only where the order of words is drawn."""
    example: tuple[str, str]
    """A caption and its negative."""
    fluent: bool = True
    """Whether it makes sentences: word pairs that no other caption has then speak against a change."""
