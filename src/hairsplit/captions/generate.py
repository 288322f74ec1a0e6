"""Scenes in, pairs out: any number of workers, the same bytes."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from hairsplit.captions import FAMILIES, Family
from hairsplit.captions._corpus import Corpus
from hairsplit.captions._counting import corpus_of
from hairsplit.captions._family import Context
from hairsplit.captions._referents import Names
from hairsplit.captions._rows import Row, pair_of, rows_of
from hairsplit.captions._weak import WEAK_FAMILIES, refuse_evaluation
from hairsplit.captions.filters import Group, choose, prove
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import stream
from hairsplit.core.types import Pair, Reject, Scene, World
from hairsplit.core.workers import by_portions
from hairsplit.scenes import lexicon
from hairsplit.scenes.drawing.sample import COLOURS, SHAPES, is_held_out
from hairsplit.scenes.facts import Facts

CHUNK = 32
"""Scenes handed to a worker at once."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is wanted of a scene.

    Raises:
        HairsplitError: Unknown family, one that the world does not allow, or a number below one.
    """

    world: World
    """Whether what the graphs do not say is FALSE (closed) or UNKNOWN (open)."""
    seed: int = 0
    """With the image id and the family's name, seeds each random choice."""
    families: Mapping[str, float] | Sequence[str] | None = None
    """Names, or name -> weight (shares of a crowded image); None for all that the world allows."""
    max_pairs_per_image: int = 32
    """Rows per image, at most."""
    negatives_per_positive: int = 1
    """Rows per positive, at most; they share `caption` and `group_id`."""
    complete_nouns: Collection[str] = ()
    """Nouns of which every thing is annotated, in the open world too."""
    weak_absence: bool = False
    """Whether negatives of `WEAK_FAMILIES` may rest on what an open world does not annotate; for training only."""

    def __post_init__(self) -> None:
        for name in ("max_pairs_per_image", "negatives_per_positive"):
            at_least_one(name, getattr(self, name))
        family_weights(self.families, self.world, self.complete)
        if self.weak_absence and self.world == "closed":
            hint = "leave --weak-absence out: in the closed world absence is proof"
            raise HairsplitError("weak negatives are of the open world", where="captions", hint=hint)

    @cached_property
    def weights(self) -> dict[str, float]:
        """Family -> weight, sorted by name."""
        return family_weights(self.families, self.world, self.complete)

    @cached_property
    def complete(self) -> frozenset[str]:
        """The complete nouns as `Facts` wants them."""
        return frozenset(lexicon.singular(lexicon.normal(noun)) for noun in self.complete_nouns)


@dataclass(frozen=True)
class Plan:
    """All that the pairs of one scene depend on besides the scene."""

    settings: Settings
    corpora: Mapping[str | None, Corpus]
    """Split -> its own counts: a combination that training never shows is no training negative."""

    def rows(self, scene: Scene, source: str, rejects: Counter[str]) -> list[Row]:
        """The rows of a scene, each positive TRUE and each negative FALSE of it; what was left out goes to `rejects`.

        Raises:
            HairsplitError: There are no counts for the scene's split.
        """
        settings = self.settings
        if scene.split not in self.corpora:
            raise HairsplitError(
                f"the corpus has no counts of the split {scene.split!r}",
                where=f"image {scene.image_id}",
                hint="make it of these graphs, or choose a --split that it has",
            )
        facts = Facts(scene, settings.world, settings.complete)
        names = Names(facts)
        made: dict[str, Iterator[Group]] = {}
        for name in settings.weights:
            rng = stream(settings.seed, scene.image_id, name)
            weak = settings.weak_absence and name in WEAK_FAMILIES
            context = Context(self.corpora[scene.split], names, rng, settings.negatives_per_positive, weak)
            made[name] = _proven(name, _family(name), facts, context, rejects)
        rng = stream(settings.seed, scene.image_id, "choice")
        groups = choose(made, settings.max_pairs_per_image, settings.weights, rng, rejects)
        groups.sort(key=lambda group: (group.family, group.draft.text, group.draft.negatives[0].text))
        return [row for group in groups for row in rows_of(scene, source, group)]


@cache
def _family(name: str) -> Family:
    """A family by name; looking into the folder for each image would take longer than its captions."""
    return FAMILIES[name]


def _proven(name: str, family: Family, facts: Facts, context: Context, rejects: Counter[str]) -> Iterator[Group]:
    for draft in family.generate(facts, context):
        if isinstance(draft, Reject):
            rejects[_why(name, draft.reason)] += 1
        elif (group := prove(name, draft, facts, rejects, weak=context.weak)) is not None:
            yield group


