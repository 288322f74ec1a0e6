"""From a file of plain captions to a pairs table of rule-made hard negatives."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hairsplit import __version__
from hairsplit.captions import balance as balancing
from hairsplit.captions._balance_thin import by_gaps, mirrored
from hairsplit.captions.from_text import RULES
from hairsplit.captions.from_text._generate import Job, generate
from hairsplit.captions.from_text._input import REASONS, Captions, read_captions
from hairsplit.captions.from_text._ngrams import Ngrams
from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import check_root
from hairsplit.core.run import atomic_file, file_hash, number, text_hash, writable
from hairsplit.core.tables import PairsMeta, relative_root, write_pairs
from hairsplit.core.types import Pair, Reject, Scene, World
from hairsplit.scenes import lexicon
from hairsplit.scenes.readers.gqa import read_scenes

UNEVEN = "left out so that a reader of the texts alone is at chance"


@dataclass(frozen=True, kw_only=True)
class TextReport:
    """What `write_text_captions` did."""

    rows: int
    images: int
    """Images that gave at least one pair."""
    kinds: Mapping[str, int]
    """Rule -> pairs."""
    made: Mapping[str, int]
    """Rule -> pairs before the balancing."""
    evidence: Mapping[str, int]
    """`unproven`, or the class of the proof -> pairs."""
    rejects: Mapping[str, int]
    """Reason -> number of what was left out."""
    rejects_file: Path
    """One JSON object {where, reason, detail} per row or caption left out for a fault of its own."""
    balance: Sequence[Mapping[str, Any]]
    """Steps of the balancing; see `balance.balance_json`."""
    warnings: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How negatives are made of captions."""

    images: Path | None = None
    """Images root in which each picture must lie; None: no picture is looked for."""
    graphs: Path | None = None
    """Scene graphs (GQA layout) of some of the images, which may prove a negative false or cast doubt on it."""
    world: World = "open"
    """Whether what the graphs do not say is unknown (open) or false (closed)."""
    seed: int = 0
    """With the image, the rule and the caption, seeds each draw."""
    workers: int = 1
    """Processes; the table is the same for any number."""
    split: str | None = None
    """Only rows with this `split` or `set`."""
    rules: Sequence[str] | None = None
    """Names; None for all that make sentences (word orders are to be named)."""
    max_pairs_per_image: int = 32
    """Most pairs of an image, before balancing."""
    negatives_per_rule: int = 1
    """Most negatives per caption and rule."""
    exclude_image_ids: Collection[str] = ()
    balance: bool = False
    """Leave out pairs until readers of the texts alone are at chance, in rules that make sentences."""

    def check(self) -> None:
        """Refuse what no file could give.

        Raises:
            HairsplitError: An unknown rule, a number below one, or no such images folder.
        """
        rule_names(self.rules)
        for name in ("max_pairs_per_image", "negatives_per_rule", "workers"):
            if getattr(self, name) < 1:
                raise HairsplitError(f"{name} is {getattr(self, name)}", where="captions", hint="at least 1")
        if self.images is not None:
            check_root(self.images)


def write_text_captions(captions: Path, out: Path, options: TextOptions) -> TextReport:
    """Make hard negatives of the captions in a file by rule, and write them to `out`.

    Args:
        captions: JSON lines or CSV of {image, caption} or {image, captions}, or a pairs table.
        out: Pairs table; must not exist. Rows left out go to `<out>.rejects.jsonl` beside it.
        options: What to make.

    Raises:
        HairsplitError: Bad input or options, `out` exists, or nothing is left to write.
    """
    options.check()
    if out.exists():
        raise HairsplitError("exists already; nothing was changed", where=str(out), hint="choose another --out")
    writable(out.parent)
    faults: list[Reject] = []
    excluded = frozenset(options.exclude_image_ids)
    found, dropped = read_captions(captions, faults, root=options.images, split=options.split, excluded=excluded)
    rejects = Counter(f"row: {fault.reason}" for fault in faults)
    rejects["image: excluded"] += dropped
    scenes = _scenes(options.graphs, found, rejects)
    corpus = _count(found)
    job = Job(
        source=captions.name.removesuffix(captions.suffix),
        seed=options.seed,
        rules=rule_names(options.rules),
        wanted=options.negatives_per_rule,
        most=options.max_pairs_per_image,
        world=options.world,
        corpus=corpus,
    )
    images = [(image, scenes.get(image.image_id)) for image in found]
    made = list(generate(job, images, options.workers, rejects))
    evened = _evened(made, options.seed, rejects) if options.balance else _Evened(made, [], [])
    rejects_file = out.with_name(f"{out.stem}.rejects.jsonl")
    _write_rejects(rejects_file, faults)
    if not evened.pairs:
        raise HairsplitError(_nothing(found, made, rejects), where=str(captions), hint=_hint(made, rejects_file))
    config = _config(job, options, len(excluded), evened.steps)
    sources = {path.name: file_hash(path) for path in (captions, options.graphs) if path is not None}
    kinds = Counter(pair.kind for pair in evened.pairs)
    root = relative_root(out, options.images or out.parent)
    write_pairs(out, evened.pairs, PairsMeta(root, sources, config, kinds, +rejects))
    return TextReport(
        rows=len(evened.pairs),
        images=len({pair.image_id for pair in evened.pairs}),
        kinds=dict(sorted(kinds.items())),
        made=dict(sorted(Counter(pair.kind for pair in made).items())),
        evidence=dict(sorted(Counter(str(pair.evidence) for pair in evened.pairs).items())),
        rejects=dict(sorted((+rejects).items())),
        rejects_file=rejects_file,
        balance=evened.steps,
        warnings=evened.warnings,
    )


