"""Zero-shot classification of your own pictures: a folder per class, prompt templates in prompts.txt."""

from hairsplit.evaluate.benchmarks._benchmark import Benchmark, Collection, LabelledPictures, Picture
from hairsplit.evaluate.benchmarks._files import Folder
from hairsplit.evaluate.forgetting import labelled_images

IMAGES = Collection("class folders", "your own, a folder per class", (".",))


def read(folder: Folder) -> LabelledPictures:
    """Underscores in a folder's name are spaces of the class name."""
    found = labelled_images(folder.root)
    rows = tuple((Picture(IMAGES.name, image), label) for image, label in zip(found.images, found.labels, strict=True))
    others = {"file_that_is_no_picture": found.others} if found.others else {}
    return LabelledPictures(rows, found.classes, found.prompts, others)


ENTRY = Benchmark(
    title="Zero-shot classification: a folder per class, templates in prompts.txt; top-1, top-5, per-class recall",
    read=read,
    files=(),
    collections=(IMAGES,),
    items=None,
    items_note="your pictures",
    chance={"correct": None},
    ties="order",
    tie_rule="top-k of most code takes tied classes in the order of sorting",
    blind="a classifier blind to the image is at chance, or at the share of the largest class",
    licence="that of your pictures",
    reference="arXiv:2103.00020",
    citation="Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021",
    example={"prompts.txt": "a photo of a {}.\na picture of {a}.\n"},
    example_pictures=("red_wall/1.png", "red_wall/2.png", "blue_wall/1.png", "green_wall/1.png"),
)
