"""COCO retrieval on Karpathy's test split: 5,000 photos, 25,010 captions."""

from hairsplit.evaluate.benchmarks._benchmark import Benchmark, CaptionedImages
from hairsplit.evaluate.benchmarks._collections import COCO_VAL_2014
from hairsplit.evaluate.benchmarks._files import Folder
from hairsplit.evaluate.benchmarks._karpathy import COCO_EXAMPLE, COCO_TEST, captioned_images


def read(folder: Folder) -> CaptionedImages:
    """All captions, in the file's order."""
    return captioned_images(folder, COCO_VAL_2014)


ENTRY = Benchmark(
    title="COCO retrieval (Karpathy test): recall@1, 5, 10 both ways",
    read=read,
    files=(COCO_TEST,),
    collections=(COCO_VAL_2014,),
    items=25_010,
    items_note="captions of 5,000 photos; the first five of each are 25,000",
    chance={"recall": None},
    ties="order",
    tie_rule="as sorting leaves ties; image to text counts any of the photo's captions",
    blind="retrieval has no caption pairs to tell apart",
    licence="captions CC BY 4.0; photos under their authors' licences",
    reference="arXiv:1405.0312",
    citation="Lin et al., Microsoft COCO, ECCV 2014; split: Karpathy and Fei-Fei, CVPR 2015",
    example={COCO_TEST.name: COCO_EXAMPLE},
)
