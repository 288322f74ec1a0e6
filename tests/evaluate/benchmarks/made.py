"""Small data folders of the documented schema, with a picture of its own colour for everything that is shown."""

from pathlib import Path

from hairsplit.evaluate.benchmarks import BENCHMARKS, Picture
from hairsplit.evaluate.benchmarks._benchmark import Questions
from hairsplit.evaluate.benchmarks._files import open_folder
from hairsplit.evaluate.benchmarks._run import _pictures
from tests.small_world import paint


def make(name: str, folder: Path, files: dict[str, str] | None = None, *, without: int = 0) -> Path:
    """Write a benchmark's example, or `files` over it, and paint all its pictures but the first `without`."""
    entry = BENCHMARKS[name]
    for file, text in {**entry.example, **(files or {})}.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for n, own in enumerate(entry.example_pictures):
        paint(folder / own, colour(n))
    found = open_folder(name, entry.files, folder, allow_missing=True)
    folders = {collection.name: collection.folders[0] for collection in entry.collections}
    for n, picture in enumerate(dict.fromkeys(place(p) for p in _pictures(entry.read(found)))):
        if n >= without:
            paint(folder / folders[picture.collection] / picture.path, colour(n))
    return folder


def place(picture: Picture) -> Picture:
    """The whole picture."""
    return Picture(picture.collection, picture.path)


def colour(n: int) -> tuple[int, int, int]:
    """Colours far from each other."""
    return (97 * n + 31) % 256, (57 * n + 101) % 256, (193 * n + 7) % 256


def questions(name: str, folder: Path) -> Questions:
    """The items of a benchmark's folder."""
    entry = BENCHMARKS[name]
    found = entry.read(open_folder(name, entry.files, folder, allow_missing=True))
    assert isinstance(found, Questions)
    return found
