"""Judge a model on a benchmark: find its files, encode each thing once, apply every published rule."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import file_hash, text_hash
from hairsplit.core.types import Estimate
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.benchmarks._aggregates import Judged, Number, Outcomes, aggregate, kind_measures
from hairsplit.evaluate.benchmarks._aggregates import measure as measured
from hairsplit.evaluate.benchmarks._benchmark import (
    Benchmark,
    CaptionedImages,
    LabelledPictures,
    MultiLabelled,
    Picture,
    Question,
    Questions,
    Suite,
    cluster,
)
from hairsplit.evaluate.benchmarks._blind import blind_items
from hairsplit.evaluate.benchmarks._files import Folder, Pictures, find_pictures, open_folder
from hairsplit.evaluate.benchmarks._multi_label import judge_multi_label
from hairsplit.evaluate.benchmarks._pairs import as_pairs
from hairsplit.evaluate.benchmarks._recognition import judge_recognition
from hairsplit.evaluate.benchmarks._retrieval import judge_retrieval
from hairsplit.evaluate.benchmarks._scoring import ItemCosines, embed_captions, embed_pictures, item_cosines
from hairsplit.evaluate.benchmarks._statements import judge_statements
from hairsplit.evaluate.embed import Progress
from hairsplit.evaluate.embedding_cache import KeptEmbeddings
from hairsplit.evaluate.measure import AnyMeasure
from hairsplit.evaluate.suite import Scores
from hairsplit.evaluate.text_only import TextOnlyBaseline

MISSING, BROKEN = "missing_image", "broken_image"
UNSEEN = "statement_without_its_image"


@dataclass(frozen=True)
class Prepared:
    """A benchmark whose files were found and read; nothing is encoded yet."""

    name: str
    benchmark: Benchmark
    folder: Folder
    suite: Suite
    pictures: Pictures
    left_out: Mapping[str, int]
    allow_missing: bool

    @property
    def texts(self) -> list[str]:
        """All captions that are judged."""
        return _texts(self.suite)

    @property
    def total(self) -> int:
        """Unique pictures and texts to encode."""
        return len({p for p in _pictures(self.suite) if p in self.pictures.paths}) + len(set(self.texts))


@dataclass(frozen=True)
class Judgement:
    """What a model did on a benchmark."""

    numbers: tuple[Number, ...]
    """Every published aggregate."""
    kinds: Mapping[str, Mapping[str, Estimate]]
    """Kind -> outcome -> estimate."""
    table: pa.Table
    """A row per item (or query), with all cosines (or ranks)."""
    items: int
    ties: Mapping[str, int] = field(default_factory=dict)
    """Outcome -> items that are right only if a tie is."""
    text_only: TextOnlyBaseline | None = None
    """None where it makes no sense, or where `scores` are summarised, which has its own."""
    scores: Scores | None = None
    """Where every item is one picture with a true and a false caption: what `hairsplit report` reads."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    """What else is to be told of the items."""
    measures: tuple[AnyMeasure, ...] = ()
    """What aggregates and kinds are made of."""
    statements: pa.Table | None = None
    """A row per statement with its cosine, where the items were made of statements."""
    seconds: float = 0.0


def prepare(
    name: str, benchmark: Benchmark, data: Path, *, images: Path | None = None, allow_missing: bool = False
) -> Prepared:
    """Find the files of a benchmark, read its items and find their pictures.

    Args:
        name: Of the benchmark.
        benchmark: Its entry.
        data: Folder of its annotation files.
        images: Folder of its pictures, if not `data`.
        allow_missing: Score what is there. What is not is counted in `Prepared.left_out`.

    Raises:
        HairsplitError: Files or pictures are missing, a file is torn or of another shape, or no item is left.
    """
    folder = open_folder(name, benchmark.files, data, allow_missing=allow_missing)
    suite = benchmark.read(folder)
    if not (suite.items if isinstance(suite, Questions) else suite.rows):
        reasons = ", ".join(f"{count:,} x {reason}" for reason, count in sorted(suite.left_out.items()))
        raise HairsplitError(
            f"{name}: the files hold no item ({reasons or 'no rows'})", where=str(data), hint="fetch them again"
        )
    pictures = find_pictures(benchmark, _pictures(suite), images or data, allow_missing=allow_missing)
    kept, gone = _with_pictures(suite, pictures.paths.keys())
    left_out = Counter(suite.left_out) + Counter({MISSING: gone} if gone else {})
    return Prepared(name, benchmark, folder, kept, pictures, dict(left_out), allow_missing)


def judge_benchmark(
    encoder: DualEncoder,
    prepared: Prepared,
    *,
    seed: int = 0,
    blind: bool = True,
    kept: KeptEmbeddings | None = None,
    tick: Progress | None = None,
) -> Judgement:
    """Encode each unique picture and text once, and work out every aggregate.

    Args:
        encoder: The model.
        prepared: The benchmark.
        seed: Of intervals and random negatives.
        blind: Whether to fit the text-only baseline, which is the same for each model.
        kept: Embeddings of the model, see `embed_pictures`.
        tick: Told how many more are encoded.

    Raises:
        HairsplitError: A picture is broken, and that was not allowed.
    """
    started = time.perf_counter()
    wanted = list(dict.fromkeys(_pictures(prepared.suite)))
    allowed = prepared.allow_missing
    images = embed_pictures(encoder, prepared.pictures, wanted, allow_missing=allowed, kept=kept, tick=tick)
    suite, broken = _with_pictures(prepared.suite, images.number.keys())
    left_out = Counter(prepared.left_out) + Counter({BROKEN: broken} if broken else {})
    if isinstance(suite, CaptionedImages):
        found = judge_retrieval(encoder, suite, images, seed=seed, kept=kept, tick=tick)
        judged = _judgement(found, len(suite.rows))
    elif isinstance(suite, LabelledPictures):
        judged = _judgement(judge_recognition(encoder, suite, images, seed=seed, kept=kept), len(suite.rows))
    elif isinstance(suite, MultiLabelled):
        judged = _judgement(judge_multi_label(encoder, suite, images, seed=seed, kept=kept), len(suite.rows))
    else:
        texts, text_number = embed_captions(encoder, _texts(suite), kept=kept, tick=tick)
        cosines = item_cosines(suite.items, prepared.benchmark.outcomes, images, texts, text_number)
        scores = as_pairs(
            prepared.name,
            suite.items,
            pictures=prepared.pictures,
            images=images,
            texts=texts,
            text_number=text_number,
            seed=seed,
        )
        judged = _judge_items(prepared.benchmark, suite, cosines, scores, seed, blind=blind)
        if suite.statements:
            number, measure, told = judge_statements(suite.statements, images, texts, text_number, seed=seed)
            judged = replace(
                judged,
                numbers=(*judged.numbers, number),
                measures=(*judged.measures, measure) if number.estimate is not None else judged.measures,
                statements=told,
            )
    return replace(judged, left_out=dict(left_out), seconds=time.perf_counter() - started)


def _judgement(found: Judged, items: int) -> Judgement:
    return Judgement(found.numbers, found.kinds, found.table, items, measures=found.measures)


def _judge_items(
    benchmark: Benchmark, suite: Questions, cosines: ItemCosines, scores: Scores | None, seed: int, *, blind: bool
) -> Judgement:
    items = suite.items
    outcomes = Outcomes(
        tuple(item.kind for item in items),
        tuple(cluster(item) for item in items),
        tuple(item.units for item in items),
        cosines.ours,
        cosines.theirs,
        cosines.chance,
    )
    numbers = tuple(aggregate(rule, outcomes, seed=seed) for rule in benchmark.aggregates)
    ties = {name: int(np.nansum(cosines.theirs[name] - ours)) for name, ours in cosines.ours.items()}
    needless = not blind or scores is not None or not items
    each = kind_measures(outcomes)
    kinds: dict[str, dict[str, Estimate]] = {}
    for (kind, outcome), measure in each.items():
        kinds.setdefault(kind, {})[outcome] = measure.estimate(seed)
    rules = [found for rule in benchmark.aggregates if (found := measured(rule, outcomes)) is not None]
    return Judgement(
        numbers,
        kinds,
        _table(items, cosines),
        len(items),
        ties,
        None if needless or benchmark.blind else blind_items(items, seed=seed),
        scores,
        counts=suite.counts,
        measures=(*rules, *each.values()),
    )


def spelled(picture: Picture) -> str:
    """A picture as text: its path, its box behind a #, and whether it is mirrored behind another."""
    box = "" if picture.box is None else f"#{','.join(f'{n:g}' for n in picture.box)}"
    return f"{picture.path}{box}{'#mirrored' if picture.mirrored else ''}"


