"""How well patches match tokens: float64 loops from the paper's equations, and what must change nothing."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from hairsplit.core.errors import HairsplitError
from hairsplit.losses import LOSSES, local_similarity
from hairsplit.losses.fsc_clip import FscClipSpec, fsc_clip
from hairsplit.losses.objectives import needs_local, parse_objective
from tests.losses.oracle import random_batch
from tests.losses.test_mutants import executed

Inputs = tuple[Tensor, Tensor, Tensor, Tensor]


def inputs(patches: int = 5, seed: int = 0) -> Inputs:
    """Two images with three texts of up to four tokens, float64; the counted tokens are not all at the beginning."""
    generator = torch.Generator().manual_seed(seed)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    mask = torch.tensor([[[0, 1, 1, 1], [0, 1, 0, 0], [0, 1, 1, 0]], [[0, 1, 1, 0], [1, 1, 1, 1], [0, 0, 1, 1]]]) > 0
    return numbers(2, patches, 3), 2 * numbers(2, 3, 4, 3), mask, torch.tensor(3.0, dtype=torch.float64)


def loops(patches: Tensor, tokens: Tensor, mask: Tensor, scale: Tensor) -> Tensor:
    """Equations 6 to 8 and the logarithm, one number at a time."""
    found = []
    for image, text in product(range(len(tokens)), range(tokens.shape[1])):
        total = torch.zeros((), dtype=torch.float64)
        for word in [tokens[image, text, n] for n in range(tokens.shape[2]) if mask[image, text, n]]:
            alike = [sum(a * b for a, b in zip(word.tolist(), patch.tolist(), strict=True)) for patch in patches[image]]
            low, high = min(alike), max(alike)
            counts = [(s - low) / (high - low) if high > low else 1.0 for s in alike]
            seen = sum(a * patch for a, patch in zip(counts, patches[image], strict=True)) / sum(counts)
            length = torch.sqrt((seen * seen).sum()) * torch.sqrt((word * word).sum())
            total = total + torch.exp(scale * (seen * word).sum() / length)
        found.append(torch.log(total))
    return torch.stack(found).view(tokens.shape[:2])


def leaves(given: Inputs) -> Inputs:
    patches, tokens, mask, scale = given
    return patches.clone().requires_grad_(), tokens.clone().requires_grad_(), mask, scale.clone().requires_grad_()


def assert_loops(compute: object = local_similarity, patches: int = 5) -> None:
    mine, theirs = leaves(inputs(patches)), leaves(inputs(patches))
    found, expected = compute(*mine), loops(*theirs)  # type: ignore[operator]
    assert_close(found, expected, rtol=1e-11, atol=1e-12)
    weights = torch.tensor([[1.0, 2.0, -3.0], [0.5, 4.0, 1.5]], dtype=torch.float64)
    for value in (found, expected):
        torch.autograd.backward((value * weights).sum())
    for one, two in zip((mine[0], mine[1], mine[3]), (theirs[0], theirs[1], theirs[3]), strict=True):
        assert_close(one.grad, two.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("patches", [1, 2, 5])
def test_agrees_with_the_definition_written_out(patches: int) -> None:
    assert_loops(patches=patches)


MUTANTS = {
    "weights over tokens": ("aminmax(dim=-1", "aminmax(dim=-2"),
    "weights of the largest only": ("(alike - low) / (high - low), 1.0", "(alike == high).double(), 1.0"),
    "no smallest one taken off": ("(alike - low) / (high - low)", "alike / high"),
    "a gradient through the weights": ("with torch.no_grad():", "if True:"),
    "patches of unit length": ('clp,bpd->bcld", shares, patches', 'clp,bpd->bcld", shares, normalize(patches, dim=-1)'),
    "no cosine": ("normalize(tokens, dim=-1)", "tokens"),
    "no scale": ("scale * cosine", "cosine"),
    "padding counts": ("masked_fill(~mask, lowest(cosine))", "masked_fill(~mask, 0.0)"),
    "mean over tokens": ("torch.logsumexp(", "-math.log(4) + torch.logsumexp("),
}


@pytest.mark.parametrize("mistake", MUTANTS)
def test_a_mistake_is_noticed(mistake: str) -> None:
    module = executed("hairsplit.losses._local", *MUTANTS[mistake])
    module.__dict__["math"] = __import__("math")
    with pytest.raises(AssertionError):
        assert_loops(module.local_similarity)


@pytest.mark.parametrize("patches", [1, 2])
def test_gradient_is_that_of_finite_differences_where_the_weights_cannot_change(patches: int) -> None:
    """One of two patches counts once and the other not at all, whatever the numbers; of more, weights are constants."""
    image, tokens, mask, scale = leaves(inputs(patches))

    def value(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        return local_similarity(a, b, mask, c)

    assert torch.autograd.gradcheck(value, (image, tokens, scale))


def test_a_token_that_does_not_count_changes_nothing_and_has_no_gradient() -> None:
    patches, tokens, mask, scale = leaves(inputs())
    found = local_similarity(patches, tokens, mask, scale)
    other = torch.where(mask[..., None], tokens.detach(), torch.full_like(tokens, 1e6))
    assert torch.equal(local_similarity(patches, other, mask, scale), found)
    torch.autograd.backward(found.sum())
    assert tokens.grad is not None
    assert not tokens.grad[~mask].any()
    assert tokens.grad[mask].any(dim=-1).all()


def test_length_of_a_token_does_not_matter_and_order_of_patches_and_tokens_does_not() -> None:
    patches, tokens, mask, scale = inputs()
    expected = local_similarity(patches, tokens, mask, scale)
    assert_close(local_similarity(patches, 7 * tokens, mask, scale), expected, rtol=1e-12, atol=0)
    assert_close(local_similarity(patches.flip(1), tokens, mask, scale), expected, rtol=1e-12, atol=0)
    assert_close(local_similarity(patches, tokens.flip(2), mask.flip(2), scale), expected, rtol=1e-12, atol=0)


def test_what_is_no_number_elsewhere_is_finite() -> None:
    """Patches that are all alike, a text without a token, tokens of zeros, in float32 at full scale."""
    patches, tokens, mask, _ = inputs()
    patches, tokens = patches[:, :1].expand(-1, 5, -1).float().contiguous(), tokens.float()
    tokens[0, 0], mask[1, 2] = 0.0, False
    patches, tokens, mask, scale = leaves((patches, tokens, mask, torch.tensor(100.0)))
    found = local_similarity(patches, tokens, mask, scale)
    assert found.isfinite().all()
    assert found[1, 2] == torch.finfo(torch.float32).min
    torch.autograd.backward(found[mask.any(dim=-1)].sum())
    for value in (patches, tokens, scale):
        assert value.grad is not None
        assert value.grad.isfinite().all()


def test_only_the_weight_asks_for_it() -> None:
    assert not needs_local(parse_objective("fsc_clip"))
    assert needs_local(parse_objective({"name": "fsc_clip", "local_weight": 0.2}))
    terms = [{"loss": "contrastive"}, {"loss": {"name": "fsc_clip", "local_weight": 0.2}}]
    assert needs_local(parse_objective({"name": "sum", "terms": terms}))
    others = [name for name in LOSSES if name != "fsc_clip"]
    assert not any(LOSSES[name].needs_local(LOSSES[name].spec()) for name in others)


def test_a_batch_that_says_nothing_local_is_one_clear_error() -> None:
    z = replace(random_batch(4, 2, seed=0), local_negative=None)
    assert fsc_clip(z, FscClipSpec()).parts.keys() == {"contrastive", "own"}
    with pytest.raises(HairsplitError, match="does not say how well they match") as caught:
        fsc_clip(z, FscClipSpec(local_weight=0.2))
    assert caught.value.where == "fsc_clip.local_weight"
    assert "local_similarity" in caught.value.hint


def test_all_else_is_the_loss_without_it_to_the_last_bit() -> None:
    z = random_batch(4, 2, seed=0, holes=True)
    without, with_it = fsc_clip(z, FscClipSpec()), fsc_clip(z, FscClipSpec(local_weight=0.2))
    assert all(torch.equal(with_it.parts[name], value) for name, value in without.parts.items())
    assert_close(with_it.total - without.total, 0.2 * with_it.parts["local"])
