"""Aggregates against plain loops, for every rule that any benchmark uses."""

import math
from collections import defaultdict

import numpy as np
import pytest

from hairsplit.evaluate.benchmarks import BENCHMARKS
from hairsplit.evaluate.benchmarks._aggregates import Outcomes, aggregate, weights_of
from hairsplit.evaluate.benchmarks._benchmark import Aggregate, Unit, groups, within
from hairsplit.evaluate.benchmarks._scene_checks import CHECKS
from hairsplit.evaluate.statistics import clustered_macro_mean

RULES = [(name, rule) for name in BENCHMARKS.names() for rule in BENCHMARKS[name].aggregates]


def kinds_for(name: str, rule: Aggregate) -> list[str]:
    """Kinds that the rule tells apart."""
    if name == "vl_checklist":
        return ["Object/Size/small/hake", "Object/Size/large/hake", "Attribute/color/vg", "Relation/action/vg"]
    if name == "consistency":
        return ["nothing", *[kind for kind in CHECKS if rule.group(kind) is not None]]
    files = [file.name.removesuffix(".json") for file in BENCHMARKS[name].files]
    made_up = ["image_contrast", "shared_scene", "near", "on", "controlled_A", "controlled_B", "coco_one", "gqa_two"]
    return ["nothing", *[kind for kind in (*files, *made_up) if rule.group(kind) is not None][:6]]


