import pytest
import torch
import torch.nn.functional as F
from torch import nn

from goldpan.layers.masked import MaskedLinear
from goldpan.masks import Masks, digest, read_masks, set_masks
from goldpan.scorers.ntk_sap import ntk_sap
from goldpan.stream import stream
from goldpan.types import Batch


def cut_half(net: nn.Module) -> Masks:
    masks = {name: torch.rand(mask.shape) < 0.5 for name, mask in read_masks(net).items()}
    set_masks(net, Masks(masks))
    return Masks(masks)


def numbers(shape: tuple[int, ...], *key: int | str) -> torch.Tensor:
    return torch.randn(shape, generator=stream(7, "ntk_sap", *key)).double()


@pytest.mark.parametrize("repeats", [1, 2])
def test_one_linear_layer_by_hand(repeats: int) -> None:
    """f = (w * m) z: outputs differ by (dw * m) z, whatever w is; S = |2 dw z' ((dw * m) z)|."""
    layer = MaskedLinear(4, 3).double()
    mask = torch.tensor([[1, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1]])
    set_masks(layer, Masks({"weight": mask.bool()}))
    batches = [(torch.zeros(5, 4), torch.zeros(5))] * 2
    scores = ntk_sap(layer, batches, F.cross_entropy, epsilon=0.1, repeats=repeats, seed=7)
    total = torch.zeros(3, 4, dtype=torch.float64)
    for repeat in range(repeats):
        for index in range(2):
            z = numbers((5, 4), 9, repeat, index, "input")
            dw = 0.1 * numbers((3, 4), 9, repeat, index, "weight", "change")
            total += 2 * dw * (((dw * mask) @ z.T) @ z) / 5
    expected = (total * mask).abs() / (2 * repeats)
    torch.testing.assert_close(scores["weight"], expected)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_batchnorm_takes_the_statistics_of_the_unperturbed_weights_as_constants(
    momentum: float | None,
) -> None:
    """f = (w z - mean) / s with the s of w z for both: S = |2 dw z' (dw z) / s^2|."""
    layer = MaskedLinear(4, 3, bias=False)
    net = nn.Sequential(layer, nn.BatchNorm1d(3, momentum=momentum)).double()
    scores = ntk_sap(net, [(torch.zeros(6, 4), torch.zeros(6))] * 2, F.cross_entropy, seed=7)
    expected = torch.zeros(3, 4, dtype=torch.float64)
    for index in range(2):
        z = numbers((6, 4), 12, 0, index, "input")
        w = numbers((3, 4), 12, 0, index, "0.weight") * layer.weight.detach().square().mean().sqrt()
        dw = 0.01 * numbers((3, 4), 12, 0, index, "0.weight", "change")
        variance = (z @ w.T).var(0)[:, None] + 1e-5
        expected += 2 * dw * ((dw @ z.T) @ z) / 6 / variance / 2
    torch.testing.assert_close(scores["0.weight"], expected.abs())


def test_scores_grow_with_the_square_of_epsilon(net: nn.Module, batch: Batch) -> None:
    """Finite differences: ||f(w) - f(w + epsilon n)||^2 = epsilon^2 ||J n||^2 to leading order."""
    net.double()
    scores = [ntk_sap(net, [batch], F.cross_entropy, epsilon=e) for e in (1e-6, 1e-5)]
    for name, score in scores[0].items():
        assert (scores[1][name].sum() / score.sum()).item() == pytest.approx(100, rel=1e-3)


def test_images_and_labels_do_not_count(net: nn.Module, batch: Batch) -> None:
    scores = ntk_sap(net, [batch], F.cross_entropy)
    other = ntk_sap(net, [(torch.zeros_like(batch[0]), batch[1].flip(0))], F.mse_loss)
    assert all(torch.equal(score, other[name]) for name, score in scores.items())


def test_of_each_weight_only_the_size_counts(net: nn.Module, batch: Batch) -> None:
    scores = ntk_sap(net, [batch], F.cross_entropy)
    net[3].weight.data.neg_()  # type: ignore[index]
    same = ntk_sap(net, [batch], F.cross_entropy)
    assert all(torch.equal(score, same[name]) for name, score in scores.items())
    net[8].weight.data.mul_(2)  # type: ignore[index]
    other = ntk_sap(net, [batch], F.cross_entropy)
    assert not torch.allclose(scores["0.weight"], other["0.weight"])


def test_cut_weights_score_zero_and_others_do_not(net: nn.Module, batch: Batch) -> None:
    masks = cut_half(net)
    scores = ntk_sap(net, [batch], F.cross_entropy)
    for name, mask in masks.items():
        assert (scores[name][~mask] == 0).all()
        assert (scores[name][mask] > 0).any()


def test_numbers_are_new_in_each_round_and_for_each_seed(batch: Batch) -> None:
    """The same numbers would give the same scores to the rows of a layer that lose no weight."""
    layer = MaskedLinear(4, 3, bias=False)
    z = [(torch.zeros(5, 4), torch.zeros(5))]
    dense = ntk_sap(layer, z, F.cross_entropy)["weight"]
    assert not torch.allclose(dense, ntk_sap(layer, z, F.cross_entropy, seed=1)["weight"])
    mask = torch.ones(3, 4, dtype=torch.bool)
    mask[0, 0] = False
    set_masks(layer, Masks({"weight": mask}))
    assert not torch.allclose(dense[1:], ntk_sap(layer, z, F.cross_entropy)["weight"][1:])


def test_it_leaves_the_model_as_it_was(net: nn.Module, batch: Batch) -> None:
    cut_half(net)
    before = digest(net.state_dict())
    scores = ntk_sap(net, [batch], F.cross_entropy)
    assert digest(net.state_dict()) == before
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    assert [norm.momentum for norm in norms] == [0.1, 0.1]
    assert all(module.training for module in net.modules())
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert not any(score.requires_grad for score in scores.values())


@pytest.mark.parametrize("options", [{"epsilon": 0.0}, {"repeats": 0}])
def test_what_cannot_be_is_refused(net: nn.Module, batch: Batch, options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="epsilon must be positive and repeats at least 1, got"):
        ntk_sap(net, [batch], F.cross_entropy, **options)  # type: ignore[arg-type]
