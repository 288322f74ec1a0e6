"""The weak mode: negatives of a few families may rest on what is not annotated; for training alone."""

import re
from collections.abc import Iterable

from hairsplit.captions.form import Exists, Form, Has, Related
from hairsplit.core.errors import HairsplitError
from hairsplit.scenes.absence import absent_attribute, absent_relation, absent_thing
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import UNKNOWN, Verdict

WEAK_FAMILIES = frozenset({"object", "relation"})
"""Families with weak negatives: both sides say one thing in one form, so that the form is no label. Attributes are
replaced within their class only, and there the annotated one rules out all but its look-alikes, weak mode or not."""
WHAT = {Has: "attribute", Related: "relation", Exists: "thing"}
"""Form -> what is absent."""
_OF_TRAINING = re.compile(r"train", re.IGNORECASE)
_OF_EVALUATION = re.compile(r"(?:^|[^a-z])(?:val|valid|validation|dev|test|eval)(?:[^a-z]|$)", re.IGNORECASE)


def absence(form: Form, facts: Facts) -> Verdict:
    """FALSE by `weak_absence` if what the form says of annotated things, or that there is one, is not annotated."""
    match form:
        case Has(x, attribute) if x.det == "the":
            thing = facts.referent(x.noun, x.attributes)
            return UNKNOWN if thing is None else absent_attribute(facts, thing, attribute)
        case Related(s, p, o) if s.det == o.det == "the":
            subject, thing = facts.referent(s.noun, s.attributes), facts.referent(o.noun, o.attributes)
            return UNKNOWN if subject is None or thing is None else absent_relation(facts, subject, p, thing)
        case Exists(x):
            return absent_thing(facts, x.noun, x.attributes)
    return UNKNOWN


def refuse_evaluation(splits: Iterable[str | None], source: str) -> None:
    """Refuse scenes of an evaluation split: a negative that may be true measures nothing.

    All named splits but those that begin with "train" are; scenes without one are told by the name of their file.

    Args:
        splits: Of all scenes that are captioned.
        source: Name of the file or folder of graphs.

    Raises:
        HairsplitError: Some scenes are of an evaluation split.
    """
    for split in sorted(splits, key=str):
        if split is not None and not _OF_TRAINING.match(split):
            problem, hint = f"scenes are of the split {split!r}", "--split train, or leave --weak-absence out"
        elif split is None and _OF_EVALUATION.search(source):
            problem, hint = "the name says that its scenes are for evaluation", "leave --weak-absence out"
        else:
            continue
        where = f"--weak-absence on {source}"
        raise HairsplitError(f"weak negatives are for training only, and {problem}", where=where, hint=hint)
