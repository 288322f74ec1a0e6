"""What becomes of a draft: proof of both sides, lint, no text twice in an image, a cap on pairs per image."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import accumulate
from random import Random

import msgspec
from msgspec import structs

from hairsplit.captions._family import Draft, Negative
from hairsplit.captions._grammar import lint, lint_edit
from hairsplit.captions._shuffled import drawn
from hairsplit.captions._weak import absence
from hairsplit.captions.form import judge
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import FALSE, TRUE, Truth


class Group(msgspec.Struct, frozen=True, gc=False):
    """A proven positive with its proven negatives and the evidence against each."""

    family: str
    draft: Draft
    evidence: tuple[str, ...]
    caption_evidence: str


def prove(family: str, draft: Draft, facts: Facts, rejects: Counter[str], *, weak: bool = False) -> Group | None:
    """Keep a draft whose positive is TRUE, with the negatives that are FALSE; UNKNOWN is neither.

    In the `weak` mode, a negative may be FALSE because nobody annotated what it says.
    """
    positive = judge(draft.form, facts)
    if positive.truth is not TRUE:
        rejects[f"{family}: positive is not surely true"] += 1
        return None
    findings = lint(draft.text)
    if findings:
        rejects[f"{family}: {findings[0]}"] += 1
        return None
    kept: list[Negative] = []
    evidence: list[str] = []
    for negative in draft.negatives:
        verdict = judge(negative.form, facts)
        if weak and verdict.truth is Truth.UNKNOWN:
            verdict = absence(negative.form, facts)
        if verdict.truth is not FALSE:
            rejects[f"{family}: negative is not surely false"] += 1
        elif findings := lint(negative.text) or lint_edit(draft.text, negative.text):
            rejects[f"{family}: {findings[0]}"] += 1
        else:
            kept.append(negative)
            evidence.append(verdict.evidence)
    if not kept:
        return None
    if len(kept) < len(draft.negatives):
        draft = structs.replace(draft, negatives=tuple(kept))
    return Group(family, draft, tuple(evidence), positive.evidence)


def choose(
    made: Mapping[str, Iterator[Group]], most: int, weights: Mapping[str, float], rng: Random, rejects: Counter[str]
) -> list[Group]:
    """Take groups until there are `most` pairs, each from a family drawn by weight among those that have more.

    No text is taken twice in an image, but for a positive with several negatives of its own. What is not taken is not
    made, so a family must hand on its groups in an order that favours none.
    """
    live, kept, room = list(made), list[Group](), most
    limits = list(accumulate(weights[family] for family in live))
    seen: set[str] = set()
    while live and room > 0:
        name = drawn(live, limits, rng)
        group = next(made[name], None)
        if group is None:
            live.remove(name)
            limits = list(accumulate([weights[family] for family in live]))
        elif (fresh := _fresh(group, room, seen, rejects)) is not None:
            seen.update([fresh.draft.text, *[negative.text for negative in fresh.draft.negatives]])
            room -= len(fresh.draft.negatives)
            kept.append(fresh)
    return kept


def _fresh(group: Group, room: int, seen: Collection[str], rejects: Counter[str]) -> Group | None:
    """The group with up to `room` negatives whose texts are new; None if its own text is not, or none is left."""
    draft = group.draft
    texts = [negative.text for negative in draft.negatives]
    repeated = draft.text in seen
    if len(texts) == 1 and not repeated and texts[0] not in seen:  # as most are, and there is room for one
        return group
    new = [n for n, text in enumerate(texts) if not (repeated or text in seen or text in texts[:n])]
    if len(new) < len(texts):
        rejects[f"{group.family}: text repeated in the image"] += len(texts) - len(new)
    if len(new) > room:
        rejects[f"{group.family}: over the cap of pairs per image"] += len(new) - room
    if len(new[:room]) == len(texts):
        return group
    draft = structs.replace(draft, negatives=tuple(draft.negatives[n] for n in new[:room]))
    return structs.replace(group, draft=draft, evidence=tuple(group.evidence[n] for n in new[:room])) if new else None
