"""The norm of each term's gradient in the log is that of a run with this term alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hairsplit.encoders.dual_encoder import load
from hairsplit.losses.objectives import AnySpec, parse_objective
from hairsplit.train.gradient_norms import TermGradients
from tests.train import ranks
from tests.train.small import Material, config, rows, trainer
from tests.train.two_passes import Case, Taken, on_ranks, steps

TERMS: tuple[dict[str, Any], ...] = (
    {"loss": "contrastive", "weight": 0.5},
    {"loss": {"name": "preference", "beta": 2.0}, "weight": 3.0},
    {"loss": "distillation", "weight": 0.2},
    {"loss": {"name": "preference", "beta": 0.5}},
)
NAMES = ("contrastive", "preference", "distillation", "preference_2")


def summed(*terms: dict[str, Any], l2: float = 0.0) -> AnySpec:
    return parse_objective({"name": "sum", "terms": list(terms), "l2": l2})


def norms(spec: AnySpec, **settings: Any) -> dict[str, float]:
    """Logged by the first step of two micro-batches."""
    (found,) = steps(Case(spec).settled(log_gradient_norms=True, **settings), number=1).term_norms
    return found


@pytest.fixture(scope="module")
def alone() -> dict[str, float]:
    """Oracle: the whole gradient's norm, of objectives of one term; of the penalty, from its formula."""
    found = {
        f"grad_norm/{name}": steps(Case(summed(term)), number=1).norms[0]
        for name, term in zip(NAMES, TERMS, strict=True)
    }
    start = dict(ranks.encoder("full_encoder", seed=2).named_parameters())
    now = ranks.encoder("full_encoder").named_parameters()
    squares = [(0.6 * (p - start[name])).square().sum() for name, p in now]
    return found | {"grad_norm/l2": float(torch.stack(squares).sum().sqrt().detach())}


@pytest.mark.parametrize("chunk", [None, 1, 4])
def test_each_norm_is_that_of_the_term_alone(alone: dict[str, float], chunk: int | None) -> None:
    found = norms(summed(*TERMS, l2=0.3), chunk=chunk)
    assert found == pytest.approx(alone, rel=1e-10)
    assert min(alone.values()) > 1e-4
    assert len(set(alone.values())) == len(alone) == 5


@pytest.mark.parametrize("chunk", [None, 4])
def test_the_gradients_of_the_terms_add_up_to_the_whole(chunk: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[TermGradients] = []

    def keep(self: TermGradients) -> dict[str, float]:
        kept.append(self)
        return {}

    monkeypatch.setattr(TermGradients, "norms", keep)
    case = Case(summed(*TERMS, l2=0.3)).settled(log_gradient_norms=True, chunk=chunk)
    (whole,) = steps(case, number=1).gradients
    (terms,) = kept
    assert terms.gradients.keys() == {*NAMES, "l2"}
    for number, name in enumerate(whole):
        parts = torch.stack([gradient[number] for gradient in terms.gradients.values()])
        torch.testing.assert_close(parts.sum(dim=0), whole[name], rtol=1e-10, atol=1e-13, msg=name)


@pytest.mark.parametrize("settings", [{}, {"chunk": 4}, {"precision": "bf16"}])
def test_to_look_changes_no_number(settings: dict[str, Any]) -> None:
    case = Case(summed(*TERMS, l2=0.3)).settled(**settings)
    with_norms, without = steps(case.settled(log_gradient_norms=True)), steps(case)
    assert not any(without.term_norms)
    for part in ("losses", "norms", "gradients", "weights"):
        torch.testing.assert_close(getattr(with_norms, part), getattr(without, part), rtol=0, atol=0)


def test_a_frozen_tower_has_no_part_in_them() -> None:
    case = Case(summed(*TERMS), mode="text_encoder").settled(log_gradient_norms=True)
    found = steps(case, number=1).term_norms[0]
    only = steps(Case(summed(TERMS[0]), mode="text_encoder"), number=1).norms[0]
    assert found["grad_norm/contrastive"] == pytest.approx(only, rel=1e-10)


def test_they_are_in_the_log_of_logged_steps_only(material: Material, tmp_path: Path) -> None:
    settings = config(material, objective="hnc_kl", log_gradient_norms=True, log_every=3, steps=4)
    made = trainer(settings, load(material.model), tmp_path)
    asked: list[int] = []
    norms_of = TermGradients.norms

    def counted(self: TermGradients) -> dict[str, float]:
        asked.append(1)
        return norms_of(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TermGradients, "norms", counted)
        made.fit(resume=False)
    found = rows(tmp_path, "train")
    assert [row["step"] for row in found] == [1, 3, 4]
    assert len(asked) == 3
    assert all(row["grad_norm/hard_negative"] > 0 for row in found)
    assert found[0]["grad_norm/distillation"] == pytest.approx(0, abs=1e-5)  # it starts as its own teacher
    assert found[-1]["grad_norm/distillation"] > 0


@pytest.mark.slow
def test_two_ranks_find_what_one_process_finds_in_one_pass_or_two(tmp_path: Path) -> None:
    spec = summed(*TERMS, l2=0.3)
    cases = [Case(spec), Case(spec, mode="text_encoder")]
    cases = [one.settled(log_gradient_norms=True, chunk=chunk) for one in cases for chunk in (None, 1, 2)]
    assert ranks.launch(on_ranks, cases, tmp_path) == [0, 0]
    for number, case in enumerate(cases):
        expected = steps(replace(case, settings=(("log_gradient_norms", True),)))
        for rank in range(ranks.RANKS):
            found = Taken(**torch.load(tmp_path / f"{number}-{rank}.pt", weights_only=True))
            for mine, theirs in zip(found.term_norms, expected.term_norms, strict=True):
                assert mine == pytest.approx(theirs, rel=1e-9)
            assert found.norms == pytest.approx(expected.norms, rel=1e-9)
            torch.testing.assert_close(found.gradients, expected.gradients, rtol=1e-9, atol=1e-12)
            torch.testing.assert_close(found.weights, expected.weights, rtol=1e-9, atol=1e-12)
