import pytest

from goldpan.models.sizes import require_positive, scaled


@pytest.mark.parametrize("size", [0, -3, 1.5, "8"])
def test_only_whole_numbers_of_at_least_one_pass(size: int) -> None:
    require_positive(classes=1, channels=3)
    with pytest.raises(ValueError, match=f"image_size must be a whole number .* got {size!r}"):
        require_positive(classes=10, image_size=size)


def test_scaled_channels_are_rounded_and_at_least_one() -> None:
    assert [scaled(64, width) for width in (0.5, 0.1, 0.001, 2)] == [32, 6, 1, 128]


@pytest.mark.parametrize("width", [0, -1, float("nan")])
def test_a_width_that_is_not_above_zero_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match=f"must be above 0, got {width!r}"):
        scaled(64, width)
