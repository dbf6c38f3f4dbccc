import pytest
import torch

from goldpan.data.normalization import KINDS, find_statistics, normalize_by

CHANNEL = (0.25, 0.5), (0.1, 0.2)
IMAGES = torch.tensor([[[[0, 51], [102, 255]], [[0, 0], [0, 0]]]] * 3, dtype=torch.uint8)


def normalized(kind: str) -> torch.Tensor:
    return normalize_by(IMAGES, torch.tensor(find_statistics(kind, CHANNEL, IMAGES)))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_gives_float32_images_of_the_same_shape(kind: str) -> None:
    images = normalized(kind)
    assert (images.dtype, images.shape) == (torch.float32, IMAGES.shape)
    assert images.isfinite().all()


def test_channel_takes_the_statistics_of_the_dataset() -> None:
    assert normalized("channel")[0, 0, 1, 0].item() == pytest.approx((0.4 - 0.25) / 0.1, abs=1e-5)
    assert normalized("channel")[0, 1, 0, 0].item() == pytest.approx(-0.5 / 0.2, abs=1e-5)


def test_half_takes_pixels_to_minus_one_and_one() -> None:
    assert normalized("half").aminmax() == (-1.0, 1.0)


def test_none_leaves_pixels_between_zero_and_one() -> None:
    assert normalized("none")[0, 0].flatten().tolist() == pytest.approx([0, 0.2, 0.4, 1])


def test_global_makes_all_pixels_together_of_mean_0_and_deviation_1() -> None:
    deviation, mean = torch.std_mean(normalized("global"), correction=0)
    assert (mean.item(), deviation.item()) == pytest.approx((0, 1), abs=1e-6)


def test_global_is_exact() -> None:
    mean, deviation = find_statistics("global", CHANNEL, IMAGES)
    pixels = IMAGES.double() / 255
    assert mean == pytest.approx([pixels.mean().item()] * 2, abs=1e-15)
    assert deviation == pytest.approx([pixels.std(correction=0).item()] * 2, abs=1e-15)


def test_image_makes_each_image_of_mean_0_and_deviation_1() -> None:
    images = IMAGES.clone()
    images[1] //= 2
    deviation, mean = torch.std_mean(
        normalize_by(images, torch.tensor(find_statistics("image", CHANNEL, images))),
        dim=(1, 2, 3),
        correction=0,
    )
    assert mean.tolist() == pytest.approx([0] * 3, abs=1e-6)
    assert deviation.tolist() == pytest.approx([1] * 3, abs=1e-6)


def test_an_image_of_one_colour_becomes_zero() -> None:
    grey = torch.full((1, 1, 4, 4), 51, dtype=torch.uint8)
    assert normalize_by(grey, torch.zeros(2, 0)).abs().max() < 1e-6


def test_global_without_the_images_in_memory_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"for imagenet, got global, .* choose channel"):
        find_statistics("global", CHANNEL, None)
