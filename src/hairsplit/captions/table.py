"""From a file of scene graphs to a pairs table."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hairsplit import __version__
from hairsplit.captions._corpus import corpus_of
from hairsplit.captions.generate import family_weights, generate
from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import inside
from hairsplit.core.run import file_hash, text_hash, writable
from hairsplit.core.tables import PairsMeta, relative_root, write_pairs
from hairsplit.core.types import Pair, Reject, Scene, World
from hairsplit.scenes import lexicon
from hairsplit.scenes.readers.gqa import read_scenes

ENDINGS = (".jpg", ".png", ".jpeg")
"""Tried after the path that a graph names: `<image id><ending>`."""


@dataclass(frozen=True)
class CaptionsReport:
    """What `write_captions` did."""

    rows: int
    images: int
    """Scenes that gave at least one pair."""
    kinds: Mapping[str, int]
    """Family -> pairs."""
    rejects: Mapping[str, int]
    """Reason -> number of what was left out."""


def write_captions(
    graphs: Path,
    images: Path | None,
    out: Path,
    *,
    world: World,
    seed: int = 0,
    workers: int = 1,
    split: str | None = None,
    families: Mapping[str, float] | Sequence[str] | None = None,
    max_pairs_per_image: int = 32,
    negatives_per_positive: int = 1,
    exclude_image_ids: Collection[str] = (),
    source_of: Callable[[Scene], str | None] | None = None,
) -> CaptionsReport:
    """Make pairs for the scenes of `graphs` (one `split` of them, if given) and write them to `out`.

    With `images`, scenes whose picture is not there are left out and counted. The source of a row is what `source_of`
    says of its scene, or else the name of the file. The table is the same for any number of workers.

    Raises:
        HairsplitError: `out` exists, `images` does not, `graphs` is no GQA file, or nothing is left to write.
    """
    _check_folders(images, out)
    weights = family_weights(families, world)
    rejects, kinds = Counter[str](), Counter[str]()
    ids, root = set[str](), images or out.parent
    scenes = list(_chosen(graphs, root, split, frozenset(exclude_image_ids), rejects, check=images is not None))
    default = graphs.name.removesuffix(".gz").removesuffix(".json")
    pairs = generate(
        scenes,
        world=world,
        seed=seed,
        workers=workers,
        families=weights,
        max_pairs_per_image=max_pairs_per_image,
        negatives_per_positive=negatives_per_positive,
        source_of=lambda scene: (source_of(scene) if source_of else None) or default,
        rejects=rejects,
    )

    config = {
        "generator": f"hairsplit captions {__version__}",
        "world": world,
        "seed": seed,
        "split": split,
        "families": weights,
        "max_pairs_per_image": max_pairs_per_image,
        "negatives_per_positive": negatives_per_positive,
        "excluded_images": len(frozenset(exclude_image_ids)),
        "lexicon_hash": lexicon.fingerprint(),
        "corpus_hash": _corpus_hash(scenes),
    }
    # The two counters are filled while the rows are written; the metadata is written last.
    meta = PairsMeta(relative_root(out, root), {graphs.name: file_hash(graphs)}, config, kinds, rejects)
    place = {"where": str(graphs), "hint": _hint(world, split)}
    rows = write_pairs(
        out, _counted(pairs, kinds, ids, lambda: HairsplitError(_nothing(len(scenes), rejects), **place)), meta
    )
    return CaptionsReport(rows, len(ids), dict(sorted(kinds.items())), dict(sorted(rejects.items())))


def _check_folders(images: Path | None, out: Path) -> None:
    if out.exists():
        raise HairsplitError("exists already; nothing was changed", where=str(out), hint="choose another --out")
    if images is not None and not images.is_dir():
        raise HairsplitError("the images root does not exist", where=str(images), hint="say where: --images DIR")
    writable(out.parent)


def _counted(
    pairs: Iterator[Pair], kinds: Counter[str], ids: set[str], nothing: Callable[[], HairsplitError]
) -> Iterator[Pair]:
    """Pass the pairs on and count them; an empty table is an error."""
    for pair in pairs:
        kinds[pair.kind] += 1
        ids.add(pair.image_id)
        yield pair
    if not ids:
        raise nothing()


def _corpus_hash(scenes: Sequence[Scene]) -> str:
    """Of the statistics that each split's swaps were kept even by."""
    return text_hash("".join(corpus_of(s for s in scenes if s.split == x).fingerprint() for x in _splits(scenes)))


def _splits(scenes: Sequence[Scene]) -> list[str | None]:
    return sorted({scene.split for scene in scenes}, key=str)


def _chosen(
    graphs: Path, root: Path, split: str | None, excluded: frozenset[str], rejects: Counter[str], *, check: bool
) -> Iterator[Scene]:
    """The scenes to work on, each with the path of its picture."""
    seen: set[str] = set()
    for scene in read_scenes(graphs):
        if isinstance(scene, Reject):
            rejects[f"graph: {scene.reason}"] += 1
            continue
        seen.add(str(scene.split))
        if split is not None and scene.split != split:
            continue
        if scene.image_id in excluded:
            rejects["image: excluded"] += 1
            continue
        names = [scene.image] if scene.image else []
        if check or not names:
            names += [f"{scene.image_id}{ending}" for ending in ENDINGS]
        picture, reason = _picture(root, names, check=check)
        if picture is None:
            rejects[reason] += 1
        else:
            yield replace(scene, image=picture)
    if split is not None and split not in seen:
        raise HairsplitError(
            f"no scene is of the split {split!r}", where=str(graphs), hint=f"splits in it: {', '.join(sorted(seen))}"
        )


def _picture(root: Path, names: Sequence[str], *, check: bool) -> tuple[str | None, str]:
    """The first of the paths that is a file (or, unchecked, the first), and why there is none."""
    for name in names:
        try:
            path = inside(root, name)
        except HairsplitError:
            return None, "image: path is not a plain path below the images root"
        if not check or path.is_file():
            return name, ""
    return None, "image: file missing"


def _nothing(scenes: int, rejects: Counter[str]) -> str:
    reasons = "; ".join(f"{number} x {reason}" for reason, number in rejects.most_common(8))
    return f"no pair could be made of {scenes} scenes ({reasons or 'no reason was recorded'})"


def _hint(world: World, split: str | None) -> str:
    advice = "check --images and the graphs" if split is None else "check --split, --images and the graphs"
    return f"{advice}; complete graphs give more with --world closed" if world == "open" else advice
