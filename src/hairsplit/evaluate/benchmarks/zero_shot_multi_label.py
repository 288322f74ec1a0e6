"""Zero-shot recognition of pictures that show several classes at once, or none: labels.jsonl beside them."""

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate.benchmarks._benchmark import Benchmark, Collection, DataFile, MultiLabelled, Picture
from hairsplit.evaluate.benchmarks._files import Folder, read_lines
from hairsplit.evaluate.forgetting import read_prompts

IMAGES = Collection("pictures", "your own, as labels.jsonl names them", (".", "images"))
SHAPE = 'lines of {"image", "labels": [...]}, and perhaps "difficult": [...]'


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    image: str
    labels: list[str]
    difficult: list[str] = []


def read(folder: Folder) -> MultiLabelled:
    """Classes are all that some picture is labelled with, sorted."""
    _, path = next(iter(folder))
    rows: dict[str, _Row] = {}
    for number, row in read_lines(path, _Row, SHAPE):
        where = f"{path}, line {number}"
        if row.image in rows:
            raise HairsplitError(f"the picture {row.image!r} stands twice", where=where, hint="join its lines")
        if both := set(row.labels) & set(row.difficult):
            message = f"{min(both)!r} is a label and difficult at once"
            raise HairsplitError(message, where=where, hint="a class that is difficult is not asked about")
        if not all(name.strip() for name in (*row.labels, *row.difficult)):
            raise HairsplitError("a label is empty", where=where, hint='no labels are written "labels": []')
        rows[row.image] = row
    classes = sorted({name for row in rows.values() for name in row.labels})
    if not classes:
        raise HairsplitError("no picture has a label", where=str(path), hint=SHAPE)
    place = {name: n for n, name in enumerate(classes)}
    # a class that is difficult wherever it stands cannot be judged, and is none
    return MultiLabelled(
        tuple(
            (
                Picture(IMAGES.name, row.image),
                frozenset(place[name] for name in row.labels),
                frozenset(place[name] for name in row.difficult if name in place),
            )
            for row in rows.values()
        ),
        tuple(classes),
        read_prompts(folder.root),
    )


ENTRY = Benchmark(
    title="Zero-shot recognition of several classes a picture: labels.jsonl, templates in prompts.txt; mAP",
    read=read,
    files=(DataFile("labels.jsonl", f"your own: {SHAPE}"),),
    collections=(IMAGES,),
    items=None,
    items_note="your pictures",
    chance={"average_precision": None},
    ties="order",
    tie_rule="scikit-learn counts pictures that tie as one step, other code in the order of sorting",
    blind="a reader blind to the image ranks pictures at random",
    licence="that of your pictures",
    reference="arXiv:2103.00020",
    citation="Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021",
    example={
        "prompts.txt": "a photo of a {}.\na picture of {a}.\n",
        "labels.jsonl": '{"image": "1.jpg", "labels": ["dog", "person"]}\n'
        '{"image": "2.jpg", "labels": ["person"], "difficult": ["dog"]}\n{"image": "3.jpg", "labels": []}',
    },
)
