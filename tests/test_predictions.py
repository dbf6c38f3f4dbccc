"""Ensembles that can be computed by hand; the numbers of shared/papers' section on FreeTickets."""

from math import log

import pytest
import torch
from torch import Tensor

from goldpan.predictions import (
    accuracy,
    calibration_error,
    disagreement,
    divergence,
    mean_softmax,
    negative_log_likelihood,
)

TWO = torch.tensor([[[0.0, 0.0]], [[log(3), 0.0]]])
"""Two members, one image, two classes: probabilities (.5, .5) and (.75, .25)."""


def as_logits(*predicted: list[int]) -> Tensor:
    """Members that are sure of these classes of three."""
    return 10 * torch.nn.functional.one_hot(torch.tensor(predicted), 3).float()


def test_softmaxes_are_averaged_and_not_logits() -> None:
    assert mean_softmax(TWO).exp() == pytest.approx(torch.tensor([[0.625, 0.375]]))


def test_equal_members_are_as_one_of_them() -> None:
    one = torch.randn(7, 5, generator=torch.Generator().manual_seed(0)).double()
    assert torch.allclose(mean_softmax(torch.stack([one] * 3)), one.log_softmax(1))


def test_the_likelihood_is_that_of_the_averaged_probabilities() -> None:
    """.5 and .1 of the right class: -ln .3, and not the mean of -ln .5 and -ln .1."""
    logits = torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]]).log()
    found = negative_log_likelihood(mean_softmax(logits), torch.tensor([0]))
    assert found == pytest.approx(-log(0.3)) == pytest.approx(1.204, abs=5e-4)


def test_a_probability_that_no_float_can_hold_has_a_finite_likelihood() -> None:
    logits = torch.tensor([[[2000.0, 0.0]], [[2000.0, 0.0]]])
    assert negative_log_likelihood(mean_softmax(logits), torch.tensor([1])) == 2000


def test_accuracy_is_in_percent() -> None:
    assert accuracy(mean_softmax(as_logits([0, 1, 1, 2])), torch.tensor([0, 1, 2, 0])) == 50


@pytest.mark.parametrize(("right", "error"), [(8, 0.0), (10, 0.2), (5, 0.3), (0, 0.8)])
@pytest.mark.parametrize("bins", [1, 10, 14, 15])
def test_a_constant_confidence_errs_by_its_distance_from_the_accuracy(
    right: int, error: float, bins: int
) -> None:
    log_probabilities = torch.tensor([[0.8, 0.2]]).double().log().expand(10, 2)
    labels = torch.tensor([0] * right + [1] * (10 - right))
    found = calibration_error(log_probabilities, labels, bins=bins)
    assert found == pytest.approx(error, abs=1e-7)


def test_errors_of_two_bins_do_not_cancel_and_those_of_one_do() -> None:
    """.6 and always right, .8 and right half the time: .4 and -.3, in one bin and in two."""
    log_probabilities = torch.tensor([[0.6, 0.4]] * 2 + [[0.8, 0.2]] * 2).double().log()
    labels = torch.tensor([0, 0, 0, 1])
    assert calibration_error(log_probabilities, labels, bins=1) == pytest.approx(0.05)
    assert calibration_error(log_probabilities, labels, bins=10) == pytest.approx(0.35)


def test_a_bin_is_open_at_its_lower_end() -> None:
    """With two bins .5 is in the first and .6 in the second."""
    log_probabilities = torch.tensor([[0.5, 0.5], [0.6, 0.4]]).double().log()
    found = calibration_error(log_probabilities, torch.tensor([0, 1]), bins=2)
    assert found == pytest.approx((0.5 + 0.6) / 2)


def test_disagreement_is_the_share_of_images_with_other_predictions() -> None:
    assert disagreement(as_logits([0, 1, 1, 2], [0, 1, 2, 2])) == 0.25


def test_disagreement_is_averaged_over_pairs() -> None:
    """Pairs differ in 1, 1 and 2 of four images."""
    assert disagreement(as_logits([0, 1, 1, 2], [0, 1, 2, 2], [1, 1, 1, 2])) == pytest.approx(1 / 3)


def test_divergence_is_the_mean_of_both_orders() -> None:
    one = 0.5 * log(0.5 / 0.75) + 0.5 * log(0.5 / 0.25)
    other = 0.75 * log(0.75 / 0.5) + 0.25 * log(0.25 / 0.5)
    assert divergence(TWO) == pytest.approx((one + other) / 2)
    assert divergence(torch.cat([TWO, TWO[1:]])[1:]) == pytest.approx(0)


def test_one_member_has_nobody_to_disagree_with() -> None:
    with pytest.raises(ValueError, match="at least two members to compare, got 1"):
        disagreement(TWO[:1])