def _table(items: Sequence[Question], cosines: ItemCosines) -> pa.Table:
    columns: dict[str, Any] = {
        "id": [item.id for item in items],
        "kind": [item.kind for item in items],
        "cluster": [cluster(item) for item in items],
        "images": [[spelled(picture) for picture in item.images] for item in items],
        "captions": [list(item.captions) for item in items],
        "cosines": pa.array([s.ravel().tolist() for s in cosines.image_text], pa.list_(pa.float64())),
    }
    if any(t.size for t in cosines.text_text):
        columns["caption_cosines"] = pa.array([t.ravel().tolist() for t in cosines.text_text], pa.list_(pa.float64()))
    for name, ours in cosines.ours.items():
        columns[name] = pa.array(ours == 1, pa.bool_(), mask=np.isnan(ours))
        columns[f"{name}_if_ties_hit"] = pa.array(cosines.theirs[name] == 1, pa.bool_(), mask=np.isnan(ours))
    return pa.table(columns)


def _pictures(suite: Suite) -> list[Picture]:
    if isinstance(suite, Questions):
        shown = [picture for item in suite.items for picture in item.images]
        return [*shown, *(statement.image for statement in suite.statements)]
    return [row[0] for row in suite.rows]


def _texts(suite: Suite) -> list[str]:
    if isinstance(suite, Questions):
        asked = [text for item in suite.items for text in item.captions]
        return [*asked, *(statement.caption for statement in suite.statements)]
    return [text for _, text in suite.rows] if isinstance(suite, CaptionedImages) else []


