"""What a scene graph says of a negative: proven false, or not to be trusted, or nothing."""

from hairsplit.captions.form import NO_REFERENT, Count, Exists, Form, judge
from hairsplit.captions.from_text._rule import Change
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import Truth, Verdict

UNPROVEN = "unproven"
"""The evidence of a negative that no graph was asked about, or none had anything to say of."""


def evidence(change: Change, facts: Facts | None) -> str | None:
    """The class of the proof that the negative is false, `UNPROVEN`, or None where the graph says it may be true.

    A negative claims all of its claims together: one that is FALSE will do. It is no proof where what the caption says
    instead is FALSE as well: of seven men in the graph, the four of a caption are some, and so may five be.
    """
    if facts is None:
        return UNPROVEN
    if any(_look_up(claim, facts).truth is Truth.FALSE for claim in change.caption_claims):
        return None
    verdicts = [_look_up(claim, facts) for claim in change.claims]
    proofs = [verdict.evidence for verdict in verdicts if verdict.truth is Truth.FALSE]
    if proofs:
        return proofs[0]
    return UNPROVEN if all(verdict == NO_REFERENT for verdict in verdicts) else None


def _look_up(claim: Form, facts: Facts) -> Verdict:
    """As `judge`; what is not in the graph at all is `NO_REFERENT`, since an open graph may lack it."""
    verdict = judge(claim, facts)
    if verdict.truth is not Truth.UNKNOWN or verdict == NO_REFERENT:
        return verdict
    match claim:
        case Exists(x):
            return verdict if any(facts.called(x.noun)) else NO_REFERENT
        case Count(noun, n):
            return verdict if facts.count(noun)[0] == n else NO_REFERENT
    return verdict
