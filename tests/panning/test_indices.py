from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.layers.masked import MaskedLinear
from goldpan.masks import Masks, masked_layers, read_masks, set_masks
from goldpan.panning.indices import Index, absolute_z, find_indices
from goldpan.scorers.force import force
from goldpan.scorers.grasp import grasp
from goldpan.scorers.snip import snip
from goldpan.scorers.synflow import synflow
from goldpan.types import Batch


def random_scores() -> Tensor:
    return torch.randn(1000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.3


def square(logits: Tensor, y: Tensor) -> Tensor:
    return ((logits[:, 0] - y) ** 2).mean() / 2


def half_cut() -> tuple[nn.Module, list[Batch]]:
    """w0 = (1, -2), the second cut; x = (3, 1), y = 5: the masked network is off by -2."""
    layer = MaskedLinear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0]])
    set_masks(layer, Masks({"weight": torch.tensor([[True, False]])}))
    return layer, [(torch.tensor([[3.0, 1.0]]), torch.tensor([5]))]


def test_the_absolute_z_score_is_what_the_authors_compute() -> None:
    raw = random_scores()
    ratio = raw / raw.mean()
    theirs = ((ratio - 1) / ratio.std()).abs()
    torch.testing.assert_close(absolute_z(raw).double(), theirs, rtol=1e-6, atol=1e-7)


def test_the_deviation_is_unbiased() -> None:
    """Mean 2, deviation sqrt((1 + 1 + 4) / 2)."""
    expected = torch.tensor([1.0, 1.0, 2.0]) / 3**0.5
    torch.testing.assert_close(absolute_z(torch.tensor([1.0, 1.0, 4.0])), expected)


def test_scale_shift_and_sign_of_the_raw_scores_do_not_matter() -> None:
    expected = absolute_z(random_scores())
    for scale, shift in ((1e-12, 0.0), (7.0, -3.0), (-1.0, 0.0)):
        changed = absolute_z(scale * random_scores() + shift)
        torch.testing.assert_close(changed, expected, rtol=1e-5, atol=1e-6)


def test_a_raw_score_of_zero_gets_the_mean_by_the_deviation() -> None:
    """Of 0, 0, 6: mean 2, deviation sqrt(12)."""
    assert absolute_z(torch.tensor([0.0, 0.0, 6.0]))[0].item() == pytest.approx(2 / 12**0.5)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e-30, 1 / 3])
def test_an_index_that_is_the_same_everywhere_says_nothing(value: float) -> None:
    for count in (2, 7, 1000, 12345):
        assert not absolute_z(torch.full((count,), value, dtype=torch.float64)).any()


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_the_raw_scores_stay_as_they_were(precision: torch.dtype) -> None:
    raw = random_scores().to(precision)
    before = raw.clone()
    assert absolute_z(raw).dtype == torch.float32
    assert torch.equal(raw, before)


def test_raw_snip_has_a_sign_and_a_score_for_cut_weights() -> None:
    """w0 * dL/dw, dL/dw = x * -2 at the masked network."""
    layer, batches = half_cut()
    assert snip(layer, batches, square, raw=True)["weight"].tolist() == [[-6.0, 4.0]]
    assert snip(layer, batches, square)["weight"].tolist() == [[6.0, 0.0]]


def test_raw_snip_is_force_but_for_the_sign(net: nn.Module, batch: Batch) -> None:
    set_masks(
        net, Masks({name: torch.rand(mask.shape) < 0.5 for name, mask in read_masks(net).items()})
    )
    raw = snip(net, [batch], F.cross_entropy, raw=True)
    for name, score in force(net, [batch], F.cross_entropy).items():
        assert torch.equal(raw[name].abs(), score)
        assert (raw[name] < 0).any()


def test_raw_grasp_scores_cut_weights_too() -> None:
    """g = -2 x and H g = x (x . g) = -20 x at the masked network."""
    layer, batches = half_cut()
    scores = grasp(layer, batches, square, temperature=1.0, raw=True)
    assert scores["weight"].tolist() == [[1 * -60.0, -2 * -20.0]]


def test_raw_grasp_of_a_dense_network_is_grasp(net: nn.Module, batch: Batch) -> None:
    raw = grasp(net, [batch], F.cross_entropy, raw=True)
    for name, score in grasp(net, [batch], F.cross_entropy).items():
        assert torch.equal(raw[name], score)


