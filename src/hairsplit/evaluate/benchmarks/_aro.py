"""What ARO's two Visual Genome tests share: parts of GQA photos with a true and a false caption."""

from collections.abc import Callable

import msgspec

from hairsplit.evaluate.benchmarks._benchmark import Collection, Gathering, Picture, Question, Questions
from hairsplit.evaluate.benchmarks._files import Folder, read_lines

IMAGES = Collection(
    "ARO's GQA photos",
    "https://drive.google.com/uc?id=1qaPlrwhGNMrR3a11iopZUT_GPP_LrgP9 (vgr_vga_images.zip, 1 GB)",
    ("images", "vgr_vga_images", "vgr_vga_images/images", "gqa/images", "."),
)
LICENCE = "MIT; images: GQA, CC BY 4.0"
REFERENCE = "arXiv:2210.01936"
CITATION = "Yuksekgonul et al., When and Why Vision-Language Models Behave like Bags-of-Words, ICLR 2023"
TIE_RULE = "argmax over (false, true), so ties are wrong"
SHAPE = '[{"image_path", "bbox_x", "bbox_y", "bbox_w", "bbox_h", "true_caption", "false_caption", %s}, ...]'


class Row(msgspec.Struct):
    """A row of either file."""

    image_path: str
    bbox_x: float
    bbox_y: float
    bbox_w: float
    bbox_h: float
    true_caption: str
    false_caption: str
    relation_name: str | None = None
    attributes: list[str] | None = None


def read_rows(folder: Folder, kind_of: Callable[[Row, str], str], field: str) -> Questions:
    """One item per row, of the part of the photo within its box."""
    found = Gathering()
    for _, path in folder:
        for number, row in read_lines(path, Row, SHAPE % f'"{field}"'):
            where = f"{path}, item {number}"
            box = (row.bbox_x, row.bbox_y, row.bbox_w, row.bbox_h)
            picture = Picture(IMAGES.name, row.image_path, box)
            texts = (row.true_caption, row.false_caption)
            found.add(where, Question(f"{number}", (picture,), texts, kind_of(row, where)))
    return found.questions()
