import pytest
import torch
from torch import nn
from torch.testing import assert_close

from hairsplit.core.errors import HairsplitError
from hairsplit.train.penalty import L2ToStart


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2)).double()


def move(model: nn.Module) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))


def test_at_the_start_value_and_gradient_are_zero() -> None:
    model = network()
    penalty = L2ToStart(model.named_parameters())()
    torch.autograd.backward(penalty)
    assert penalty == 0
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())


def test_value_and_gradient_are_those_of_the_sum_written_out() -> None:
    model = network()
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    distance = L2ToStart(model.named_parameters())
    move(model)
    penalty = distance()
    torch.autograd.backward(3 * penalty)
    expected = 0.0
    for name, parameter in model.named_parameters():
        for now, then in zip(parameter.flatten().tolist(), start[name].flatten().tolist(), strict=True):
            expected += (now - then) ** 2
        assert parameter.grad is not None
        assert_close(parameter.grad, 3 * 2 * (parameter - start[name]).detach(), rtol=1e-12, atol=0.0)
    assert penalty.item() == pytest.approx(expected, rel=1e-12)


def test_the_gradient_adds_to_that_of_a_loss() -> None:
    model, inputs = network(), torch.randn(5, 3, dtype=torch.float64)
    distance = L2ToStart(model.named_parameters())
    move(model)
    plain = sum((p - distance.reference[name]).square().sum() for name, p in model.named_parameters())
    expected = torch.autograd.grad(model(inputs).square().mean() + 0.1 * plain, list(model.parameters()))
    (model(inputs).square().mean() + 0.1 * distance()).backward()
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        assert_close(parameter.grad, gradient)


def test_only_parameters_that_learn_count() -> None:
    model = network()
    model[0].requires_grad_(False)
    distance = L2ToStart(model.named_parameters())
    move(model)
    assert set(distance.reference) == {"1.weight", "1.bias", "2.weight", "2.bias"}
    learning = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    assert_close(distance(), sum((p - distance.reference[name]).square().sum() for name, p in learning))
    torch.autograd.backward(distance())
    assert model[0].weight.grad is None


def test_a_step_leaves_the_start_alone() -> None:
    model = network()
    distance = L2ToStart(model.named_parameters())
    before = {name: start.clone() for name, start in distance.reference.items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (model(torch.ones(1, 3, dtype=torch.float64)).sum() + distance()).backward()
        optimizer.step()
    assert distance() > 0
    assert all(torch.equal(before[name], start) for name, start in distance.reference.items())
    assert not any(start.requires_grad for start in distance.reference.values())


def test_a_resumed_run_keeps_the_first_runs_start() -> None:
    first = network()
    before = L2ToStart(first.named_parameters())
    move(first)
    resumed = network(seed=1)
    resumed.load_state_dict(first.state_dict())
    after = L2ToStart(resumed.named_parameters(), reference=before.reference)
    assert torch.equal(after(), before())
    assert after() > 0


def test_a_million_small_steps_in_float32_are_summed_exactly() -> None:
    parameter = nn.Parameter(torch.zeros(1000, 1000))
    distance = L2ToStart([("weight", parameter)])
    parameter.data.fill_(1e-3)
    assert distance().dtype == torch.float32
    assert distance().item() == pytest.approx(1.0, rel=1e-6)


def test_bfloat16_parameters_are_compared_in_float32() -> None:
    parameter = nn.Parameter(torch.full((300,), 1.0, dtype=torch.bfloat16))
    distance = L2ToStart([("weight", parameter)])
    parameter.data.fill_(1.0078125)
    penalty = distance()
    torch.autograd.backward(penalty)
    assert penalty.dtype == torch.float32
    assert penalty.item() == pytest.approx(300 * 0.0078125**2)
    assert parameter.grad is not None
    assert torch.equal(parameter.grad, torch.full_like(parameter, 2 * 0.0078125))


def test_nothing_that_learns_is_refused() -> None:
    model = network().requires_grad_(False)
    with pytest.raises(HairsplitError, match="no parameter learns"):
        L2ToStart(model.named_parameters())


def test_a_reference_of_another_model_is_refused() -> None:
    model = network()
    reference = L2ToStart(model.named_parameters()).reference
    with pytest.raises(HairsplitError, match=r"0\.weight: the reference has shape \(1,\), the model \(4, 3\)"):
        L2ToStart(model.named_parameters(), reference=reference | {"0.weight": torch.zeros(1)})
    del reference["0.bias"]
    with pytest.raises(HairsplitError, match=r"0\.bias: the reference lacks"):
        L2ToStart(model.named_parameters(), reference=reference)
