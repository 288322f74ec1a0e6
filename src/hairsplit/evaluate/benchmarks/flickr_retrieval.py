"""Flickr30k retrieval on Karpathy's test split: 1,000 photos, 5,000 captions."""

from hairsplit.evaluate.benchmarks._benchmark import Benchmark, CaptionedImages
from hairsplit.evaluate.benchmarks._collections import FLICKR_30K
from hairsplit.evaluate.benchmarks._files import Folder
from hairsplit.evaluate.benchmarks._karpathy import FLICKR_EXAMPLE, FLICKR_TEST, captioned_images


def read(folder: Folder) -> CaptionedImages:
    """All captions, in the file's order."""
    return captioned_images(folder, FLICKR_30K)


ENTRY = Benchmark(
    title="Flickr30k retrieval (Karpathy test): recall@1, 5, 10 both ways",
    read=read,
    files=(FLICKR_TEST,),
    collections=(FLICKR_30K,),
    items=5_000,
    items_note="captions of 1,000 photos",
    chance={"recall": None},
    ties="order",
    tie_rule="as sorting leaves ties; image to text counts any of the photo's captions",
    blind="retrieval has no caption pairs to tell apart",
    licence="research and education, by form; photos under Flickr's terms",
    reference="doi:10.1162/tacl_a_00166",
    citation="Young et al., TACL 2014; split: Karpathy and Fei-Fei, CVPR 2015",
    example={FLICKR_TEST.name: FLICKR_EXAMPLE},
)
