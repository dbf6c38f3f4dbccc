"""rni.md 2.8, tests 1 and 5, and the closed forms of the penalties that RNI is compared with."""

import pytest
import torch
from torch import Tensor, nn

from goldpan.layers.bounded_norm import BoundedBatchNorm2d
from goldpan.penalties.polarization import clamp_scales, polarization
from goldpan.penalties.receding import receding
from goldpan.penalties.slimming import slimming

BATCH = (torch.zeros(1, 1, 1, 1), torch.zeros(1))
"""What these penalties do not look at."""


def bounded(gamma: Tensor) -> BoundedBatchNorm2d:
    norm = BoundedBatchNorm2d(len(gamma)).to(gamma.dtype)
    norm.weight.data = gamma
    return norm


def force(gamma: Tensor, strength: float = 1.0, shift: float = 0.0) -> Tensor:
    norm = bounded(gamma)
    receding(norm, BATCH, strength=strength, shift=shift).backward()
    assert norm.weight.grad is not None
    return norm.weight.grad


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_the_force_of_receding_is_its_closed_form(shift: float) -> None:
    gamma = torch.linspace(-8, 8, 101, dtype=torch.float64)
    s = torch.sigmoid(gamma + shift)
    expected = 1e-3 * -s.log() * s * (1 - s)
    torch.testing.assert_close(force(gamma, 1e-3, shift), expected, rtol=0, atol=1e-9)


def test_the_force_peaks_where_the_paper_has_it() -> None:
    gamma = torch.linspace(-3, 1, 400_001, dtype=torch.float64)
    found = force(gamma)
    assert found.max().item() == pytest.approx(0.26035, abs=1e-5)
    assert gamma[found.argmax()].item() == pytest.approx(-1.1769, abs=1e-4)
    named = force(torch.tensor([0.0, 3.0], dtype=torch.float64)).tolist()
    assert named == pytest.approx([0.17329, 0.002195], abs=1e-5)


def test_a_term_lies_between_zero_and_one_and_stays_finite() -> None:
    far = torch.tensor([-200.0, -90.0, 0.0, 90.0])
    terms = [receding(bounded(x[None]), BATCH, strength=1.0, shift=0.0).item() for x in far]
    assert terms == pytest.approx([0, 0, 0.8466, 1], abs=1e-4)
    assert force(far).isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strength", "shift", "ends"),
    [
        (1e-3, 3.0, {0.0: (0, 2e-5), 0.5: (8e-4, 1e-3), 1.0: (0.67, 1)}),
        (1e-4, 0.0, {1.5: (0, 0.007), 2.5: (0.865, 0.875)}),
        (1e-4, 3.0, {-1.0: (0, 0.00145), -0.5: (0.245, 0.255), 0.0: (0.455, 0.465)}),
    ],
)
def test_channels_without_a_task_recede_or_stay_as_computed(
    strength: float, shift: float, ends: dict[float, tuple[float, float]]
) -> None:
    """The paper's optimizer on the penalty alone: 160 epochs of 782 steps, ten times the rate."""
    norm = bounded(torch.tensor(list(ends), dtype=torch.float64))
    step = torch.optim.SGD(norm.parameters(), 1.0, momentum=0.9, nesterov=True)
    rates = torch.optim.lr_scheduler.MultiStepLR(step, [80, 120])
    for _ in range(160):
        for _ in range(782):
            step.zero_grad()
            receding(norm, BATCH, strength=strength, shift=shift).backward()
            step.step()
        rates.step()
    for importance, (low, high) in zip(norm.importance().tolist(), ends.values(), strict=True):
        assert low <= importance <= high


def test_receding_refuses_unbounded_norms() -> None:
    with pytest.raises(ValueError, match="receding needs bounded norms, 0 is a BatchNorm2d"):
        receding(nn.Sequential(nn.BatchNorm2d(2)), BATCH, strength=1.0, shift=0.0)


def test_slimming_is_the_l1_norm_of_the_scales() -> None:
    net = nn.Sequential(nn.BatchNorm2d(2), nn.BatchNorm2d(1))
    net[0].weight.data = torch.tensor([-1.0, 2.0])
    assert slimming(net, BATCH, strength=0.1).item() == pytest.approx(0.1 * 4)
    norm = bounded(torch.tensor([0.0], dtype=torch.float64))
    slimming(norm, BATCH, strength=1.0).backward()
    assert norm.weight.grad.item() == pytest.approx(0.25)  # type: ignore[union-attr]


def test_polarization_by_hand() -> None:
    net = nn.Sequential(nn.BatchNorm2d(2), nn.BatchNorm2d(2))
    net[0].weight.data, net[1].weight.data = torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])
    assert polarization(net, BATCH, strength=0.5, t=1.2).item() == pytest.approx(
        0.5 * (1.2 * 2 - 2)
    )


def test_scales_are_clamped() -> None:
    norm = nn.BatchNorm2d(3)
    norm.weight.data = torch.tensor([-0.1, 0.5, 1.2])
    clamp_scales(norm)
    assert norm.weight.tolist() == pytest.approx([0, 0.5, 1])
