"""What models are compared on: pairs tables, benchmarks, recognition and retrieval, all read before any is judged.

A new sort of suite is one more class here; a comparison, its files and its page ask for no more than `Suite`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa

from hairsplit._verbs.benchmark import benchmark_record, write_benchmark
from hairsplit._verbs.evaluate import pairs_record, recognition_record, retrieval_record, texts_of
from hairsplit.core.images import inside
from hairsplit.core.run import text_hash
from hairsplit.core.tables import PairsTable, write_parquet
from hairsplit.core.types import Estimate, Pair
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.benchmarks import Prepared, Questions, blind_estimates, data_record, judge_benchmark
from hairsplit.evaluate.embed import Progress, embed_images
from hairsplit.evaluate.embedding_cache import Box, KeptEmbeddings
from hairsplit.evaluate.forgetting import (
    LabelledImages,
    prompted,
    recognise,
    recognition_measures,
    retrieval_measures,
    retrieve,
)
from hairsplit.evaluate.linear_probe import linear_probe, probe_measure, split_by_class
from hairsplit.evaluate.measure import AnyMeasure, IntArray
from hairsplit.evaluate.pair_measures import Named, pair_measures
from hairsplit.evaluate.pair_measures import blind_estimates as blind_pairs
from hairsplit.evaluate.statistics import estimate_or_null
from hairsplit.evaluate.suite import blind_reader, pairs_to_judge, score_pairs, write_evaluation
from hairsplit.evaluate.text_only import TextOnlyBaseline

Sort = Literal["pairs", "benchmark", "recognition", "linear probe", "retrieval"]
Work = tuple[set[tuple[Path, Box | None]], set[str]]
"""Pictures and texts to encode."""


@dataclass(frozen=True)
class Blind:
    """The text-only baseline of a suite."""

    baseline: TextOnlyBaseline | None
    estimates: Mapping[Named, Estimate]
    """By part and name of a measure."""
    why_not: str = ""

    def json(self) -> dict[str, Any]:
        """`text_only` of a suite."""
        found = self.baseline
        overall = found.overall if found is not None else None
        return {"overall": estimate_or_null(overall), "note": found.note if found is not None else self.why_not}


@dataclass(frozen=True)
class Asked:
    """What a suite needs to judge a model."""

    encoder: DualEncoder
    kept: KeptEmbeddings
    blind: Blind
    """Of the suite."""
    beside: Mapping[str, Any]
    """`recognition` and `retrieval` of the model, for its records."""
    folder: Path
    """Where its scores are written."""
    final: Path
    """Where that folder will lie in the end."""
    seed: int
    tick: Progress


@dataclass(frozen=True)
class Judged:
    """One model on one suite."""

    measures: Sequence[AnyMeasure]
    """The first one is the suite's headline."""
    left_out: Mapping[str, int]
    warnings: Sequence[str] = ()
    beside: Mapping[str, Any] | None = None
    """What goes into the model's other records."""


class Suite(Protocol):
    """Something that models are judged on."""

    @property
    def name(self) -> str:
        """Unique in a comparison."""

    @property
    def sort(self) -> Sort:
        """What it is."""

    def work(self) -> Work:
        """All that is to be encoded."""

    def data(self) -> dict[str, Any]:
        """What it consists of, for the record."""

    def blind(self, seed: int) -> Blind:
        """What a reader blind to the pictures has."""

    def judge(self, asked: Asked) -> Judged:
        """Encode what is not kept, score, and write the scores."""


