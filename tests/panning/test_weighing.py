import pytest
import torch

from goldpan.panning.weighing import combine, correlation, correlations, normalise


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf")])
def test_weights_that_are_no_weights_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match=r"weights of indices must be finite and >= 0, got"):
        normalise([0.5, bad])


def test_shares_add_up_and_nothing_stays_nothing() -> None:
    assert normalise([1, 3, 0]) == (0.25, 0.75, 0.0)
    assert normalise([0, 0]) == (0.0, 0.0)


@pytest.mark.parametrize(("form", "expected"), [("sum", [1.5, 3.5]), ("product", [1.0, 8.0])])
def test_scores_are_added_or_multiplied_by_their_shares(form: str, expected: list[float]) -> None:
    """0.5 (1, 4) + 0.25 (4, 6), and (1, 4) to the power of 1.5: an index without share is out."""
    one, other = torch.tensor([1.0, 4.0]), torch.tensor([4.0, 6.0])
    like = torch.ones(2, dtype=torch.bool)
    if form == "sum":
        found = combine({"a": one, "c": other}, [0.5, 0, 0.25], form, like)
    else:
        found = combine({"b": one}, [0, 1.5], form, like)
    assert found.tolist() == expected


@pytest.mark.parametrize("form", ["sum", "product"])
def test_without_any_share_all_weights_score_alike(form: str) -> None:
    found = combine({}, [0, 0], form, torch.ones(3, dtype=torch.bool))
    assert (found.tolist(), found.dtype) == ([0, 0, 0], torch.float32)


def test_correlations_are_pearsons() -> None:
    one, other = torch.randn(50), torch.randn(50)
    expected = torch.corrcoef(torch.stack([one, other]))[0, 1].item()
    assert correlation(one, other) == pytest.approx(expected, rel=1e-5)
    assert correlation(one, torch.ones(50)) == 0
    assert correlations({"a": one, "b": other}) == {"a/b": correlation(one, other)}