def test_raw_synflow_is_the_dense_weight_by_its_derivative() -> None:
    """R = |a0 m0 b0| + |a1 m1 b1| with a1 cut: dR/d|a| = |b|, dR/d|b| = (|a0|, 0)."""
    net = nn.Sequential(MaskedLinear(1, 2, bias=False), MaskedLinear(2, 1, bias=False))
    net[0].weight.data = torch.tensor([[-2.0], [3.0]])
    net[1].weight.data = torch.tensor([[1.0, -4.0]])
    net[0].mask[1] = False  # type: ignore[index]
    batches = [(torch.zeros(1, 1), torch.zeros(1))]
    scores = synflow(net, batches, F.cross_entropy, raw=True)
    assert scores["0.weight"].flatten().tolist() == [-2.0, 12.0]
    assert scores["1.weight"].flatten().tolist() == [2.0, 0.0]
    assert synflow(net, batches, F.cross_entropy)["0.weight"].flatten().tolist() == [2.0, 0.0]


def before_batchnorm(net: nn.Module, row: Tensor) -> Tensor:
    """Sums of a row of scores over each filter of the two convolutions; there is no eps."""
    sizes = [layer.weight.numel() for layer in masked_layers(net).values()]
    first, second, _ = row.split(sizes)
    return torch.cat([first.view(6, -1).sum(1), second.view(8, -1).sum(1)])


@pytest.fixture
def exact(net: nn.Module, batch: Batch) -> tuple[nn.Module, list[Batch]]:
    """The small network and its batch in float64, BatchNorm as good as without eps."""
    for module in net.double().modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-30
    return net, [(batch[0].double(), batch[1])]


def test_raw_snip_of_a_filter_before_batchnorm_adds_up_to_zero(
    exact: tuple[nn.Module, list[Batch]],
) -> None:
    (index,) = find_indices(["snip"])
    row = index(*exact, F.cross_entropy)
    sums = before_batchnorm(exact[0], row)
    assert sums.abs().max() < 1e-12 * row.abs().max()


def test_raw_grasp_of_a_filter_before_batchnorm_adds_up_to_minus_its_gradient_squared(
    exact: tuple[nn.Module, list[Batch]],
) -> None:
    """dQ/dw = 2 H g, so sum w dQ/dw = -2 |g|^2 reads sum w (H g) = -|g|^2; logits / 200."""
    (index,) = find_indices(["grasp"])
    net, ((x, y),) = exact
    sums = before_batchnorm(net, index(net, [(x, y)], F.cross_entropy))
    F.cross_entropy(net(x) / 200, y).backward()
    gradients = [net[place].weight.grad.square().flatten(1).sum(1) for place in (0, 3)]  # type: ignore[index]
    torch.testing.assert_close(sums, -torch.cat(gradients), rtol=1e-8, atol=0)


def test_indices_come_in_the_order_asked_for_in_one_row(net: nn.Module, batch: Batch) -> None:
    one, other = find_indices(["snip", "synflow"])
    assert (one.name, other.name) == ("snip", "synflow")
    raw = snip(net, [batch], F.cross_entropy, temperature=200.0, raw=True)
    expected = torch.cat([raw[name].flatten() for name in read_masks(net)])
    assert torch.equal(one(net, [batch], F.cross_entropy), expected)


def test_the_temperature_reaches_snip_and_grasp(net: nn.Module, batch: Batch) -> None:
    for temperature in (1.0, 5.0):
        for index, scorer in zip(
            find_indices(["snip", "grasp"], temperature=temperature), (snip, grasp), strict=True
        ):
            expected = scorer(net, [batch], F.cross_entropy, temperature=temperature, raw=True)
            row = index(net, [batch], F.cross_entropy)
            assert torch.equal(row, torch.cat([score.flatten() for score in expected.values()]))


def test_only_synflow_looks_at_masks_unless_all_do() -> None:
    names = ["synflow", "snip", "grasp", "magnitude"]

    def masked(found: Sequence[Index]) -> list[bool]:
        return [index.masked for index in found]

    assert masked(find_indices(names)) == [True, False, False, False]
    assert masked(find_indices(names, mask_aware=True)) == [True] * 4


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["snip", "panning"], "no index is called panning; there are force, grasp, magnitude"),
        (["snip", "snip"], "indices must be one or more different scorers, got ['snip', 'snip']"),
        ([], "indices must be one or more different scorers, got []"),
    ],
)
def test_names_that_are_no_indices_are_refused(names: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=r"index|indices") as refused:
        find_indices(names)
    assert sentence in str(refused.value)