@dataclass(frozen=True)
class Pairs:
    """A pairs table."""

    name: str
    table: PairsTable
    sort: Sort = "pairs"

    def __post_init__(self) -> None:
        """See that there is something to judge, before any model is.

        Raises:
            HairsplitError: See `pairs_to_judge`.
        """
        pairs_to_judge(self.table)

    def _pairs(self) -> list[Pair]:
        return pairs_to_judge(self.table)[0]

    def work(self) -> Work:
        """See `Suite`."""
        images = {pair.image for pair in self._pairs()}
        return {(inside(self.table.root, image), None) for image in images}, set(texts_of(self.table))

    def data(self) -> dict[str, Any]:
        """See `Suite`."""
        pairs = self._pairs()
        counts = {"items": len(pairs), "images": len({pair.image for pair in pairs})}
        return {"name": self.table.path.name, "hash": self.table.hash, **counts}

    def blind(self, seed: int) -> Blind:
        """See `Suite`."""
        pairs = self._pairs()
        found = blind_reader(pairs, seed=seed)
        return Blind(found, blind_pairs(found, pairs, seed=seed))

    def judge(self, asked: Asked) -> Judged:
        """See `Suite`."""
        scores = score_pairs(asked.encoder, self.table, seed=asked.seed, kept=asked.kept, tick=asked.tick)
        record = pairs_record(
            asked.encoder,
            self.table,
            scores,
            asked.final,
            beside=asked.beside,
            seconds={"pairs": round(scores.seconds, 3)},
            seed=asked.seed,
            blind=asked.blind.baseline,
        )
        write_evaluation(asked.folder, scores, record, seed=asked.seed)
        return Judged(pair_measures(scores), dict(scores.dropped), record["warnings"])


@dataclass(frozen=True)
class OfField:
    """A benchmark of the field."""

    name: str
    prepared: Prepared
    sort: Sort = "benchmark"

    def work(self) -> Work:
        """See `Suite`."""
        prepared = self.prepared
        shown = {(path, picture.box) for picture, path in prepared.pictures.paths.items()}
        classes, prompts = (getattr(prepared.suite, name, ()) for name in ("classes", "prompts"))
        return shown, {*prepared.texts, *prompted(classes, prompts)}

    def data(self) -> dict[str, Any]:
        """See `Suite`."""
        suite = self.prepared.suite
        entry = self.prepared.benchmark
        known = data_record(self.prepared)
        items = len(suite.items if isinstance(suite, Questions) else suite.rows)
        told = {"title": entry.title, "reference": entry.reference, "citation": entry.citation}
        return known | {"items": items, "tie_rule": entry.tie_rule, **told}

    def blind(self, seed: int) -> Blind:
        """See `Suite`."""
        entry = self.prepared.benchmark
        found, estimates = blind_estimates(entry, self.prepared.suite, seed=seed)
        return Blind(found, estimates, f"no text-only baseline: {entry.blind}" if entry.blind else "")

    def judge(self, asked: Asked) -> Judged:
        """See `Suite`."""
        judged = judge_benchmark(
            asked.encoder, self.prepared, seed=asked.seed, blind=False, kept=asked.kept, tick=asked.tick
        )
        record = benchmark_record(
            asked.encoder,
            self.prepared,
            judged,
            asked.final,
            beside=asked.beside,
            seconds={"benchmark": round(judged.seconds, 3)},
            seed=asked.seed,
            blind=asked.blind.baseline,
        )
        write_benchmark(asked.folder, judged, record, seed=asked.seed)
        return Judged(judged.measures, dict(judged.left_out), record["warnings"])


@dataclass(frozen=True)
class Recognition:
    """Zero-shot classification of a folder per class."""

    name: str
    labelled: LabelledImages
    sort: Sort = "recognition"

    def work(self) -> Work:
        """See `Suite`."""
        data = self.labelled
        return {(inside(data.root, image), None) for image in data.images}, set(prompted(data.classes, data.prompts))

    def data(self) -> dict[str, Any]:
        """See `Suite`."""
        data = self.labelled
        told = repr((data.images, data.labels, data.classes, data.prompts))
        counts = {"items": len(data.images), "images": len(data.images), "classes": len(data.classes)}
        return {"name": data.root.resolve().name, "hash": text_hash(told), **counts}

    def blind(self, seed: int) -> Blind:
        """See `Suite`."""
        return Blind(None, {}, "no text-only baseline: a reader blind to the picture has the chance")

    def judge(self, asked: Asked) -> Judged:
        """See `Suite`."""
        data = self.labelled
        found = recognise(asked.encoder, data, kept=asked.kept, tick=asked.tick)
        measures = recognition_measures(data, found)
        table = {"image": list(data.images), "class": [data.classes[n] for n in data.labels], "rank": found.ranks}
        write_parquet(asked.folder / "ranks.parquet", pa.table(table))
        return Judged(measures, {}, beside={"recognition": recognition_record(data, measures, seed=asked.seed)})


