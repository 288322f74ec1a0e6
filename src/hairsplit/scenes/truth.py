"""Three-valued truth and its evidence (strong Kleene logic)."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple


class Truth(Enum):
    """Three-valued truth (strong Kleene logic)."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


TRUE, FALSE = Truth.TRUE, Truth.FALSE
"""For what asks often: Python 3.11 takes twenty times as long to find a member of an enumeration by its name."""
_OPPOSITE = {TRUE: FALSE, FALSE: TRUE, Truth.UNKNOWN: Truth.UNKNOWN}


class Verdict(NamedTuple):
    """A truth value and why.

    annotated, geometric, exclusive_attribute, converse_or_contrary, functional, count_bound, complete (in the closed
    world) or complete_noun; in the weak mode weak_absence, which is no proof.
    """

    truth: Truth
    evidence: str = ""


UNKNOWN = Verdict(Truth.UNKNOWN)


def both(verdicts: Iterable[Verdict]) -> Verdict:
    """Kleene's and: FALSE if one is FALSE, TRUE if all are."""
    return _fold(verdicts, decisive=FALSE, otherwise=TRUE)


def either(verdicts: Iterable[Verdict]) -> Verdict:
    """Kleene's or: TRUE if one is TRUE, FALSE if all are FALSE."""
    return _fold(verdicts, decisive=TRUE, otherwise=FALSE)


def _fold(verdicts: Iterable[Verdict], *, decisive: Truth, otherwise: Truth) -> Verdict:
    """The first decisive one; else UNKNOWN if one is, and otherwise so by the evidence of the first."""
    first, known = None, True
    for verdict in verdicts:
        if verdict.truth is decisive:
            return verdict
        known = known and verdict.truth is otherwise
        first = first or verdict
    if not known:
        return UNKNOWN
    return first or Verdict(otherwise)


def opposite(verdict: Verdict) -> Verdict:
    """Kleene's not."""
    return Verdict(_OPPOSITE[verdict.truth], verdict.evidence)
