"""The consistency suite: golden items, outcomes by hand, an all-knowing model, ties, mirrored pictures, left-outs."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import text_hash
from hairsplit.encoders.dual_encoder import new
from hairsplit.evaluate.benchmarks import BENCHMARKS, Picture, Question, judge_benchmark, prepare
from hairsplit.evaluate.benchmarks._files import Pictures
from hairsplit.evaluate.benchmarks._outcomes import Cosines, at_least, clearly
from hairsplit.evaluate.benchmarks._run import spelled
from hairsplit.evaluate.benchmarks._scoring import EmbeddedPictures, ItemCosines, cut, embed_pictures, item_cosines
from hairsplit.evaluate.benchmarks.consistency import ASKED, CHECK, ENTRY, KINDS, OUTCOMES
from hairsplit.evaluate.embed import embed_images
from hairsplit.evaluate.embedding_cache import EmbeddingCache
from hairsplit.scenes.drawing.sample import DrawnWorld, scene
from hairsplit.scenes.drawing.write import draw
from hairsplit.scenes.readers.gqa import write_scenes
from tests.evaluate.benchmarks.made import make, questions
from tests.evaluate.benchmarks.told_scenes import Graph, reflected, truth
from tests.small_world import SHAPE, constant_encoder, paint

GOLDEN = {
    "half_truth_attribute": 60,
    "half_truth_relation": 41,
    "half_truth_thing": 42,
    "mirror": 35,
    "negation_attribute": 57,
    "negation_thing": 60,
    "paraphrase_relation": 40,
    "paraphrase_thing": 60,
}
GOLDEN_HASH = "abc73d2e22cb272f"
"""A change here is a change of what a score means."""
SHAPES_OF = {"paraphrase": (1, 3), "half_truth": (1, 3), "negation": (1, 4), "mirror": (2, 2)}
"""Check -> pictures and captions of an item."""
BY_NAME = {outcome.name: outcome for outcome in OUTCOMES}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graphs of 60 scenes to judge on and 10 to train on, without pictures."""
    folder = tmp_path_factory.mktemp("graphs")
    splits = ["test"] * 40 + ["val"] * 20 + ["train"] * 10
    scenes = (scene(DrawnWorld(size=48), 5, f"{split}_{n}", split) for n, split in enumerate(splits))
    write_scenes(folder / "scene_graphs.json", scenes)
    return folder


@pytest.fixture(scope="module")
def items(graphs: Path) -> tuple[Question, ...]:
    return questions("consistency", graphs).items


def test_the_items_of_sixty_scenes_are_golden(graphs: Path, items: tuple[Question, ...]) -> None:
    assert Counter(item.kind for item in items) == GOLDEN
    assert text_hash(repr([(item.id, item.captions) for item in items]))[:16] == GOLDEN_HASH
    left_out = questions("consistency", graphs).left_out
    assert left_out["scene_of_the_training_split"] == 10
    for kind, count in GOLDEN.items():
        assert count + sum(n for reason, n in left_out.items() if reason.startswith(f"{kind}:")) == 60


def test_the_order_of_a_file_changes_no_item(graphs: Path, items: tuple[Question, ...], tmp_path: Path) -> None:
    tree = json.loads((graphs / "scene_graphs.json").read_text("utf-8"))
    turned = {key: {**graph, "objects": dict([*graph["objects"].items()][::-1])} for key, graph in tree.items()}
    (tmp_path / "scene_graphs.json").write_text(json.dumps(dict([*turned.items()][::-1])), "utf-8")
    assert questions("consistency", tmp_path).items == items


def truths(item: Question, graphs: Path) -> list[list[bool | None]]:
    """[pictures][captions] by the independent reader."""
    tree: dict[str, Graph] = json.loads((graphs / "scene_graphs.json").read_text("utf-8"))
    found = []
    for picture in item.images:
        graph = tree[Path(picture.path).stem]
        found.append([truth(text, reflected(graph) if picture.mirrored else graph) for text in item.captions])
    return found


