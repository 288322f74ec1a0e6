"""The test captions of Karpathy's splits of COCO and Flickr30k, in the layout that BLIP publishes and ARO uses."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate.benchmarks._benchmark import CaptionedImages, Collection, DataFile, Picture
from hairsplit.evaluate.benchmarks._files import Folder, read_lines

_STORE = "https://storage.googleapis.com/sfr-vision-language-research/datasets"
COCO_TEST = DataFile("coco_karpathy_test.json", f"{_STORE}/coco_karpathy_test.json")
FLICKR_TEST = DataFile("flickr30k_test.json", f"{_STORE}/flickr30k_test.json")
SHAPE = '[{"image": "val2014/COCO_val2014_...jpg", "caption": ["...", ...]}, ...]'
COCO_EXAMPLE = (
    '[{"image": "val2014/COCO_val2014_000000000001.jpg", "caption": ["A red cup on the small table.", '
    '"there is a cup standing on a wooden table", "A cup."]}, {"image": "val2014/COCO_val2014_000000000002.jpg", '
    '"caption": ["Two brown dogs are running over the green grass!", "brown dogs and a white ball in the grass", '
    '"dogs", "the dogs run after a ball", "some dogs", "a sixth caption of two dogs"]}]'
)
FLICKR_EXAMPLE = (
    '[{"image": "flickr30k-images/1.jpg", "caption": ["A man in a blue shirt sits on a bench ."]}, '
    '{"image": "flickr30k-images/2.jpg", "caption": ["A young girl with a red ball near an old house .", "A girl ."]}]'
)


class _Row(msgspec.Struct):
    image: str
    caption: list[str]


def captions(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield where, image and caption of every caption.

    Raises:
        HairsplitError: Torn, of another shape, or a caption is empty.
    """
    for number, row in read_lines(path, _Row, SHAPE):
        for place, text in enumerate(row.caption):
            where = f"{path}, image {number}, caption {place + 1}"
            if not text.strip():
                raise HairsplitError("a caption is empty", where=where, hint="fetch the file again")
            yield where, row.image, text


def captioned_images(folder: Folder, collection: Collection) -> CaptionedImages:
    """All captions of a test file, in its order."""
    rows = [(Picture(collection.name, image), text) for _, path in folder for _, image, text in captions(path)]
    return CaptionedImages(tuple(rows))
