"""ARO Visual Genome relation: which of two things stands in a relation to the other."""

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate.benchmarks._aro import CITATION, IMAGES, LICENCE, REFERENCE, TIE_RULE, Row, read_rows
from hairsplit.evaluate.benchmarks._benchmark import Aggregate, Benchmark, DataFile, Questions
from hairsplit.evaluate.benchmarks._files import Folder


def _relations(text: str) -> frozenset[str]:
    return frozenset(" ".join(text.split()).split(", "))


LEFT_OUT_BY_ARO = _relations(
    """
    adjusting, attached to, between, bigger than, biting, boarding, brushing, chewing, cleaning, climbing, close
    to, coming from, coming out of, contain, crossing, dragging, draped over, drinking, drinking from, driving,
    driving down, driving on, eating from, eating in, enclosing, exiting, facing, filled with, floating in,
    floating on, flying, flying above, flying in, flying over, flying through, full of, going down, going into,
    going through, grazing in, growing in, growing on, guiding, hanging from, hanging in, hanging off, hanging
    over, higher than, holding onto, hugging, in between, jumping off, jumping on, jumping over, kept in, larger
    than, leading, leaning over, leaving, licking, longer than, looking in, looking into, looking out, looking
    over, looking through, lying next to, lying on top of, making, mixed with, mounted on, moving, on the back
    of, on the edge of, on the front of, on the other side of, opening, painted on, parked at, parked beside,
    parked by, parked in, parked in front of, parked near, parked next to, perched on, petting, piled on,
    playing, playing in, playing on, playing with, pouring, reaching for, reading, reflected on, riding on,
    running in, running on, running through, seen through, sitting behind, sitting beside, sitting by, sitting
    in front of, sitting near, sitting next to, sitting under, skiing down, skiing on, sleeping in, sleeping on,
    smiling at, sniffing, splashing, sprinkled on, stacked on, standing against, standing around, standing
    behind, standing beside, standing in front of, standing near, standing next to, staring at, stuck in,
    surrounding, swimming in, swinging, talking to, topped with, touching, traveling down, traveling on, tying,
    typing on, underneath, wading in, waiting for, walking across, walking by, walking down, walking next to,
    walking through, working in, working on, worn on, wrapped around, wrapped in, by, of, near, next to, with,
    beside, on the side of, around
    """
)
"""Relations that ARO's published mean leaves out, as symmetric or rare (its notebook; MIT, Yuksekgonul et al.)."""
SYMMETRIC = _relations(
    """
    attached to, between, beside, by, close to, in between, near, next to, touching, with, around, facing,
    hugging, lying next to, parked beside, parked by, parked near, parked next to, sitting beside, sitting by,
    sitting near, sitting next to, standing beside, standing near, standing next to, walking by, walking next
    to, talking to, mixed with, playing with
    """
)
"""Version 1 of our own, shorter list: relations that hold both ways round, so that the false caption is true too."""


def _kind(row: Row, where: str) -> str:
    if not row.relation_name:
        raise HairsplitError("`relation_name` is missing", where=where, hint="fetch the file again")
    return row.relation_name


def read(folder: Folder) -> Questions:
    """One item per row; its kind is the relation."""
    return read_rows(folder, _kind, "relation_name")


ENTRY = Benchmark(
    title="ARO VG-Relation: a relation between two things against its two things swapped",
    read=read,
    files=(
        DataFile("visual_genome_relation.json", "https://drive.google.com/uc?id=1kX2iCHEv0CADL8dSO1nMdW-V0NqIAiP3"),
    ),
    collections=(IMAGES,),
    items=23_937,
    items_note="as reported; not verified",
    chance={"correct": 0.5},
    aggregates=(
        Aggregate(
            name="mean of the relations that ARO keeps",
            over="groups",
            group=lambda kind: None if kind in LEFT_OUT_BY_ARO else kind,
            published="ARO and all who use its code",
        ),
        Aggregate(name="mean of all relations", over="groups", published="nobody we know of; all that is in the file"),
        Aggregate(
            name="mean of relations that do not hold both ways",
            over="groups",
            group=lambda kind: None if kind in SYMMETRIC else kind,
            published="ours, version 1",
        ),
        Aggregate(name="all items", published="micro average"),
    ),
    ties="miss",
    tie_rule=TIE_RULE,
    licence=LICENCE,
    reference=REFERENCE,
    citation=CITATION,
    example={
        "visual_genome_relation.json": '[{"image_path": "1.jpg", "bbox_x": 2, "bbox_y": 1, "bbox_w": 12, "bbox_h": 9, '
        '"true_caption": "the cup is on the table", "false_caption": "the table is on the cup", '
        '"relation_name": "on"}, '
        '{"image_path": "1.jpg", "bbox_x": 0, "bbox_y": 0, "bbox_w": 8, "bbox_h": 8, "true_caption": "the cup is near '
        'the jug", "false_caption": "the jug is near the cup", "relation_name": "near"}]'
    },
)