def test_every_caption_is_true_or_false_as_the_item_says(graphs: Path, items: tuple[Question, ...]) -> None:
    for item in items:
        if item.kind == "mirror":
            assert truths(item, graphs) == [[True, False], [False, True]], item.id
            assert [picture.mirrored for picture in item.images] == [False, True]
        else:
            assert truths(item, graphs) == [[True, True] + [False] * (len(item.captions) - 2)], item.id
            assert not item.images[0].mirrored
        assert {picture.path for picture in item.images} == {f"{item.id.partition('/')[2]}.png"}


def scored(items: tuple[Question, ...], score: Callable[[Question, int, int], float]) -> ItemCosines:
    """Items under made-up cosines; each has pictures and captions of its own."""
    own = [
        Question(
            item.id,
            tuple(Picture(f"{n}", picture.path, mirrored=picture.mirrored) for picture in item.images),
            tuple(f"{n} {c}" for c in range(len(item.captions))),
            item.kind,
            asked=item.asked,
        )
        for n, item in enumerate(items)
    ]
    pictures = {picture: row for row, picture in enumerate(p for item in own for p in item.images)}
    captions = {text: row for row, text in enumerate(text for item in own for text in item.captions)}
    images, texts = np.eye(len(pictures), dtype=np.float32), np.zeros((len(captions), len(pictures)), np.float32)
    for item, source in zip(own, items, strict=True):
        for i, picture in enumerate(item.images):
            for c, text in enumerate(item.captions):
                texts[captions[text], pictures[picture]] = score(source, i, c)
    return item_cosines(own, OUTCOMES, EmbeddedPictures(images, pictures, {}), texts, captions)


def mean(found: ItemCosines, outcome: str) -> float:
    return float(np.nanmean(found.ours[outcome]))


def test_who_knows_the_truth_is_right_about_everything_and_a_liar_about_nothing(
    graphs: Path, items: tuple[Question, ...]
) -> None:
    known = {item.id: truths(item, graphs) for item in items}
    knows = scored(items, lambda item, i, c: float(bool(known[item.id][i][c])))
    lies = scored(items, lambda item, i, c: -float(bool(known[item.id][i][c])))
    for name in set(BY_NAME) - {"tot", "raised"}:
        assert mean(knows, name) == 1, name
        assert mean(lies, name) == 0, name
    assert mean(knows, "raised") == 0  # both captions are true: a tie


def test_who_hears_no_negation_is_right_of_what_is_there_and_wrong_of_what_is_not(items: tuple[Question, ...]) -> None:
    negations = tuple(item for item in items if CHECK(item.kind) == "negation")
    deaf = scored(negations, lambda _item, _i, c: float(c in {0, 2}))  # x against y, whatever is said of it
    assert [mean(deaf, name) for name in ("present", "absent", "consistent")] == [1, 0, 0]
    assert mean(deaf, "affirmed") == mean(deaf, "denied") == 0  # ties


def test_who_likes_short_captions_is_right_of_half_truths_alone_and_who_likes_long_ones_is_wrong(
    items: tuple[Question, ...],
) -> None:
    halves = tuple(item for item in items if CHECK(item.kind) == "half_truth")
    short = scored(halves, lambda item, _i, c: -float(len(item.captions[c].split())))
    long = scored(halves, lambda item, _i, c: float(len(item.captions[c].split())))
    names = ("short", "detail", "raised", "consistent")
    assert [mean(short, name) for name in names] == [1, 0, 0, 0]
    assert [mean(long, name) for name in names] == [0, 0, 1, 0]


