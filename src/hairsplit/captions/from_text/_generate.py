"""From the captions of images to pairs: any number of workers, the same bytes."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from hairsplit.captions._rows import differing_spans
from hairsplit.captions.from_text import RULES
from hairsplit.captions.from_text._input import Captions
from hairsplit.captions.from_text._ngrams import ENOUGH, Elsewhere, Ngrams
from hairsplit.captions.from_text._rule import Change, Rule
from hairsplit.captions.from_text._seen import Seen
from hairsplit.captions.from_text._sentence import Sentence, read, rewrite, words_of
from hairsplit.captions.from_text._truth import UNPROVEN, evidence
from hairsplit.core.run import stream, text_hash
from hairsplit.core.types import Pair, Scene, World
from hairsplit.core.workers import by_portions
from hairsplit.scenes.facts import Facts

CHUNK = 64
"""Images handed to a worker at once."""
MOST_WORDS = 40
"""Longer captions are several sentences, in which too much refers to what was said before."""
_SENTENCES = re.compile(r"[.!?;:]\s+\w")
GIVEN = "given"
"""Why a caption is true that was in the file."""
Image = tuple[Captions, Scene | None]


@dataclass(frozen=True)
class Job:
    """What a worker needs besides its images."""

    source: str
    seed: int
    rules: tuple[str, ...]
    wanted: int
    """Negatives per caption and rule."""
    most: int
    """Pairs per image."""
    world: World
    corpus: Ngrams


def generate(job: Job, images: Sequence[Image], workers: int, rejects: Counter[str]) -> Iterator[Pair]:
    """Yield pairs, image by image."""
    for pairs, counted in by_portions(_chunk, job, images, size=CHUNK, workers=workers, label="captioning"):
        rejects.update(counted)
        yield from pairs


def _chunk(job: Job, images: Sequence[Image]) -> tuple[list[Pair], Counter[str]]:
    rejects: Counter[str] = Counter()
    rules = {name: RULES[name] for name in job.rules}
    return [pair for image, scene in images for pair in _pairs(job, rules, image, scene, rejects)], rejects


@dataclass(frozen=True)
class _Context:
    """What is known of one image."""

    job: Job
    image: Captions
    seen: Seen
    elsewhere: Elsewhere
    facts: Facts | None
    rejects: Counter[str]
    texts: set[tuple[str, ...]]
    """The captions, and the positives so far, in words."""


def _pairs(
    job: Job, rules: Mapping[str, Rule], image: Captions, scene: Scene | None, rejects: Counter[str]
) -> list[Pair]:
    sentences = [read(text) for text in image.captions]
    context = _Context(
        job,
        image,
        Seen(sentences),
        Elsewhere(job.corpus, image.captions),
        None if scene is None else Facts(scene, job.world),
        rejects,
        {tuple(words_of(text)) for text in image.captions},
    )
    found: dict[tuple[str, str], Pair] = {}
    for sentence in sentences:
        if len(sentence.tokens) > MOST_WORDS or _SENTENCES.search(sentence.text):
            rejects["caption of several sentences, or too long"] += 1
            continue
        for name, rule in rules.items():
            for pair in _of_rule(context, sentence, name, rule):
                if found.setdefault((pair.caption, str(pair.negative)), pair) is not pair:
                    rejects[f"{name}: pair repeated in the image"] += 1
    return _capped(job, image, _one_sided(list(found.values()), rejects), rejects)


def _of_rule(context: _Context, sentence: Sentence, name: str, rule: Rule) -> Iterator[Pair]:
    job, image, rejects = context.job, context.image, context.rejects
    rng = stream(job.seed, image.image_id, name, sentence.text)
    offered = list(rule.propose(sentence, rng))
    if not offered:
        rejects[f"{name}: nothing to change"] += 1
        return
    kept = []
    for change in offered:
        proof = evidence(change, context.facts)
        reason = _why_not(context, sentence, rule, change) or (
            "" if proof else "the graph says that it is true, or may be"
        )
        if reason:
            rejects[f"{name}: {reason}"] += 1
        else:
            kept.append((change, str(proof)))
    for change, proof in _drawn(context, kept, rng):
        texts = _texts(sentence, rule, change)
        yield _pair(context, name, texts, change, proof)


def _why_not(context: _Context, sentence: Sentence, rule: Rule, change: Change) -> str:
    """Why a change is not to be made; "" if nothing speaks against it."""
    if any(context.seen.has(sort, word) for sort, word in change.news):
        return "a caption of the image has that word, or one like it"
    if change.one and context.seen.several(change.one):
        return "it may be true of another thing of the kind"
    positive, negative = (words_of(text) for text in _texts(sentence, rule, change))
    if tuple(negative) in context.texts or negative == positive:
        return "negative is a caption of the image"
    return _not_said_so(context, sentence, positive, negative) if rule.fluent else ""


def _not_said_so(context: _Context, sentence: Sentence, positive: Sequence[str], negative: Sequence[str]) -> str:
    """What is odd in a sentence: a word said twice, or words beside each other that no other caption has so."""
    before, after = Counter(positive), Counter(negative)
    if any(n > max(1, before[word]) and word not in _MAY_REPEAT for word, n in after.items()):
        return "a word is repeated"
    if context.elsewhere.captions < ENOUGH:
        return ""
    known = set(pairwise(words_of(sentence.text)))
    fresh = {pair for text in (positive, negative) for pair in pairwise(text)} - known
    said = (pair for pair in fresh if "not" not in pair and pair[0].isalnum() and pair[1].isalnum())
    return "" if all(context.elsewhere.count(*pair) for pair in said) else UNHEARD


_MAY_REPEAT = frozenset(["a", "an", "the", "and", "of", "in", "on", "at", "with", "to", "is", "are", ",", "not"])
UNHEARD = "a pair of words that no other image's caption has"


def _texts(sentence: Sentence, rule: Rule, change: Change) -> tuple[str, str]:
    positive = rewrite(sentence, change.premise) if change.premise else sentence.text
    return positive, rewrite(sentence, change.slots, mend=rule.fluent)


def _drawn(context: _Context, kept: Sequence[tuple[Change, str]], rng: Random) -> list[tuple[Change, str]]:
    """Some of the changes, the commoner what they bring in the likelier: then as many go one way as the other."""
    keyed = []
    for change, proof in kept:
        count = min((context.elsewhere.count(word) for word in words_of(change.edit.after)), default=0)
        keyed.append((rng.random() ** (1 / max(count, 1)), change, proof))
    keyed.sort(key=lambda entry: -entry[0])
    return [(change, proof) for _, change, proof in keyed[: context.job.wanted]]


def _pair(context: _Context, name: str, texts: tuple[str, str], change: Change, proof: str) -> Pair:
    positive, negative = texts
    image = context.image
    spans = differing_spans(positive, negative)
    score = context.elsewhere.log_probability(negative) - context.elsewhere.log_probability(positive)
    return Pair(
        image=image.image,
        image_id=image.image_id,
        caption=positive,
        negative=negative,
        kind=name,
        source=context.job.source,
        edit=change.edit,
        evidence=proof,
        group_id=text_hash(f"{image.image_id}\x1f{positive}")[:16],
        plausibility=round(score, 6),
        pair_id=text_hash("\x1f".join([image.image_id, name, positive, negative]))[:16],
        split=image.split,
        caption_span=spans[0],
        negative_span=spans[1],
        caption_evidence=UNPROVEN if change.premise else GIVEN,
    )


def _one_sided(found: list[Pair], rejects: Counter[str]) -> list[Pair]:
    """Those whose negative is no positive of another pair of the image."""
    positives = {pair.caption for pair in found}
    kept = []
    for pair in found:
        if pair.negative in positives:
            rejects[f"{pair.kind}: text is also a positive of the image"] += 1
        else:
            kept.append(pair)
    return kept


def _capped(job: Job, image: Captions, found: list[Pair], rejects: Counter[str]) -> list[Pair]:
    if len(found) <= job.most:
        return found
    rng = stream(job.seed, image.image_id, "cap")
    chosen = sorted(rng.sample(range(len(found)), job.most))
    for index in set(range(len(found))) - set(chosen):
        rejects[f"{found[index].kind}: over the cap of pairs per image"] += 1
    return [found[index] for index in chosen]
