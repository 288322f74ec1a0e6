"""Scenes in, pairs out: any number of workers, the same bytes."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hairsplit.captions import FAMILIES, Family
from hairsplit.captions._corpus import Corpus, corpus_of
from hairsplit.captions._family import Context
from hairsplit.captions._referents import Names
from hairsplit.captions.filters import Group, cap, distinct, prove
from hairsplit.captions.form import to_json
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import stream, text_hash
from hairsplit.core.types import Pair, Reject, Scene, World
from hairsplit.core.workers import by_portions
from hairsplit.scenes.drawing.sample import COLOURS, SHAPES, is_held_out
from hairsplit.scenes.facts import Entity, Facts

CHUNK = 32
"""Scenes handed to a worker at once."""


@dataclass(frozen=True)
class _Job:
    """What a worker needs besides its scenes."""

    world: World
    seed: int
    weights: dict[str, float]
    most: int
    wanted: int
    corpora: dict[str | None, Corpus]
    """Split -> its own counts: a combination that training never shows is no training negative."""


def generate(
    scenes: Iterable[Scene],
    *,
    world: World,
    seed: int = 0,
    workers: int = 1,
    families: Mapping[str, float] | Sequence[str] | None = None,
    max_pairs_per_image: int = 32,
    negatives_per_positive: int = 1,
    source_of: Callable[[Scene], str] | None = None,
    rejects: Counter[str] | None = None,
) -> Iterator[Pair]:
    """Yield pairs, scene by scene; every positive is TRUE and every negative FALSE of its scene (CAPTIONS 7).

    Args:
        scenes: Scene graphs; read whole, since swaps are balanced by counts over all of them.
        world: Whether what the graphs do not say is FALSE (closed) or UNKNOWN (open).
        seed: With the image id and the family's name, seeds each random choice.
        workers: Processes; more than one starts new interpreters, so a script needs an `if __name__` guard.
        families: Names, or name -> weight (shares of a crowded image); None for all that the world allows.
        max_pairs_per_image: Rows per image, at most.
        negatives_per_positive: Rows per positive, at most; they share `caption` and `group_id`.
        source_of: The `source` of a scene's rows; None for "scenes".
        rejects: Filled with reason -> number of what was left out.

    Raises:
        HairsplitError: Unknown family, one that the world does not allow, or a number below one.
    """
    for name, value in (
        ("workers", workers),
        ("max_pairs_per_image", max_pairs_per_image),
        ("negatives_per_positive", negatives_per_positive),
    ):
        if value < 1:
            raise HairsplitError(f"{name} is {value}", where="captions", hint="at least 1")
    weights = family_weights(families, world)
    everything = list(scenes)
    corpora = {s: corpus_of(x for x in everything if x.split == s) for s in {scene.split for scene in everything}}
    job = _Job(world, seed, weights, max_pairs_per_image, negatives_per_positive, corpora)
    named = [(scene, source_of(scene) if source_of else "scenes") for scene in everything]
    counted: Counter[str] = Counter() if rejects is None else rejects
    return _collect(job, named, workers, counted)


def family_weights(families: Mapping[str, float] | Sequence[str] | None, world: World) -> dict[str, float]:
    """Name -> weight, sorted by name, checked.

    Raises:
        HairsplitError: Unknown family, one that the world does not allow, or a weight that is not positive.
    """
    if families is None:
        return {name: 1.0 for name in FAMILIES if world in FAMILIES[name].worlds}
    given = families if isinstance(families, Mapping) else dict.fromkeys(families, 1.0)
    for name, weight in given.items():
        if world not in FAMILIES[name].worlds:
            raise HairsplitError(
                f"the family {name!r} needs --world {FAMILIES[name].worlds[0]}",
                where=FAMILIES.where,
                hint="where annotation is incomplete it is provable on one side only",
            )
        if not weight > 0:
            hint = "give a positive one"
            raise HairsplitError(f"the weight of {name!r} is {weight}", where=FAMILIES.where, hint=hint)
    if not given:
        raise HairsplitError("no family was chosen", where=FAMILIES.where, hint=f"choose from {', '.join(FAMILIES)}")
    return dict(sorted(given.items()))


def _collect(job: _Job, named: list[tuple[Scene, str]], workers: int, rejects: Counter[str]) -> Iterator[Pair]:
    for pairs, counted in by_portions(_chunk, job, named, size=CHUNK, workers=workers, label="captioning scenes"):
        rejects.update(counted)
        yield from pairs


def _chunk(job: _Job, chunk: Sequence[tuple[Scene, str]]) -> tuple[list[Pair], Counter[str]]:
    rejects: Counter[str] = Counter()
    families = {name: FAMILIES[name] for name in job.weights}
    pairs = [pair for scene, source in chunk for pair in _pairs(job, families, scene, source, rejects)]
    return pairs, rejects


def _pairs(job: _Job, families: Mapping[str, Family], scene: Scene, source: str, rejects: Counter[str]) -> list[Pair]:
    facts = Facts(scene, job.world)
    names = Names(facts)
    groups: list[Group] = []
    for name, family in families.items():
        rng = stream(job.seed, scene.image_id, name)
        context = Context(job.corpora[scene.split], names, rng, job.wanted)
        for draft in family.generate(facts, context):
            if isinstance(draft, Reject):
                rejects[f"{name}: {draft.reason}"] += 1
                continue
            group = prove(name, draft, facts, rejects)
            if group is not None:
                groups.append(group)
    rng = stream(job.seed, scene.image_id, "choice")
    rng.shuffle(groups)  # of equal texts in two families, either may be the one that stays
    groups = cap(distinct(groups, rejects), job.most, job.weights, rng, rejects)
    groups.sort(key=lambda group: (group.family, group.draft.text, group.draft.negatives[0].text))
    return [pair for group in groups for pair in _rows(scene, source, group)]


def _rows(scene: Scene, source: str, group: Group) -> Iterator[Pair]:
    draft = group.draft
    boxes = json.dumps([_mention(role, entity) for role, entity in draft.mentions], separators=(",", ":"))
    for negative, evidence in zip(draft.negatives, group.evidence, strict=True):
        yield Pair(
            image=picture_of(scene),
            image_id=scene.image_id,
            caption=draft.text,
            negative=negative.text,
            kind=group.family,
            source=source,
            edit=negative.edit,
            evidence=evidence,
            caption_form=to_json(draft.form),
            negative_form=to_json(negative.form),
            boxes=boxes,
            group_id=text_hash(f"{scene.image_id}\x1f{draft.text}")[:16],
        )


def _mention(role: str, entity: Entity) -> dict[str, Any]:
    box = entity.box
    return {"id": entity.id, "noun": entity.noun, "role": role, "x": box.x, "y": box.y, "w": box.w, "h": box.h}


def picture_of(scene: Scene) -> str:
    """The path of a scene's picture below the images root."""
    return scene.image or f"{scene.image_id}.jpg"


def drawn_source(scene: Scene) -> str | None:
    """`drawn:seen` or `drawn:held_out` for a scene of the drawn world; None for others.

    Held out: it shows a colour-shape pair or a relation combination that the training split never does.
    """
    drawn = scene.split is not None and all(
        thing.name in SHAPES and thing.attributes[:1] and thing.attributes[0] in COLOURS for thing in scene.things
    )
    if not drawn:
        return None
    return "drawn:held_out" if is_held_out(scene) else "drawn:seen"
