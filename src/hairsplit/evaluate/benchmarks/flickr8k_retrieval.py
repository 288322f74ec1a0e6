"""Flickr8k retrieval on Karpathy's test split: 1,000 photos, 5,000 captions."""

from hairsplit.evaluate.benchmarks._benchmark import Benchmark, CaptionedImages
from hairsplit.evaluate.benchmarks._collections import FLICKR_8K as PHOTOS
from hairsplit.evaluate.benchmarks._files import Folder
from hairsplit.evaluate.benchmarks._karpathy import FLICKR_8K, FLICKR_8K_EXAMPLE, captioned_images


def read(folder: Folder) -> CaptionedImages:
    """All captions of the test split, in the file's order."""
    return captioned_images(folder, PHOTOS)


ENTRY = Benchmark(
    title="Flickr8k retrieval (Karpathy test): recall@1, 5, 10 both ways",
    read=read,
    files=(FLICKR_8K,),
    collections=(PHOTOS,),
    items=5_000,
    items_note="captions of 1,000 photos",
    chance={"recall": None},
    ties="order",
    tie_rule="as sorting leaves ties; image to text counts any of the photo's captions",
    blind="retrieval has no caption pairs to tell apart",
    licence="research and education; photos under Flickr's terms",
    reference="doi:10.1613/jair.3994",
    citation="Hodosh, Young, Hockenmaier, JAIR 2013; split: Karpathy and Fei-Fei, CVPR 2015",
    example={FLICKR_8K.name: FLICKR_8K_EXAMPLE},
)