BY_HAND: list[tuple[str, list[list[float]], bool, bool]] = [
    # outcome, cosines [pictures][captions], right, right if a tie is
    ("consistent", [[0.5, 0.4, 0.3]], True, True),
    ("consistent", [[0.5, 0.3, 0.4]], False, False),
    ("consistent", [[0.5, 0.3, 0.3]], False, True),
    ("consistent", [[0.3, 0.5, 0.4]], False, False),
    ("consistent", [[0.5, 0.4, 0.3, 0.2]], True, True),
    ("consistent", [[0.5, 0.4, 0.2, 0.4]], False, True),
    ("consistent", [[0.3, 0.4, 0.2, 0.35]], False, False),
    ("consistent", [[0.3, 0.2], [0.1, 0.4]], True, True),
    ("consistent", [[0.3, 0.2], [0.3, 0.4]], False, True),
    ("consistent", [[0.3, 0.2], [0.1, 0.15]], False, False),
    ("short", [[0.5, 0.6, 0.4]], True, True),
    ("short", [[0.4, 0.6, 0.4]], False, True),
    ("short", [[0.3, 0.6, 0.4]], False, False),
    ("detail", [[0.3, 0.6, 0.4]], True, True),
    ("detail", [[0.9, 0.4, 0.4]], False, True),
    ("raised", [[0.3, 0.6, 0.9]], True, True),
    ("raised", [[0.6, 0.6, 0.4]], False, True),
    ("raised", [[0.7, 0.6, 0.4]], False, False),
    ("present", [[0.4, 0.0, 0.9, 0.3]], True, True),
    ("present", [[0.3, 0.9, 0.0, 0.3]], False, True),
    ("absent", [[0.0, 0.4, 0.3, 0.9]], True, True),
    ("absent", [[0.9, 0.3, 0.3, 0.0]], False, True),
    ("affirmed", [[0.4, 0.0, 0.3, 0.9]], True, True),
    ("affirmed", [[0.3, 0.9, 0.3, 0.0]], False, True),
    ("denied", [[0.0, 0.4, 0.9, 0.3]], True, True),
    ("denied", [[0.9, 0.3, 0.0, 0.3]], False, True),
]


@pytest.mark.parametrize(("name", "cosines", "right", "if_ties_hit"), BY_HAND)
def test_outcomes_by_hand(name: str, cosines: list[list[float]], right: bool, if_ties_hit: bool) -> None:
    given = Cosines(np.array([cosines]), np.empty((1, 0, 0)))
    assert BY_NAME[name].right(given, clearly).tolist() == [right]
    assert BY_NAME[name].right(given, at_least).tolist() == [if_ties_hit]


@pytest.mark.parametrize("check", ASKED)
def test_chance_is_what_random_cosines_score(check: str) -> None:
    rng, (images, captions) = np.random.default_rng(0), SHAPES_OF[check]
    drawn = Cosines(rng.normal(size=(40_000, images, captions)), np.empty((40_000, 0, 0)))
    for name in set(ASKED[check]) - {"tot"}:
        found = BY_NAME[name].right(drawn, clearly).mean()
        assert found == pytest.approx(BY_NAME[name].chance(images, captions), abs=0.01), name


def test_an_item_is_asked_what_its_check_asks_and_nothing_else(items: tuple[Question, ...]) -> None:
    found = scored(items, lambda _item, _i, c: float(c))
    for n, item in enumerate(items):
        check = CHECK(item.kind) or ""
        assert (len(item.images), len(item.captions)) == SHAPES_OF[check]
        for values in (found.ours, found.theirs, found.chance):
            assert {name for name, numbers in values.items() if not np.isnan(numbers[n])} == set(ASKED[check])


def test_the_mean_of_the_checks_is_that_of_the_means_of_their_kinds(tmp_path: Path) -> None:
    draw(tmp_path / "drawn", count=60, seed=1, world=DrawnWorld(size=24), recognition=0)
    judged = judge_benchmark(new(SHAPE, seed=1), prepare("consistency", ENTRY, tmp_path / "drawn"))
    rows = judged.table.to_pylist()

    def share(kinds: tuple[str, ...], outcome: str) -> float:
        each = [[bool(row[outcome]) for row in rows if row["kind"] == kind] for kind in kinds]
        return sum(sum(own) / len(own) for own in each) / len(each)

    numbers = {number.name: number for number in judged.numbers}
    first = numbers["mean of the four checks"].estimate
    assert first is not None
    assert first.value == pytest.approx(sum(share(kinds, "consistent") for kinds in KINDS.values()) / 4)
    assert first.chance == pytest.approx((1 / 3 + 1 / 3 + 1 / 6 + 1 / 6) / 4)
    assert first.low < first.value < first.high
    checked = Counter[str]()
    for number in judged.numbers[1:]:
        (check,) = {CHECK(kind) for kind in number.parts}
        assert number.estimate is not None
        assert number.estimate.value == pytest.approx(share(KINDS[check or ""], number.outcome)), number.name
        checked[check or ""] += 1
    assert checked == {check: len(asked) for check, asked in ASKED.items()}  # every outcome of a check is told
    assert {row["cluster"] for row in rows} == {f"drawn pictures/{row['images'][0]}" for row in rows}