def _with_pictures(suite: Suite, there: Any) -> tuple[Suite, int]:
    """The suite without what shows a picture that is not `there`, and how many rows that takes."""
    if isinstance(suite, Questions):
        items = tuple(item for item in suite.items if all(picture in there for picture in item.images))
        statements = tuple(statement for statement in suite.statements if statement.image in there)
        counts = Counter(suite.counts)
        if unseen := len(suite.statements) - len(statements):
            counts[UNSEEN] += unseen
        kept = replace(suite, items=items, counts=dict(counts), statements=statements)
        return kept, len(suite.items) - len(items)
    rows = tuple(row for row in suite.rows if row[0] in there)
    return replace(suite, rows=rows), len(suite.rows) - len(rows)  # type: ignore[arg-type]


def data_record(prepared: Prepared) -> dict[str, Any]:
    """What was judged on: the files with their hashes, and a hash over all items as they were asked."""
    suite = prepared.suite
    rows: list[Any]
    if isinstance(suite, Questions):
        rows = [(q.id, [spelled(p) for p in q.images], q.captions, q.kind, q.true) for q in suite.items]
        rows += [(spelled(one.image), one.caption, one.true) for one in suite.statements]
    elif isinstance(suite, CaptionedImages):
        rows = [(spelled(picture), caption) for picture, caption in suite.rows]
    elif isinstance(suite, MultiLabelled):
        rows = [(spelled(picture), sorted(shown), sorted(unasked)) for picture, shown, unasked in suite.rows]
        rows += [suite.classes, suite.prompts]
    else:
        rows = [(spelled(picture), label) for picture, label in suite.rows] + [suite.classes, suite.prompts]
    return {
        "name": prepared.name,
        "hash": text_hash(repr(rows)),
        "files": {name: file_hash(path) for name, path in prepared.folder},
        "images": len({(p.collection, p.path) for p in _pictures(suite)}),
    }
