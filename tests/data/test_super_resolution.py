import pytest
import torch

from goldpan.data.sampling import Sampling
from goldpan.data.super_resolution import SuperResolutionData, enlarge, luminance, reduce


@pytest.mark.parametrize(
    ("rgb", "y"),
    [
        ((0, 0, 0), 16),
        ((1, 1, 1), 235),
        ((1, 0, 0), 16 + 65.481),
        ((0, 1, 0), 16 + 128.553),
        ((0, 0, 1), 16 + 24.966),
    ],
)
def test_luminance_is_that_of_bt_601(rgb: tuple[float, ...], y: float) -> None:
    images = torch.tensor(rgb, dtype=torch.float32).view(1, 3, 1, 1).expand(2, 3, 4, 5)
    found = luminance(images)
    assert found.shape == (2, 1, 4, 5)
    torch.testing.assert_close(found, torch.full_like(found, y / 255))


def test_a_grey_image_is_its_own_luminance() -> None:
    images = torch.rand(2, 1, 3, 3)
    assert luminance(images) is images


def test_a_flat_image_stays_flat_and_a_ramp_stays_a_ramp_away_from_its_edges() -> None:
    """A small pixel lies in the middle of two whole ones: at 2 i + 1/2."""
    flat = torch.full((1, 1, 8, 8), 0.3)
    torch.testing.assert_close(reduce(flat, 2), torch.full((1, 1, 4, 4), 0.3))
    torch.testing.assert_close(enlarge(flat, 2), torch.full((1, 1, 16, 16), 0.3))
    ramp = (torch.arange(32) / 32).expand(1, 1, 32, 32)
    small = reduce(ramp, 2)
    expected = (2 * torch.arange(16) + 0.5) / 32
    torch.testing.assert_close(small[0, 0, 8, 2:-2], expected[2:-2])
    torch.testing.assert_close(enlarge(small, 2)[0, 0, 16, 8:-8], ramp[0, 0, 16, 8:-8])


def test_the_kernel_is_that_of_keys_with_a_half() -> None:
    """A pixel's weights at the distances 1/4, 3/4, 5/4 and 7/4 are 111, 29, -9 and -3 in 128."""
    row = torch.full((1, 1, 1, 12), 0.5)
    row[..., 6] += 0.25
    found = enlarge(row, 2)[0, 0, 0, 9:17]
    weights = torch.tensor([-3, -9, 29, 111, 111, 29, -9, -3]) / 128
    torch.testing.assert_close(found, 0.5 + 0.25 * weights)


def data(**options: object) -> SuperResolutionData:
    chosen = {"batch_size": 4, "limit": 40, "normalization": "none", "validation": 0.0}
    return SuperResolutionData("digits", **chosen | options)  # type: ignore[arg-type]


def test_batches_are_pairs_of_small_and_whole_images() -> None:
    pairs = data()
    pairs.load()
    assert pairs.image_shape == (1, 4, 4)
    raw, labels = next(iter(pairs.val_dataloader()[-1]))
    small, whole = pairs.on_after_batch_transfer((raw, labels), 0)
    torch.testing.assert_close(whole, raw / 255)
    torch.testing.assert_close(small, reduce(whole, 2))
    assert (small.shape[1:], whole.shape[1:]) == ((1, 4, 4), (1, 8, 8))
    assert pairs.describe()["image_shape"] == [1, 4, 4]


def test_scores_see_the_same_pairs() -> None:
    ((small, whole),) = data().draw_batches(Sampling(per_class=1), 0, torch.device("cpu"))
    assert whole.shape == (10, 1, 8, 8)
    torch.testing.assert_close(small, reduce(whole, 2))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"normalization": "channel"}, "without black borders.*got channel"),
        ({"padding": 2}, "without black borders.*got none and 2"),
        ({"scale": 3}, r"scale=3 needs images of a side that it divides.*got 8 x 8"),
        ({"scale": 4}, r"of 9 pixels or more; got 8 x 8"),
    ],
)
def test_data_that_cannot_be_paired_are_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        data(**options).load()