@cache
def _why(name: str, reason: str) -> str:
    """What a family left out, as it is counted; a text that is at hand is counted in half the time of a new one."""
    return f"{name}: {reason}"


def generate(
    scenes: Iterable[Scene],
    *,
    world: World,
    seed: int = 0,
    workers: int = 1,
    families: Mapping[str, float] | Sequence[str] | None = None,
    max_pairs_per_image: int = 32,
    negatives_per_positive: int = 1,
    complete_nouns: Collection[str] = (),
    weak_absence: bool = False,
    source_of: Callable[[Scene], str] | None = None,
    rejects: Counter[str] | None = None,
) -> Iterator[Pair]:
    """Yield pairs, scene by scene; every positive is TRUE and every negative FALSE of its scene (CAPTIONS 7).

    Args:
        scenes: Scene graphs, few enough to be in memory; `table.write_captions` reads files of any size.
        world: See `Settings`, as for the others that are not named here.
        seed: See `Settings`.
        workers: Processes; more than one starts new interpreters, so a script needs an `if __name__` guard.
        families: See `Settings`.
        max_pairs_per_image: See `Settings`.
        negatives_per_positive: See `Settings`.
        complete_nouns: See `Settings`.
        weak_absence: See `Settings`.
        source_of: The `source` of a scene's rows; None for "scenes".
        rejects: Filled with reason -> number of what was left out.

    Raises:
        HairsplitError: As `Settings`, or weak negatives are asked for of an evaluation split.
    """
    at_least_one("workers", workers)
    settings = Settings(
        world=world,
        seed=seed,
        families=families,
        max_pairs_per_image=max_pairs_per_image,
        negatives_per_positive=negatives_per_positive,
        complete_nouns=complete_nouns,
        weak_absence=weak_absence,
    )
    everything = list(scenes)
    corpora = {s: corpus_of(x for x in everything if x.split == s) for s in {scene.split for scene in everything}}
    if weak_absence:
        refuse_evaluation(corpora, "scenes")
    named = [(scene, source_of(scene) if source_of else "scenes") for scene in everything]
    counted: Counter[str] = Counter() if rejects is None else rejects
    return _collect(Plan(settings, corpora), named, workers, counted)


def at_least_one(name: str, value: int) -> None:
    """Refuse zero and less.

    Raises:
        HairsplitError: It is.
    """
    if value < 1:
        raise HairsplitError(f"{name} is {value}", where="captions", hint="at least 1")


def family_weights(
    families: Mapping[str, float] | Sequence[str] | None, world: World, complete: frozenset[str] = frozenset()
) -> dict[str, float]:
    """Name -> weight, sorted by name, checked.

    Families of the closed world speak of complete nouns in the open one, too.

    Raises:
        HairsplitError: Unknown family, one that the world does not allow, or a weight that is not positive.
    """
    if families is None:
        return {name: 1.0 for name in FAMILIES if complete or world in FAMILIES[name].worlds}
    given = families if isinstance(families, Mapping) else dict.fromkeys(families, 1.0)
    for name, weight in given.items():
        if world not in FAMILIES[name].worlds and not complete:
            raise HairsplitError(
                f"the family {name!r} needs --world {FAMILIES[name].worlds[0]}",
                where=FAMILIES.where,
                hint="where annotation is incomplete it is provable on one side only; --complete-nouns may help",
            )
        if not weight > 0:
            hint = "give a positive one"
            raise HairsplitError(f"the weight of {name!r} is {weight}", where=FAMILIES.where, hint=hint)
    if not given:
        raise HairsplitError("no family was chosen", where=FAMILIES.where, hint=f"choose from {', '.join(FAMILIES)}")
    return dict(sorted(given.items()))


def _collect(plan: Plan, named: list[tuple[Scene, str]], workers: int, rejects: Counter[str]) -> Iterator[Pair]:
    for pairs, counted in by_portions(_portion, plan, named, size=CHUNK, workers=workers, label="captioning scenes"):
        rejects.update(counted)
        yield from pairs


def _portion(plan: Plan, portion: Sequence[tuple[Scene, str]]) -> tuple[list[Pair], Counter[str]]:
    rejects: Counter[str] = Counter()
    return [pair_of(row) for scene, source in portion for row in plan.rows(scene, source, rejects)], rejects


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