@dataclass(frozen=True)
class LinearProbe:
    """Logistic regression on the embeddings of a folder per class, of which a third is judged."""

    name: str
    labelled: LabelledImages
    split: Mapping[str, IntArray] = field(repr=False)
    sort: Sort = "linear probe"

    @classmethod
    def of(cls, name: str, labelled: LabelledImages) -> "LinearProbe":
        """With the same split for every model.

        Raises:
            HairsplitError: A class has too few pictures.
        """
        return cls(name, labelled, split_by_class(labelled.labels, labelled.images))

    def work(self) -> Work:
        """See `Suite`."""
        return {(inside(self.labelled.root, image), None) for image in self.labelled.images}, set()

    def data(self) -> dict[str, Any]:
        """See `Suite`."""
        told = Recognition(self.name, self.labelled).data()
        judged = len(self.split["test"])
        learned = len(self.labelled.images) - judged
        return told | {"items": judged, "images": judged, "title": f"{told['name']}, learned from {learned:,} others"}

    def blind(self, seed: int) -> Blind:
        """See `Suite`."""
        return Blind(None, {}, "no text-only baseline: texts play no part")

    def judge(self, asked: Asked) -> Judged:
        """See `Suite`."""
        data = self.labelled
        images = embed_images(asked.encoder, data.root, data.images, kept=asked.kept, tick=asked.tick)
        probe = linear_probe(images, data.labels, self.split)
        measure = probe_measure(probe, data.images, len(data.classes))
        truth = [data.classes[data.labels[n]] for n in probe.test.tolist()]
        table = {"image": measure.clusters, "class": truth, "hit": probe.hits}
        write_parquet(asked.folder / "hits.parquet", pa.table(table))
        told = f"C is {probe.strength:g}, chosen on {len(self.split['validation']):,} pictures"
        return Judged([measure], {}, [told])


@dataclass(frozen=True)
class Retrieval:
    """Captions to find for pictures, and pictures for captions."""

    name: str
    root: Path
    rows: Sequence[tuple[str, str]]
    sort: Sort = "retrieval"

    def work(self) -> Work:
        """See `Suite`."""
        return {(inside(self.root, image), None) for image, _ in self.rows}, {caption for _, caption in self.rows}

    def data(self) -> dict[str, Any]:
        """See `Suite`."""
        counts = {"items": len(self.rows), "images": len({image for image, _ in self.rows})}
        return {"name": self.name, "hash": text_hash(repr(list(self.rows))), **counts}

    def blind(self, seed: int) -> Blind:
        """See `Suite`."""
        return Blind(None, {}, "no text-only baseline: a reader blind to the picture has the chance")

    def judge(self, asked: Asked) -> Judged:
        """See `Suite`."""
        found = retrieve(asked.encoder, self.root, self.rows, kept=asked.kept, tick=asked.tick)
        measures = retrieval_measures(found)
        to_text = found.ranks.image_to_text[found.owner]  # of the caption's picture
        columns = {"image": [image for image, _ in self.rows], "caption": [text for _, text in self.rows]}
        ranks = {"image_to_text_rank": to_text, "text_to_image_rank": found.ranks.text_to_image}
        write_parquet(asked.folder / "ranks.parquet", pa.table({**columns, **ranks}))
        return Judged(measures, {}, beside={"retrieval": retrieval_record(found, measures, seed=asked.seed)})