def outcomes(kinds: list[str], seed: int, outcome: str, *, in_blocks: bool) -> Outcomes:
    """240 random items; some kinds are rare; with `in_blocks`, the items of a unit are of one kind."""
    rng = np.random.default_rng(seed)
    n = 240
    share = np.arange(1, len(kinds) + 1) ** 2.0
    of = rng.choice(len(kinds), n, p=share / share.sum())
    mine = [kinds[of[12 * (k // 12)] if in_blocks else of[k]] for k in range(n)]
    theirs = (rng.random(n) < 0.8).astype(float)
    ours = theirs * (rng.random(n) < 0.9)
    units = tuple(
        {"pair": Unit(f"p{k // 2}", 2), "set": Unit(f"s{k // 4}", 4), "sentence": Unit(f"q{k // 3}", 3, 0.1)}
        for k in range(n)
    )
    clusters = tuple(f"image {k // 4}" for k in range(n))
    chance = rng.choice([0.5, 0.25], n)
    return Outcomes(tuple(mine), clusters, units, {outcome: ours}, {outcome: theirs}, {outcome: chance})


def rows_of(rule: Aggregate, found: Outcomes, values: list[float], *, chance: bool) -> list[tuple[str, float]]:
    """Kind and value of every item, or of every whole unit."""
    if rule.unit is None:
        return list(zip(found.kinds, values, strict=True))
    members: dict[str, list[tuple[str, float]]] = defaultdict(list)
    unit_of: dict[str, Unit] = {}
    for kind, value, units in zip(found.kinds, values, found.units, strict=True):
        if rule.group(kind) is not None:
            unit = units[rule.unit]
            unit_of[unit.id] = unit
            members[unit.id].append((kind, value))
    rows = []
    for name, own in members.items():
        unit = unit_of[name]
        if len(own) == unit.size:
            given = unit.chance if chance and unit.chance is not None else math.prod(v for _, v in own)
            rows.append((own[0][0], given))
    return rows


def written_out(rule: Aggregate, found: Outcomes, values: list[float], *, chance: bool = False) -> float | None:
    """The oracle: nested dictionaries and sums."""
    count: dict[str, int] = defaultdict(int)
    for kind in found.kinds:
        count[kind] += 1
    by_group: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for kind, value in rows_of(rule, found, values, chance=chance):
        group = rule.group(kind)
        if group is not None and count[kind] >= rule.at_least:
            by_group[group][kind].append(value)
    if not by_group:
        return None
    everything = [v for own in by_group.values() for values in own.values() for v in values]
    if rule.over == "items":
        return sum(everything) / len(everything)
    if rule.over == "groups":
        means = [
            sum(v for values in own.values() for v in values) / sum(len(values) for values in own.values())
            for own in by_group.values()
        ]
    else:
        means = [sum(sum(values) / len(values) for values in own.values()) / len(own) for own in by_group.values()]
    return sum(means) / len(means)


@pytest.mark.parametrize(("name", "rule"), RULES, ids=[f"{name}: {rule.name}" for name, rule in RULES])
def test_every_published_aggregate_is_what_plain_loops_give(name: str, rule: Aggregate) -> None:
    judged = 0
    for seed in range(3):
        found = outcomes(kinds_for(name, rule), seed, rule.outcome, in_blocks=rule.unit is not None)
        number = aggregate(rule, found)
        expected = written_out(rule, found, found.ours[rule.outcome].tolist())
        if expected is None:
            assert number.estimate is None
            continue
        assert number.estimate is not None
        assert number.estimate.value == pytest.approx(expected, abs=1e-12)
        assert number.ties_hit == pytest.approx(
            written_out(rule, found, found.theirs[rule.outcome].tolist()), abs=1e-12
        )
        chance = written_out(rule, found, found.chance[rule.outcome].tolist(), chance=True)
        assert number.estimate.chance == pytest.approx(chance, abs=1e-12)
        assert number.estimate.low <= number.estimate.value <= number.estimate.high
        judged += 1
    assert judged


def test_the_three_means_of_one_set_differ_as_papers_do() -> None:
    kinds = ("a1",) * 8 + ("a2",) * 2 + ("b1",) * 2
    hits = np.array([1.0] * 8 + [0, 0] + [0, 1.0])
    found = Outcomes(
        kinds, tuple(map(str, range(12))), ({},) * 12, {"correct": hits}, {"correct": hits}, {"correct": hits * 0 + 0.5}
    )
    of = groups(a=("a1", "a2"), b=("b1",))
    values = []
    for over in ("items", "groups", "kinds of groups"):
        number = aggregate(Aggregate(name="x", over=over, group=of), found)
        assert number.estimate is not None
        values.append(number.estimate.value)
    assert values == pytest.approx([9 / 12, (8 / 10 + 1 / 2) / 2, ((1 + 0) / 2 + 1 / 2) / 2])


def test_a_unit_that_lacks_an_item_is_left_out_and_counted() -> None:
    pair, single = Unit("p", 2), Unit("q", 2)
    hits = np.array([1.0, 1.0, 1.0])
    found = Outcomes(
        ("k",) * 3,
        ("a", "b", "c"),
        ({"pair": pair}, {"pair": pair}, {"pair": single}),
        {"correct": hits},
        {"correct": hits},
        {"correct": hits / 4},
    )
    number = aggregate(Aggregate(name="pairs", unit="pair"), found)
    assert number.estimate is not None
    assert (number.estimate.value, number.estimate.n, number.estimate.chance, number.incomplete) == (1, 1, 1 / 16, 1)


def test_an_item_that_is_not_asked_an_outcome_does_not_count() -> None:
    hits = np.array([1.0, np.nan])
    found = Outcomes(("k", "k"), ("a", "b"), ({}, {}), {"text": hits}, {"text": hits}, {"text": hits / 4})
    number = aggregate(Aggregate(name="x", outcome="text"), found)
    assert number.estimate is not None
    assert (number.estimate.value, number.estimate.n) == (1, 1)


def test_a_group_that_is_not_there_gives_no_number_rather_than_0() -> None:
    one = {"correct": np.array([1.0])}
    found = Outcomes(("k",), ("a",), ({},), one, one, one)
    number = aggregate(Aggregate(name="x", group=within(lambda kind: kind, "other"), groups=3), found)
    assert (number.estimate, number.ties_hit, number.groups) == (None, None, 3)


def test_weights_of_kinds_add_up_to_1() -> None:
    weights = weights_of(["a", "a", "b", "c"], ["1", "1", "1", "2"])
    assert weights == {"a": 1 / 4, "b": 1 / 4, "c": 1 / 2}


def test_the_interval_of_a_weighted_mean_is_that_of_the_same_mean_resampled_by_hand() -> None:
    """Oracle: the multinomial bootstrap spelled out over whole clusters."""
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(40), 3)
    kinds = np.tile(np.array(["a", "b", "c"]), 40)
    values = (rng.random(120) < 0.6).astype(float)
    weights = {"a": 0.5, "b": 0.25, "c": 0.25}
    estimate = clustered_macro_mean(values, kinds, clusters, weights=weights, resamples=4_000)
    draws = []
    for _ in range(4_000):
        chosen = rng.integers(40, size=40)
        rows = np.concatenate([np.flatnonzero(clusters == c) for c in chosen])
        draws.append(sum(w * values[rows][kinds[rows] == k].mean() for k, w in weights.items()))
    assert estimate.value == pytest.approx(sum(w * values[kinds == k].mean() for k, w in weights.items()))
    assert (estimate.low, estimate.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.01)
    equal = clustered_macro_mean(values, kinds, clusters, weights={"a": 1.0, "b": 1.0, "c": 1.0})
    plain = clustered_macro_mean(values, kinds, clusters)
    assert equal.value == pytest.approx(plain.value)
    assert (equal.low, equal.high) == pytest.approx((plain.low, plain.high))