def test_a_constant_model_scores_nothing_and_ties_are_told(tmp_path: Path) -> None:
    drawn = tmp_path / "drawn"
    draw(drawn, count=30, seed=1, world=DrawnWorld(size=24), recognition=0)
    for picture in (drawn / "images").iterdir():  # the same picture everywhere, and the same in a mirror
        paint(picture, "grey", (24, 24))
    judged = judge_benchmark(constant_encoder(), prepare("consistency", ENTRY, drawn))
    for number in judged.numbers:
        assert number.estimate is not None
        assert number.estimate.value == 0, number.name
        assert number.ties_hit == pytest.approx(1), number.name
    asked = Counter(name for row in judged.table.to_pylist() for name in BY_NAME if row[name] is not None)
    assert judged.ties == dict(asked)


def test_a_mirrored_picture_is_embedded_as_one_that_was_saved_so_kept_or_not(tmp_path: Path) -> None:
    encoder = new(SHAPE, seed=1)
    pixels = np.random.default_rng(0).integers(256, size=(24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "plain.png")
    Image.fromarray(pixels[:, ::-1]).save(tmp_path / "turned.png")
    wanted = [Picture("c", "plain.png"), Picture("c", "plain.png", mirrored=True)]
    pictures = Pictures(tmp_path, dict.fromkeys(wanted, tmp_path / "plain.png"), Counter())
    saved = embed_images(encoder, tmp_path, ["plain.png", "turned.png"])
    assert np.abs(saved[0] - saved[1]).max() > 1e-3
    plain = embed_pictures(encoder, pictures, wanted, allow_missing=False)
    assert np.abs(plain.embeddings - saved).max() < 1e-6
    with closing(EmbeddingCache(None)) as cache, closing(cache.of(encoder)) as kept:
        for _ in range(2):  # the second time both are read
            found = embed_pictures(encoder, pictures, wanted, allow_missing=False, kept=kept)
            assert np.abs(found.embeddings - saved).max() < 1e-6
            assert cache.counts.encoded == 2
    assert [spelled(picture) for picture in wanted] == ["plain.png", "plain.png#mirrored"]


def test_a_part_is_cut_before_it_is_mirrored(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(256, size=(20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    part = Picture("c", "a.png", (2, 3, 10, 8), mirrored=True)
    assert np.array_equal(np.asarray(cut(tmp_path / "a.png", part)), pixels[3:11, 2:12][:, ::-1])
    assert spelled(part) == "a.png#2,3,10,8#mirrored"


def changed(graph: dict[str, Any], **things: Any) -> dict[str, Any]:
    first, *_ = graph["objects"]
    return {**graph, "objects": {**graph["objects"], first: {**graph["objects"][first], **things}}}


def test_scenes_of_which_not_all_is_known_are_left_out_and_counted(tmp_path: Path) -> None:
    tree = json.loads(ENTRY.example["scene_graphs.json"])
    good = tree["a"]
    tree = {
        "good": good,
        "no_split": {key: value for key, value in good.items() if key != "split"},
        "train": {**good, "split": "train"},
        "clock": changed(good, name="clock"),
        "colourless": changed(good, attributes=["small"]),
        "dangling": changed(good, relations=[{"name": "above", "object": "gone"}]),
        "after": good,  # what was cleaned from one scene is not held against the next
    }
    make("consistency", tmp_path, {"scene_graphs.json": json.dumps(tree)})
    found = questions("consistency", tmp_path)
    assert {item.id.partition("/")[2] for item in found.items} == {"good", "no_split", "after"}
    assert found.left_out["scene_of_the_training_split"] == 1
    assert found.left_out["scene_with_a_thing_that_is_no_drawn_shape"] == 2
    assert found.left_out["scene_that_had_to_be_cleaned"] == 1


def test_a_set_of_scenes_to_train_on_alone_is_an_error(tmp_path: Path) -> None:
    tree = {key: {**graph, "split": "train"} for key, graph in json.loads(ENTRY.example["scene_graphs.json"]).items()}
    (tmp_path / "scene_graphs.json").write_text(json.dumps(tree), "utf-8")
    with pytest.raises(HairsplitError, match="2 x scene_of_the_training_split"):
        prepare("consistency", BENCHMARKS["consistency"], tmp_path)
