import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from goldpan.data.augment import normalize, random_crop, random_flip
from goldpan.stream import stream

PADDING, SIDE = 4, 5
CHI_SQUARE_161_999 = 221.0  # 99.9 % quantile, 161 degrees of freedom


def outcomes(image: Tensor) -> Tensor:
    """All 81 crops of one zero-padded image (C, H, W), each unflipped and flipped."""
    padded = F.pad(image, (PADDING,) * 4)
    crops = [
        padded[:, y : y + SIDE, x : x + SIDE]
        for y in range(2 * PADDING + 1)
        for x in range(2 * PADDING + 1)
    ]
    return torch.stack([*crops, *(crop.flip(2) for crop in crops)])


def test_every_crop_and_flip_is_a_slice_and_equally_frequent() -> None:
    image = torch.arange(1, 26, dtype=torch.uint8).view(1, SIDE, SIDE)
    generator = stream("augment")
    count = 162 * 100
    crops = random_crop(image.expand(count, -1, -1, -1), PADDING, generator)
    images = random_flip(crops, generator)
    same = (images.view(count, 1, -1) == outcomes(image).view(1, 162, -1)).all(2)
    assert (same.sum(1) == 1).all()
    frequencies = same.sum(0).double()
    assert ((frequencies - 100) ** 2 / 100).sum() < CHI_SQUARE_161_999


def test_crops_are_drawn_for_each_image_by_itself() -> None:
    images = torch.randint(1, 256, (64, 3, 8, 8), dtype=torch.uint8, generator=stream(0))
    padded = F.pad(images, (2,) * 4)
    crops = random_crop(images, 2, stream(1))
    rows, columns = torch.randint(5, (2, 64), generator=stream(1)).tolist()
    for i, (y, x) in enumerate(zip(rows, columns, strict=True)):
        assert torch.equal(crops[i], padded[i, :, y : y + 8, x : x + 8])


def test_flips_mirror_left_to_right_in_half_of_the_cases() -> None:
    image = torch.tensor([[[[1, 2], [3, 4]]]], dtype=torch.uint8)
    flipped = random_flip(image.expand(1000, -1, -1, -1), stream(0))
    mirrored = (flipped == image.flip(3)).all(dim=(1, 2, 3))
    assert ((flipped == image).all(dim=(1, 2, 3)) ^ mirrored).all()
    assert 450 < mirrored.sum() < 550


def test_normalize_by_hand() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    out = normalize(images, torch.tensor([0.5, 0.0, 0.2]), torch.tensor([0.25, 0.1, 0.4]))
    assert out.dtype == torch.float32
    torch.testing.assert_close(out.flatten(), torch.tensor([-2.0, 2.0, 2.0]))


@pytest.mark.gpu
def test_the_device_does_not_change_what_is_drawn() -> None:
    images = torch.randint(0, 256, (64, 3, 8, 8), dtype=torch.uint8, generator=stream(0))
    here = random_flip(random_crop(images, 4, stream(1)), stream(2))
    there = random_flip(random_crop(images.cuda(), 4, stream(1)), stream(2))
    assert torch.equal(here, there.cpu())
