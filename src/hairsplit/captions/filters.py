"""What becomes of a draft: proof of both sides, lint, no text twice in an image, a cap on pairs per image."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from hairsplit.captions._family import Draft, Negative
from hairsplit.captions._grammar import lint, lint_pair
from hairsplit.captions.form import judge
from hairsplit.scenes.facts import Facts, Truth


@dataclass(frozen=True)
class Group:
    """A proven positive with its proven negatives and the evidence against each."""

    family: str
    draft: Draft
    evidence: tuple[str, ...]


def prove(family: str, draft: Draft, facts: Facts, rejects: Counter[str]) -> Group | None:
    """Keep a draft whose positive is TRUE, with the negatives that are FALSE; UNKNOWN is neither."""
    if judge(draft.form, facts).truth is not Truth.TRUE:
        rejects[f"{family}: positive is not surely true"] += 1
        return None
    findings = lint(draft.text)
    if findings:
        rejects[f"{family}: {findings[0]}"] += 1
        return None
    kept: list[tuple[Negative, str]] = []
    for negative in draft.negatives:
        verdict = judge(negative.form, facts)
        findings = lint_pair(draft.text, negative.text)
        if verdict.truth is not Truth.FALSE:
            rejects[f"{family}: negative is not surely false"] += 1
        elif findings:
            rejects[f"{family}: {findings[0]}"] += 1
        else:
            kept.append((negative, verdict.evidence))
    if not kept:
        return None
    return Group(family, replace(draft, negatives=tuple(n for n, _ in kept)), tuple(e for _, e in kept))


def distinct(groups: Sequence[Group], rejects: Counter[str]) -> list[Group]:
    """Drop repeats: no text is both a positive and a negative of one image, and no pair comes twice."""
    positives = {group.draft.text for group in groups}
    seen: set[tuple[str, str]] = set()
    kept = []
    for group in groups:
        fresh = []
        for negative, evidence in zip(group.draft.negatives, group.evidence, strict=True):
            key = (group.draft.text, negative.text)
            if negative.text in positives:
                rejects[f"{group.family}: text is also a positive of the image"] += 1
            elif key in seen:
                rejects[f"{group.family}: pair repeated in the image"] += 1
            else:
                seen.add(key)
                fresh.append((negative, evidence))
        if fresh:
            draft = replace(group.draft, negatives=tuple(n for n, _ in fresh))
            kept.append(Group(group.family, draft, tuple(e for _, e in fresh)))
    return kept


def cap(
    groups: Sequence[Group], most: int, weights: dict[str, float], rng: Random, rejects: Counter[str]
) -> list[Group]:
    """At most `most` pairs, in expectation shared among families by weight; order of the input is kept.

    Weighted sampling without replacement by exponential keys (Efraimidis and Spirakis, 2006).
    """
    if sum(len(g.draft.negatives) for g in groups) <= most:
        return list(groups)
    sizes = Counter(group.family for group in groups)
    keys = [rng.random() ** (sizes[group.family] / weights[group.family]) for group in groups]
    kept, room = set[int](), most
    for index in sorted(range(len(groups)), key=lambda i: -keys[i]):
        if len(groups[index].draft.negatives) <= room:
            kept.add(index)
            room -= len(groups[index].draft.negatives)
        else:
            rejects[f"{groups[index].family}: over the cap of pairs per image"] += len(groups[index].draft.negatives)
    return [group for index, group in enumerate(groups) if index in kept]
