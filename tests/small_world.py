"""A very small CLIP and a very small drawn world, for tests that walk more than one step of the road."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from hairsplit import api
from hairsplit.core.tables import PairsMeta, PairsTable, read_pairs, relative_root, write_pairs
from hairsplit.core.types import Pair
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, new, save

SHAPE = CLIPShape(
    image_size=24,
    patch=8,
    vision_width=32,
    vision_layers=2,
    vision_heads=2,
    text_width=32,
    text_layers=2,
    text_heads=2,
    embedding=32,
    merges=300,
)


@dataclass(frozen=True)
class World:
    """Files to start from; read only."""

    drawn: Path
    """Scenes of 24 px, one picture per class for recognition."""
    model: Path
    train: Path
    test: Path


def make_world(folder: Path) -> World:
    """Draw, make captions, and save a new model."""
    world = World(folder / "drawn", folder / "model", folder / "train.parquet", folder / "test.parquet")
    tables = {"train": world.train, "test": world.test}
    draw_pairs(world.drawn, tables, count=100, recognition=1, max_pairs=8, negatives=1)
    save(new(SHAPE), world.model)
    return world


def draw_pairs(
    drawn: Path, tables: Mapping[str, Path], *, count: int, recognition: int, max_pairs: int, negatives: int
) -> None:
    """Draw scenes of 24 px and make the pairs of some splits."""
    api.draw(drawn, count=count, size=24, recognition=recognition)
    for split, table in tables.items():
        api.captions(
            drawn / "scene_graphs.json",
            table,
            images=drawn / "images",
            world="closed",
            split=split,
            max_pairs_per_image=max_pairs,
            negatives_per_positive=negatives,
        )


def constant_encoder() -> DualEncoder:
    """A model to which all texts are the same."""
    encoder = new(SHAPE)
    norm = encoder.model.text_model.final_layer_norm
    norm.weight.data.fill_(0)
    norm.bias.data.fill_(1)
    return encoder


def paint(path: Path, colour: str | tuple[int, int, int], size: tuple[int, int] = (30, 24)) -> Path:
    """Save a picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def pair(image: str, caption: str = "a cat", negative: str | None = "a dog", kind: str = "object") -> Pair:
    """One row."""
    return Pair(
        image=image, image_id=Path(image).stem, caption=caption, negative=negative, kind=kind, source="made by hand"
    )


def write_table(path: Path, pairs: Iterable[Pair], images: Path) -> Path:
    """Write rows as a pairs table."""
    write_pairs(path, pairs, PairsMeta(relative_root(path, images)))
    return path


def made_table(path: Path, pairs: Sequence[Pair], images: Path) -> PairsTable:
    """Write rows and read them as a table."""
    return read_pairs(write_table(path, pairs, images))
