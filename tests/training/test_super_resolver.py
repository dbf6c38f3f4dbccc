from math import log10

import pytest
import torch
from torch import Tensor, nn

from goldpan.layers.masked import MaskedConv2d
from goldpan.training.super_resolver import CEILING, SuperResolver, psnr


@pytest.mark.parametrize("error", [0.5, 0.1, 0.01])
def test_a_constant_error_e_has_a_psnr_of_minus_20_log10_e(error: float) -> None:
    target = torch.rand(3, 1, 8, 8) * 0.5
    expected = torch.full((3,), -20 * log10(error))
    torch.testing.assert_close(psnr(target + error, target, 2), expected)


def test_the_border_and_what_is_clipped_do_not_count() -> None:
    target = torch.zeros(1, 1, 8, 8)
    output = torch.full((1, 1, 8, 8), 0.7)
    output[..., 2:-2, 2:-2] = 0.1
    assert psnr(output, target, 2).item() == pytest.approx(20)
    assert psnr(output, target, 1).item() < 10
    assert psnr(torch.full((1, 1, 8, 8), -3.0), target + 0.1, 2).item() == pytest.approx(20)


def test_images_count_alone_and_one_without_error_has_the_ceiling() -> None:
    target = torch.zeros(2, 1, 6, 6)
    output = torch.stack([target[0], target[1] + 0.1])
    assert psnr(output, target, 2).tolist() == pytest.approx([CEILING, 20])


def test_a_border_that_leaves_no_pixel_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no pixel is left of 4 x 4 without a border of 2"):
        psnr(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4), 2)


class Same(nn.Module):
    """Answers its images; it has a layer to prune, as a network must."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = MaskedConv2d(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_a_split_adds_up_the_psnr_of_its_images_over_batches() -> None:
    system = SuperResolver(
        lambda seed: Same(),
        0,
        lambda groups: torch.optim.SGD(groups, 0.1),
        lambda progress: 1.0,
        loss=nn.functional.l1_loss,
        splits=("test",),
        border=2,
    )
    for count, error in ((3, 0.1), (1, 0.01)):
        whole = torch.full((count, 1, 8, 8), 0.5)
        system.validation_step((whole + error, whole), 0)
    assert system.counts["test"].tolist() == pytest.approx([3 * 0.1 + 0.01, 3 * 20 + 40, 4])
