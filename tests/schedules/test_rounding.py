import pytest

from goldpan.schedules.rounding import ceil, floor, nearest


@pytest.mark.parametrize(
    ("rounding", "expected"), [(ceil, (5, 5, 4)), (floor, (4, 4, 4)), (nearest, (4, 5, 4))]
)
def test_the_kept_count_is_rounded_as_the_name_says(
    rounding: object, expected: tuple[int, ...]
) -> None:
    """Of 10 weights 4.2, 4.8 and 4 are asked for."""
    kept = [round((1 - rounding(s, 10)) * 10) for s in (0.58, 0.52, 0.6)]  # type: ignore[operator]
    assert tuple(kept) == expected


@pytest.mark.parametrize("rounding", [ceil, floor])
@pytest.mark.parametrize("kept", [0, 1, 43_050, 20_023_999])
def test_a_whole_number_stays_it_whatever_float64_makes_of_it(rounding: object, kept: int) -> None:
    total = 20_024_000
    sparsity = rounding(1 - kept / total, total)  # type: ignore[operator]
    assert 0 <= sparsity < 1
    assert round((1 - sparsity) * total) == kept
