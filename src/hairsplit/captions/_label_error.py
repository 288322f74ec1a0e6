"""How likely the label of a pair is wrong, by what its negative rests on: measured, not assumed (CAPTIONS 7.8)."""

from collections.abc import Mapping
from functools import cache

from hairsplit.captions._weak import WHAT
from hairsplit.captions.form import Form
from hairsplit.scenes.absence import ABSENT

AUDITED: Mapping[str, tuple[int, int]] = {
    "annotated": (0, 43_660),
    "complete": (0, 8_855),
    "complete_noun": (6, 6_925),
    "converse_or_contrary": (0, 4_688),
    "exclusive_attribute": (0, 92_173),
    "functional": (0, 2_797),
    "geometric": (0, 118_851),
    "weak_absence of attribute": (68, 786),
    "weak_absence of relation": (24, 585),
    "weak_absence of thing": (20, 2_081),
}
"""What a negative rests on -> wrong pairs, pairs of the masking audit; `python -m benchmarks.label_error` prints it."""


def basis(evidence: str, form: Form) -> str:
    """What a negative rests on: its evidence, and of what is absent in the weak mode, what kind of fact that is."""
    return f"{evidence} of {WHAT[type(form)]}" if evidence == ABSENT.evidence else evidence


def p_label_error(evidence: str, form: Form) -> float | None:
    """Probability that a pair is wrong whose negative means `form` and is FALSE by `evidence`; None if not audited.

    The mean of what the audit leaves to believe under Jeffreys' prior, (wrong + 1/2) / (pairs + 1): none wrong of many
    is a small number, and not 0 (Brown, Cai and DasGupta, Statistical Science 16, 2001). It holds for graphs that are
    incomplete as those of the audit are, and where words mean what the lexicon says.
    """
    return _mean(basis(evidence, form))


@cache
def _mean(rests_on: str) -> float | None:
    if rests_on not in AUDITED:
        return None
    wrong, pairs = AUDITED[rests_on]
    return (wrong + 0.5) / (pairs + 1)
