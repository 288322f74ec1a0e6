"""Named objectives against their formulas, the weight schedule by hand, and what a user may write."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor
from torch.testing import assert_close

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tensors import Embeddings
from hairsplit.losses import LOSSES
from hairsplit.losses.ce_clip import CeClipSpec
from hairsplit.losses.contrastive import ContrastiveSpec
from hairsplit.losses.distillation import DistillationSpec
from hairsplit.losses.dpo import DpoSpec
from hairsplit.losses.fsc_clip import FscClipSpec
from hairsplit.losses.hard_negative import HardNegativeSpec
from hairsplit.losses.negclip import NegclipSpec
from hairsplit.losses.objectives import (
    OBJECTIVES,
    THESIS_CLASSES,
    ContrastiveDpoL2Spec,
    HncKlSpec,
    HncL2Spec,
    Objective,
    ObjectiveSpec,
    SumSpec,
    Term,
    WeightSchedule,
    compute,
    learned,
    needs_negatives,
    needs_teacher,
    parse_objective,
    resolve,
)
from hairsplit.losses.preference import PreferenceSpec
from hairsplit.losses.siglip_hn import SiglipHnSpec
from hairsplit.losses.structure_clip import StructureClipSpec
from hairsplit.losses.triplet import TripletSpec
from tests.losses import oracle
from tests.losses.oracle import FIELDS, assert_agrees, cases, random_batch


@dataclass(frozen=True)
class Formula:
    """An objective as YAML gives it, and what it should be: weighted oracles and the weight of the L2 penalty."""

    given: Any
    terms: tuple[tuple[float, str, Any], ...]
    l2: float = 0.0


def thesis(**more: Any) -> dict[str, Any]:
    return {"compat": "thesis"} | more


FORMULAS = (
    Formula("standard", ((1, "contrastive", ContrastiveSpec()),)),
    Formula("hnc_l2", ((1, "hard_negative", HardNegativeSpec(weight=0.5)),), l2=0.01),
    Formula(
        {"name": "hnc_l2", "weight": 3, "lam": 2, "pool": "own", "mask_false_negatives": True},
        ((1, "hard_negative", HardNegativeSpec(weight=3, pool="own", mask_false_negatives=True)),),
        l2=2,
    ),
    Formula(
        {"name": "hnc_kl", "lam": 0.3, "temperature": 4},
        (
            (1, "hard_negative", HardNegativeSpec(weight=0.5)),
            (0.3, "distillation", DistillationSpec(temperature=4)),
        ),
    ),
    Formula("dpo_kl", ((1, "dpo", DpoSpec(beta=0.1)),)),
    Formula(
        {"name": "contrastive_dpo_kl", "alpha": 0.3},
        ((0.3, "contrastive", ContrastiveSpec()), (0.7, "dpo", DpoSpec(beta=0.1))),
    ),
    Formula(
        {"name": "contrastive_dpo_l2", "alpha": 0.2},
        ((0.2, "contrastive", ContrastiveSpec()), (0.8, "preference", PreferenceSpec(beta=1))),
        l2=0.8e-4,
    ),
    Formula(thesis(name="standard"), ((1, "contrastive", ContrastiveSpec(compat="thesis")),)),
    Formula(
        thesis(name="hnc_l2", weight=10), ((1, "hard_negative", HardNegativeSpec(weight=10, compat="thesis")),), l2=0.01
    ),
    Formula(
        thesis(name="hnc_kl", weight=0),
        (
            (1, "hard_negative", HardNegativeSpec(weight=0, compat="thesis")),
            (0.01, "distillation", DistillationSpec(compat="thesis")),
        ),
    ),
    Formula(thesis(name="dpo_kl", beta=1), ((1, "dpo", DpoSpec(beta=1, compat="thesis")),)),
    Formula(
        thesis(name="contrastive_dpo_kl"),
        ((0.5, "contrastive", ContrastiveSpec(compat="thesis")), (0.5, "dpo", DpoSpec(beta=0.1, compat="thesis"))),
    ),
    Formula(
        thesis(name="contrastive_dpo_l2"),
        ((0.5, "contrastive", ContrastiveSpec(compat="thesis")), (0.5, "preference", PreferenceSpec(compat="thesis"))),
        l2=0.5e-4,
    ),
    Formula({"name": "ce_clip", "rank": 0.3}, ((1, "ce_clip", CeClipSpec(rank=0.3)),)),
    Formula({"name": "siglip_hn", "weight": 2}, ((1, "siglip_hn", SiglipHnSpec(weight=2)),)),
    Formula("fsc_clip", ((1, "fsc_clip", FscClipSpec()),)),
    Formula("negclip", ((1, "negclip", NegclipSpec()),)),
    Formula({"name": "structure_clip", "weight": 2}, ((1, "structure_clip", StructureClipSpec(weight=2)),)),
    Formula("triplet", ((1, "triplet", TripletSpec()),)),
    Formula(
        {
            "name": "sum",
            "terms": [{"loss": "preference", "weight": 2}, {"loss": {"name": "hard_negative", "weight": 3}}],
        },
        ((2, "preference", PreferenceSpec()), (1, "hard_negative", HardNegativeSpec(weight=3))),
    ),
)


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: str(formula.given))
def test_an_objective_is_the_sum_in_its_formula(formula: Formula) -> None:
    def loops(z: Any, _objective: Any, teacher: Any) -> dict[str, Tensor]:
        parts = {name: oracle.ORACLES[name](z, spec, teacher)["total"] for _, name, spec in formula.terms}
        weighted = (weight * parts[name] for weight, name, _ in formula.terms)
        return {"total": sum(weighted, start=torch.zeros(()).double())} | parts

    def named(z: Embeddings) -> Embeddings:
        names = [name for _, name, _ in formula.terms]
        learned = {f"{name}_{key}": value for name in names for key, value in z.learned.items()}
        return replace(z, learned=learned, carry={f"{name}_{key}": v for name in names for key, v in z.carry.items()})

    objective = resolve(parse_objective(formula.given), step=0)
    assert objective.l2 == pytest.approx(formula.l2)
    for z, teacher in cases(3):
        assert_agrees(lambda z, o, teacher: compute(o, named(z), teacher), loops, objective, z, teacher)


@pytest.mark.parametrize(
    ("step", "weight"),
    [(0, 1.0), (499, 1.0), (500, 2.0), (999, 2.0), (1000, 3.0), (1500, 4.0), (1999, 4.0), (2000, 5.0), (10**6, 5.0)],
)
def test_a_schedule_climbs_in_equal_stairs(step: int, weight: float) -> None:
    schedule = WeightSchedule(min=1, max=5, interval=500, num_updates=4)
    (term,) = resolve(HncL2Spec(schedule=schedule), step).terms
    assert term.loss == HardNegativeSpec(weight=weight)


def test_the_default_schedule_starts_without_own_negatives_and_ends_at_ten() -> None:
    spec = HncKlSpec(schedule=WeightSchedule())
    weights = [resolve(spec, step).terms[0].loss for step in (0, 999, 1000, 5000, 9999, 10_000)]
    assert weights == [HardNegativeSpec(weight=weight) for weight in (0, 0, 1, 5, 9, 10)]


def test_a_schedule_that_falls_is_refused() -> None:
    with pytest.raises(ValidationError, match="max=1 is below min=2"):
        WeightSchedule(min=2, max=1)


def test_weight_zero_takes_ones_own_negatives_out() -> None:
    z = random_batch(4, 2, seed=0)
    itc = LOSSES["contrastive"].compute(z, ContrastiveSpec(), None).total
    assert_close(compute(resolve(HncL2Spec(weight=0, pool="own"), 0), z).total, itc)
    assert compute(resolve(HncL2Spec(weight=0, pool="all"), 0), z).total > itc  # others' negatives are still there


def test_parts_say_margin_and_accuracy_and_a_tie_is_a_miss() -> None:
    one, other, between = [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]
    z = replace(
        random_batch(3, 2, seed=0),
        image=torch.tensor([one, one, one]),
        positive=torch.tensor([one, between, between]),
        negative=torch.tensor([[other, between], [one, between], [between, one]]),
        mask=torch.tensor([[True, True], [True, True], [True, False]]),
        scale=torch.tensor(10.0),
    )
    parts = compute(resolve(parse_objective("hnc_l2"), 0), z).parts
    assert parts.keys() == {
        "hard_negative", "hard_negative.image_to_text", "hard_negative.text_to_image", "margin", "pair_accuracy",
    }  # fmt: skip
    assert_close(parts["pair_accuracy"], torch.tensor(2 / 5))  # row 0 twice; 0.6 to 1, 0.6 to 0.6, 0.6 to 0.6
    assert_close(parts["margin"], torch.tensor((1.0 + 0.4 - 0.4 + 0.0 + 0.0) / 5))
    assert not any(part.requires_grad for part in parts.values())


@pytest.mark.parametrize("width", [1, 3, 7, 64, 100, 512, 768])
def test_equal_embeddings_are_a_tie_at_any_width(width: int) -> None:
    generator = torch.Generator().manual_seed(width)
    image, text = (torch.nn.functional.normalize(torch.randn(9, width, generator=generator), dim=1) for _ in range(2))
    z = replace(
        random_batch(9, 3, seed=0),
        image=image,
        positive=text,
        negative=text[:, None].expand(-1, 3, -1).contiguous(),
        scale=torch.tensor(100.0),
    )
    parts = compute(resolve(parse_objective("standard"), 0), z).parts
    assert parts["pair_accuracy"] == 0
    assert parts["margin"] == 0


def test_margin_and_accuracy_are_unknown_without_negatives() -> None:
    z = replace(random_batch(3, 1, seed=0), mask=torch.zeros(3, 1, dtype=torch.bool))
    output = compute(resolve(parse_objective("standard"), 0), z)
    assert output.total.isfinite()
    assert output.parts["margin"].isnan()
    assert output.parts["pair_accuracy"].isnan()


def test_a_loss_named_twice_is_logged_twice() -> None:
    terms = (Term(loss=PreferenceSpec(beta=1)), Term(loss=PreferenceSpec(beta=2), weight=0.5))
    output = compute(Objective(name="sum", terms=terms), random_batch(3, 1, seed=0))
    assert_close(output.total, output.parts["preference"] + 0.5 * output.parts["preference_2"])


def test_half_precision_and_autocast_do_not_coarsen_the_loss() -> None:
    z = random_batch(4, 2, seed=0, scale=100.0)
    half = replace(z, **{name: getattr(z, name).bfloat16() for name in FIELDS})
    single = replace(half, **{name: getattr(half, name).float() for name in FIELDS})
    objective = resolve(parse_objective("hnc_kl"), 0)
    expected = compute(objective, single, single).total
    assert torch.equal(compute(objective, half, half).total, expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(compute(objective, single, single).total, expected)


def test_each_loss_of_a_sum_has_its_own_scalars_and_its_own_state() -> None:
    terms = [{"loss": {"name": "siglip_hn", "bias": -10}}, {"loss": "siglip_hn"}, {"loss": "ce_clip"}]
    spec = parse_objective({"name": "sum", "terms": terms})
    assert learned(spec) == {"siglip_hn_bias": -10, "siglip_hn_2_bias": 0}
    assert learned(parse_objective("hnc_l2")) == {}
    first = {name: torch.tensor(value).double() for name, value in learned(spec).items()}
    z = random_batch(4, 2, seed=0)
    z = replace(z, positive=z.image, learned=first, carry={})  # each caption leads
    output = compute(resolve(spec, 0), z)
    assert output.carry.keys() == {"siglip_hn_2_start", "ce_clip_kinds", "ce_clip_thresholds"}
    assert output.parts["siglip_hn.bias"] == -10
    assert output.parts["siglip_hn_2.bias"] == output.carry["siglip_hn_2_start"]
    again = compute(resolve(spec, 1), replace(z, carry=output.carry))
    assert again.parts["ce_clip.threshold"] > 0
    assert not any(value.requires_grad for value in output.carry.values())


def test_who_needs_a_teacher_or_negatives() -> None:
    terms = (Term(loss=ContrastiveSpec()),)
    specs = [parse_objective(name) for name in OBJECTIVES if name != "sum"] + [SumSpec(terms=terms)]
    assert {spec.name for spec in specs if needs_teacher(spec)} == {"hnc_kl", "dpo_kl", "contrastive_dpo_kl"}
    assert {spec.name for spec in specs if not needs_negatives(spec)} == {"standard", "sum"}


def test_a_term_of_weight_zero_is_left_out() -> None:
    assert not needs_teacher(HncKlSpec(lam=0))
    objective = resolve(ContrastiveDpoL2Spec(alpha=1), 0)
    assert [term.loss.name for term in objective.terms] == ["contrastive"]
    assert objective.l2 == 0


def test_a_loss_without_its_teacher_or_keys_says_so() -> None:
    z = replace(random_batch(3, 1, seed=0), image_keys=None, caption_keys=None)
    with pytest.raises(HairsplitError, match="dpo: compares with the model that the run started from"):
        compute(resolve(parse_objective("dpo_kl"), 0), z)
    with pytest.raises(HairsplitError, match="mask_false_negatives: the batch says neither"):
        compute(resolve(HncL2Spec(mask_false_negatives=True), 0), z)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("hnc_l3", "objective: no objective is called 'hnc_l3'; did you mean 'hnc_l2'?"),
        ("CLIPLossKL", "no objective is called 'CLIPLossKL'; it is called 'hnc_kl' here"),
        ({"weight": 1}, "objective: this objective has no name; choose from standard, hnc_l2"),
        ({"name": ["a"]}, "no objective is called"),
        ({"name": "hnc_l2", "weights": 1}, r"objective.weights: .*\n.*hnc_l2 takes name, weight, schedule"),
        ({"name": "hnc_l2", "weight": -1}, r"objective.weight: .* \(got -1\)"),
        ({"name": "hnc_l2", "weight": float("nan")}, "objective.weight"),
        ({"name": "contrastive_dpo_kl", "alpha": 1.5}, "objective.alpha"),
        ({"name": "hnc_l2", "schedule": {"interval": 0}}, "objective.schedule.interval"),
        ({"name": "sum", "terms": []}, "objective.terms"),
        (
            {"name": "sum", "terms": [{"loss": "dop"}]},
            "objective.terms.0.loss: no loss is called 'dop'; did you mean 'dpo'",
        ),
        ({"name": "sum", "terms": [{"loss": {"name": "dpo", "beta": 0}}]}, "objective.terms.0.loss.beta"),
        (3, "objective: "),
    ],
)
def test_a_mistake_in_an_objective_says_where_and_what(given: Any, problem: str) -> None:
    with pytest.raises(HairsplitError, match=problem):
        parse_objective(given)


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name != "sum"])
def test_a_bare_name_a_table_and_a_spec_are_the_same(name: str) -> None:
    spec = OBJECTIVES[name]()  # type: ignore[call-arg]  # all but `sum` have defaults for everything
    assert parse_objective(name) == parse_objective({"name": name}) == parse_objective(spec) == spec
    assert spec.name == name
    assert spec.__doc__


def test_an_objective_survives_the_way_through_a_file() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(ObjectiveSpec)
    terms = [{"loss": {"name": "hard_negative", "weight": 3}}, {"loss": "dpo", "weight": 0.5}]
    spec = parse_objective({"name": "sum", "terms": terms, "l2": 0.1})
    assert parse_objective(adapter.dump_python(spec, mode="json")) == spec


def test_every_class_of_the_thesis_has_an_objective() -> None:
    assert set(THESIS_CLASSES.values()) == OBJECTIVES.keys() - {"sum"} - set(LOSSES.names())
    assert all(thesis_class in str(OBJECTIVES[name].__doc__) for thesis_class, name in THESIS_CLASSES.items())


def test_the_schema_describes_every_field_and_every_loss() -> None:
    schema = TypeAdapter(ObjectiveSpec).json_schema()
    assert all(field["description"] for spec in schema["$defs"].values() for field in spec["properties"].values())
    assert all(LOSSES[name].spec.__name__ in schema["$defs"] for name in LOSSES)