def _config(job: Job, options: TextOptions, excluded: int, steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "generator": f"hairsplit captions --from-text {__version__}",
        "rules": job.rules,
        "world": options.world if options.graphs else None,
        "seed": options.seed,
        "split": options.split,
        "max_pairs_per_image": job.most,
        "negatives_per_rule": job.wanted,
        "excluded_images": excluded,
        "lexicon_hash": _fingerprint(),
        "corpus_hash": job.corpus.fingerprint(),
        "balance": steps,
    }


def _count(images: Sequence[Captions]) -> Ngrams:
    corpus = Ngrams()
    for image in images:
        for text in image.captions:
            corpus.add(text)
    return corpus


def rule_names(rules: Sequence[str] | None) -> tuple[str, ...]:
    """The rules to go by; None for all that make sentences.

    Raises:
        HairsplitError: An unknown name, or none at all.
    """
    if rules is None:
        return tuple(name for name in RULES.names() if RULES[name].fluent)
    for name in rules:
        _ = RULES[name]
    if not rules:
        raise HairsplitError("no rule was chosen", where=RULES.where, hint=f"choose from {', '.join(RULES)}")
    return tuple(sorted(set(rules)))


def _fingerprint() -> str:
    """Hash of all word lists and rules."""
    folder = Path(__file__).with_name("from_text")
    code = "".join(path.read_text("utf-8") for path in sorted(folder.glob("*.py")))
    return text_hash(lexicon.fingerprint() + code)


def _scenes(graphs: Path | None, images: Sequence[Captions], rejects: Counter[str]) -> dict[str, Scene]:
    if graphs is None:
        return {}
    wanted = {image.image_id for image in images}
    found: dict[str, Scene] = {}
    for scene in read_scenes(graphs):
        if isinstance(scene, Reject):
            rejects[f"graph: {scene.reason}"] += 1
        elif scene.image_id in wanted:
            found[scene.image_id] = scene
    if not found:
        hint = "the ids of the graphs are the image paths without their ending, or the rows' image_id"
        raise HairsplitError("no graph is of an image of the captions", where=str(graphs), hint=hint)
    rejects["image: no graph"] += len(wanted) - len(found)
    return found


class _Evened(NamedTuple):
    """What balancing left, and how."""

    pairs: list[Pair]
    steps: list[dict[str, Any]]
    warnings: list[str]


def _evened(made: Sequence[Pair], seed: int, rejects: Counter[str]) -> _Evened:
    """Leave out what lets a blind reader win; rules that make no sentences stay whole: nothing could hide them."""
    fluent = {name for name in {pair.kind for pair in made} if RULES[name].fluent}
    odd = [pair for pair in made if pair.kind not in fluent]
    done = balancing.balance(_as_likely([pair for pair in made if pair.kind in fluent], seed), seed=seed)
    kept = _crossed(done.pairs, seed)
    left = {_key(pair): pair for pair in [*kept, *odd]}
    for pair in made:
        if _key(pair) not in left:
            rejects[f"{pair.kind}: {UNEVEN}"] += 1
    pairs = [left[_key(pair)] for pair in made if _key(pair) in left]
    return _Evened(pairs, balancing.balance_json(done.steps), list(done.warnings))


def _as_likely(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """As many pairs of each rule in which the caption is the likelier text as such in which the negative is.

    Within bins of how much likelier; of those too many, the last by a hash are left out.
    """
    kept: list[Pair] = []
    for name in sorted({pair.kind for pair in pairs}):
        of_rule = [pair for pair in pairs if pair.kind == name]
        of_rule.sort(key=lambda pair: number(seed, "even", pair.pair_id))
        gaps = np.array([-(pair.plausibility or 0.0) for pair in of_rule])
        half = np.array([bool(number(seed, "half", pair.image_id) & 1) for pair in of_rule])
        kept += compress(of_rule, by_gaps(gaps, half).tolist())
    return kept


def _crossed(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """As many pairs of an edit whose negative is the likelier text as of its reverse whose caption is.

    So each edit goes both ways equally often, and captions are the likelier text as often as negatives, at once.
    """
    ordered = sorted(pairs, key=lambda pair: number(seed, "cross", pair.pair_id))
    edits = [(pair.edit.before, pair.edit.after) if pair.edit else ("", "") for pair in ordered]
    forward = np.array([before < after for before, after in edits], bool)
    likelier = np.sign([pair.plausibility or 0.0 for pair in ordered])
    sides = np.where(forward, likelier, -likelier).tolist()
    names: dict[tuple[object, ...], int] = {}
    keys = [(pair.kind, *sorted(edit), side) for pair, edit, side in zip(ordered, edits, sides, strict=True)]
    cells = [names.setdefault(key, len(names)) for key in keys]
    return list(compress(ordered, mirrored(np.array(cells, np.int64), forward).tolist()))


def _key(pair: Pair) -> tuple[str, str, str, str]:
    return pair.image_id, pair.kind, pair.caption, str(pair.negative)


def _write_rejects(path: Path, faults: Sequence[Reject]) -> None:
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for fault in faults:
            entry = {"where": fault.where, "reason": fault.reason, "detail": fault.detail}
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _nothing(found: Sequence[Captions], made: Sequence[object], rejects: Counter[str]) -> str:
    told = "; ".join(f"{n} x {_explained(reason)}" for reason, n in rejects.most_common(6))
    return f"no pair is left of {len(found)} images with captions, {len(made)} before balancing ({told})"


def _explained(reason: str) -> str:
    return REASONS.get(reason.removeprefix("row: "), reason)


def _hint(made: Sequence[object], rejects_file: Path) -> str:
    return "give more captions, or leave --balance out" if made else f"rows left out are in {rejects_file}"
