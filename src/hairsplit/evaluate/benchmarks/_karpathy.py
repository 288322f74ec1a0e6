"""The test captions of Karpathy's splits of COCO and Flickr, in his own layout or in that of BLIP, which ARO uses."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate.benchmarks._benchmark import CaptionedImages, Collection, DataFile, Picture
from hairsplit.evaluate.benchmarks._files import Folder, content, read_json, read_lines

_STORE = "https://storage.googleapis.com/sfr-vision-language-research/datasets"
_SPLITS = "https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip"
COCO_TEST = DataFile("coco_karpathy_test.json", f"{_STORE}/coco_karpathy_test.json", {"dataset_coco.json": _SPLITS})
FLICKR_TEST = DataFile("flickr30k_test.json", f"{_STORE}/flickr30k_test.json", {"dataset_flickr30k.json": _SPLITS})
FLICKR_8K = DataFile("dataset_flickr8k.json", _SPLITS)
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


FLICKR_8K_EXAMPLE = (
    '{"dataset": "flickr8k", "images": [{"filename": "1.jpg", "split": "test", "sentences": [{"raw": "A dog runs ."}, '
    '{"raw": "A brown dog ."}]}, {"filename": "2.jpg", "split": "train", "sentences": [{"raw": "A cat ."}]}, '
    '{"filename": "3.jpg", "split": "test", "sentences": [{"raw": "Two girls sit ."}]}]}'
)
_WHOLE = '{"dataset": "...", "images": [{"filename", "split", "sentences": [{"raw"}, ...]}, ...]}'
_FOLDERS = {"flickr30k": "flickr30k-images/"}


class _Row(msgspec.Struct):
    image: str
    caption: list[str]


class _Sentence(msgspec.Struct):
    raw: str


class _Image(msgspec.Struct):
    filename: str
    split: str
    sentences: list[_Sentence]
    filepath: str = ""


class _Dataset(msgspec.Struct):
    images: list[_Image]
    dataset: str = ""


def captions(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield where, image and caption of every caption of the test split.

    The file is BLIP's list of it, or Karpathy's own of all splits; images are named as in the former.

    Raises:
        HairsplitError: Torn, of another shape, without a test split, or a caption is empty.
    """
    for number, row in _rows(path):
        for place, text in enumerate(row.caption):
            where = f"{path}, image {number}, caption {place + 1}"
            if not text.strip():
                raise HairsplitError("a caption is empty", where=where, hint="fetch the file again")
            yield where, row.image, text


def _rows(path: Path) -> Iterator[tuple[int, _Row]]:
    if not content(path).lstrip().startswith(b"{"):
        yield from read_lines(path, _Row, SHAPE)
        return
    found = read_json(path, _Dataset, _WHOLE)
    splits = sorted({image.split for image in found.images})
    if "test" not in splits:
        told = f"has no test split but {', '.join(splits)}" if splits else "has no images"
        raise HairsplitError(told, where=str(path), hint="fetch the file again")
    for number, image in enumerate(found.images, 1):
        if image.split == "test":
            folder = f"{image.filepath}/" if image.filepath else _FOLDERS.get(found.dataset, "")
            yield number, _Row(f"{folder}{image.filename}", [sentence.raw for sentence in image.sentences])


def captioned_images(folder: Folder, collection: Collection) -> CaptionedImages:
    """All captions of a test file, in its order."""
    rows = [(Picture(collection.name, image), text) for _, path in folder for _, image, text in captions(path)]
    return CaptionedImages(tuple(rows))
