"""VL-CheckList: objects by place and size, attributes and relations, each with one word changed."""

from collections.abc import Iterator, Sequence

import msgspec

from hairsplit.core.run import text_hash
from hairsplit.evaluate.benchmarks._benchmark import (
    Aggregate,
    Benchmark,
    Collection,
    DataFile,
    Gathering,
    Picture,
    Question,
    Questions,
    within,
)
from hairsplit.evaluate.benchmarks._collections import HAKE, SWIG, VISUAL_GENOME
from hairsplit.evaluate.benchmarks._files import Folder, read_json

SAMPLE = 2_000
"""Most rows of a file. The original draws as many at random, anew in each run; ours are those of lowest hash."""
NOT_SAMPLED = "not_in_the_fixed_sample_of_2000_per_file"
NO_PAIR = "row_without_a_positive_or_a_negative"
SHAPE = '[["image path", {"POS": ["..."], "NEG": ["..."]}], ...]'
_URL = "https://raw.githubusercontent.com/om-ai-lab/VL-CheckList/main/"
_PLACES, _SIZES = ("center", "mid", "margin"), ("large", "medium", "small")
_ROLES = ("agent", "destination", "item", "tool")


class _Texts(msgspec.Struct):
    POS: list[str]
    NEG: list[str]


def _files() -> Iterator[tuple[str, str]]:
    """File and the kind of its items: the aspect, its parts, and the source of its images."""
    for source, aspects in (
        ("vg", ("action", "color", "material", "size", "state")),
        ("vaw", ("action", "color", "material", "size", "state")),
    ):
        for aspect in aspects:
            yield f"data/Attribute/{source}/{aspect}.json", f"Attribute/{aspect}/{source}"
    for aspect, values in (("Location", _PLACES), ("Size", _SIZES)):
        folder = f"data/Object/{aspect}"
        low = aspect.lower()
        for value in values:
            yield f"{folder}/hake_{low}/hake_obj_{value}.json", f"Object/{aspect}/{value}/hake"
            for role in _ROLES:
                yield (
                    f"{folder}/swig_{low}/swig_{role}/swig_{role}_{value}.json",
                    f"Object/{aspect}/{value}/swig_{role}",
                )
            for role in ("obj", "subj"):
                yield f"{folder}/vg_{low}/vg_{role}_{value}.json", f"Object/{aspect}/{value}/vg_{role}"
    yield "data/Relation/hake_action.json", "Relation/action/hake"
    yield "data/Relation/swig_action.json", "Relation/action/swig"
    yield "data/Relation/vg/action.json", "Relation/action/vg"
    yield "data/Relation/vg/spatial.json", "Relation/spatial/vg"


KINDS = dict(_files())


def _collection(kind: str) -> Collection:
    source = kind.rsplit("/", 1)[-1]
    return HAKE if source.startswith("hake") else SWIG if source.startswith("swig") else VISUAL_GENOME


def sample(rows: Sequence[tuple[str, str, str]]) -> list[int]:
    """Places of the at most 2,000 rows of lowest hash, in their order; equal rows are told apart by their place."""
    if len(rows) <= SAMPLE:
        return list(range(len(rows)))
    order = sorted(range(len(rows)), key=lambda n: (text_hash("\x1f".join(rows[n])), n))
    return sorted(order[:SAMPLE])


def read(folder: Folder) -> Questions:
    """One item per sampled row: its first positive against its first negative."""
    found = Gathering()
    for name, path in folder:
        kind = KINDS[name]
        rows = []
        for image, texts in read_json(path, list[tuple[str, _Texts]], SHAPE):
            if texts.POS and texts.NEG and texts.POS[0].strip() and texts.NEG[0].strip():
                rows.append((image, texts.POS[0], texts.NEG[0]))
            else:
                found.left_out[NO_PAIR] += 1
        chosen = sample(rows)
        if len(chosen) < len(rows):
            found.left_out[NOT_SAMPLED] += len(rows) - len(chosen)
        for place in chosen:
            image, positive, negative = rows[place]
            found.add(
                f"{path}, item {place + 1}",
                Question(f"{kind}/{place}", (Picture(_collection(kind).name, image),), (positive, negative), kind),
            )
    return found.questions()


def _aspect(kind: str) -> str:
    return kind.split("/", 1)[0]


def _only(aspect: str) -> Aggregate:
    return Aggregate(
        name=f"{aspect}, mean of its files",
        over="groups",
        group=within(_aspect, aspect),
        published="mean of an aspect's columns",
    )


ENTRY = Benchmark(
    title="VL-CheckList: objects (place, size), attributes and relations with one word changed",
    read=read,
    files=tuple(DataFile(name, _URL + name) for name in KINDS),
    collections=(VISUAL_GENOME, HAKE, SWIG),
    items=None,
    items_note="at most 2,000 of each of 56 files, a fixed sample of ours",
    chance={"correct": 0.5},
    aggregates=(
        Aggregate(
            name="mean of object, attribute, relation, each over its files",
            over="kinds of groups",
            group=_aspect,
            groups=3,
            published="mean of the three aspects' columns",
        ),
        Aggregate(
            name="mean of object, attribute, relation, each over its items", over="groups", group=_aspect, groups=3
        ),
        *(_only(aspect) for aspect in ("Object", "Attribute", "Relation")),
        Aggregate(name="mean of all files", over="groups", groups=len(KINDS)),
        Aggregate(name="all items", published="micro average"),
    ),
    ties="miss",
    tie_rule="score(POS[0]) > score(NEG[0])",
    licence="not stated for the annotations; images VG CC BY 4.0, HAKE, SWiG and VAW under their own terms",
    reference="arXiv:2207.00221",
    citation="Zhao et al., VL-CheckList: Evaluating Pre-trained Vision-Language Models with Objects, Attributes and "
    "Relations, EMNLP 2022 (demonstrations)",
    example=dict.fromkeys(
        KINDS, '[["1.jpg", {"POS": ["a cup"], "NEG": ["a jug"]}], ["2.jpg", {"POS": ["x"], "NEG": []}]]'
    ),
)
