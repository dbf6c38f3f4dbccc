from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.allocation.global_top import global_top
from goldpan.allocation.selection import highest
from goldpan.gradients import first_order, one_graph, second_order, slope
from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.masks import Masks, digest, masked_layers, read_masks
from goldpan.panning.indices import Index, find_indices
from goldpan.panning.screening import Observe, Screening, kept_at
from goldpan.scorers.snip import snip
from goldpan.types import Batch

Draw = Callable[[int], list[Batch]]
Scored = Callable[..., Index]
NOTHING: list[Batch] = [(torch.zeros(1, 4), torch.zeros(1))]


@pytest.mark.parametrize("sparsity", ["0", "0.5", "0.85", "0.9", "0.98", "0.995", "0.9999"])
@pytest.mark.parametrize("rounds", [1, 7, 100])
def test_the_number_kept_is_the_floor_in_every_round(sparsity: str, rounds: int) -> None:
    """k = floor(M q^(t/N)) by whole numbers: k^N <= M^N q^t < (k + 1)^N."""
    total, density = 20_024_000, 1 - Fraction(sparsity)
    counts = [kept_at(total, float(sparsity), done / rounds) for done in range(1, rounds + 1)]
    for done, count in enumerate(counts, 1):
        assert count**rounds <= total**rounds * density**done < (count + 1) ** rounds
    assert density == 1 or all(more > fewer for more, fewer in pairwise(counts))


@pytest.mark.parametrize(
    ("total", "sparsity", "expected"),
    [(100, 0.9, 10), (1000, 0.999, 1), (10, 0.7, 3), (999, 0.9, 99), (100, 0.9999, 0)],
)
def test_a_product_that_is_an_integer_is_not_rounded_below_it(
    total: int, sparsity: float, expected: int
) -> None:
    assert kept_at(total, sparsity, 1.0) == expected


@pytest.mark.parametrize(("sparsity", "rounds"), [(0.9, 1), (0.98, 6), (0.995, 4)])
def test_every_round_of_a_network_keeps_exactly_that_many(
    net: nn.Module, indices: tuple[Index, ...], draw: Draw, sparsity: float, rounds: int
) -> None:
    screening = Screening(
        net, indices, draw, F.cross_entropy, sparsity=sparsity, rounds=rounds, temperature=200.0
    )
    for done in range(1, rounds + 1):
        row = screening.step([0.2, 0.5, 0.3])
        expected = kept_at(634, sparsity, done / rounds)
        assert screening.masks.kept == read_masks(net).kept == row["kept"] == expected
        assert row["sparsity"] == screening.masks.sparsity


def recorded(index: Index, into: list[Tensor]) -> Index:
    """The same index; each row that it gives is kept in `into`."""

    def scorer(*given: object) -> dict[str, Tensor]:
        scores = index.scorer(*given)  # type: ignore[arg-type]
        into.append(torch.cat([score.flatten() for score in scores.values()]).clone())
        return dict(scores)

    return Index(index.name, scorer, index.masked)


def rows_over_rounds(net: nn.Module, batch: Batch, *, mask_aware: bool) -> dict[str, list[Tensor]]:
    """The raw scores of three rounds on one and the same batch."""
    found = find_indices(["synflow", "snip", "grasp"], mask_aware=mask_aware)
    rows: dict[str, list[Tensor]] = {index.name: [] for index in found}
    screening = Screening(
        net,
        [recorded(index, rows[index.name]) for index in found],
        lambda _: [batch],
        F.cross_entropy,
        sparsity=0.9,
        rounds=3,
    )
    for _ in range(3):
        screening.step([0.3, 0.3, 0.4])
    return rows


def test_snip_and_grasp_see_the_dense_network_in_every_round(net: nn.Module, batch: Batch) -> None:
    rows = rows_over_rounds(net, batch, mask_aware=False)
    for name in ("snip", "grasp"):
        assert all(torch.equal(row, rows[name][0]) for row in rows[name])


def test_synflow_sees_the_masks_of_the_round_before(net: nn.Module, batch: Batch) -> None:
    first, second, third = rows_over_rounds(net, batch, mask_aware=False)["synflow"]
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


def test_all_indices_see_the_masks_when_asked_to(net: nn.Module, batch: Batch) -> None:
    for first, second, third in rows_over_rounds(net, batch, mask_aware=True).values():
        assert not torch.equal(first, second)
        assert not torch.equal(second, third)


@pytest.mark.parametrize("look", [False, True])
def test_weights_stay_as_they_were_and_the_masks_are_set(
    net: nn.Module, indices: tuple[Index, ...], draw: Draw, look: bool
) -> None:
    def parameters() -> str:
        return digest({n: v for n, v in net.state_dict().items() if not n.endswith("mask")})

    before = parameters()
    screening = Screening(net, indices, draw, F.cross_entropy, sparsity=0.9, rounds=2)
    for _ in range(2):
        (screening.step_and_measure if look else screening.step)([1, 1, 1])
        assert digest(read_masks(net)) == digest(screening.masks)
    assert parameters() == before


def test_what_was_cut_may_come_back(made: Callable[[str], Index]) -> None:
    """Four weights, two kept: the outer ones by the first batch, the inner ones by the second."""
    batches = {1: [[4.0, 0, 0, -4]], 2: [[0.0, 4, -4, 0]]}
    screening = Screening(
        MaskedLinear(4, 1),
        [made("a")],
        lambda done: [(torch.tensor(batches[done]), torch.zeros(1))],
        F.cross_entropy,
        sparsity=0.5,
        rounds=2,
    )
    first, second = screening.step([1]), screening.step([1])
    assert (first["kept"], first["revived"], first["removed"]) == (2, 0, 2)
    assert (second["kept"], second["revived"], second["removed"]) == (2, 2, 2)
    assert screening.masks["weight"].tolist() == [[False, True, True, False]]


def test_weights_come_back_in_a_real_pruning(
    net: nn.Module, indices: tuple[Index, ...], draw: Draw
) -> None:
    screening = Screening(net, indices, draw, F.cross_entropy, sparsity=0.9, rounds=4)
    assert sum(screening.step([0.2, 0.5, 0.3])["revived"] for _ in range(4)) > 0


@pytest.mark.parametrize("place", range(3), ids=["synflow", "snip", "grasp"])
def test_one_index_alone_keeps_its_scores_farthest_from_their_mean(
    net: nn.Module, indices: tuple[Index, ...], batch: Batch, place: int
) -> None:
    row = indices[place](net, [batch], F.cross_entropy).double()
    screening = Screening(net, indices, lambda _: [batch], F.cross_entropy, sparsity=0.8, rounds=1)
    screening.step([float(other == place) for other in range(3)])
    kept = torch.cat([mask.flatten() for mask in screening.masks.values()])
    assert torch.equal(kept, highest((row - row.mean()).abs(), 126))  # of 634


def test_snip_alone_in_one_round_is_snip_where_each_layer_has_batchnorm_behind_it() -> None:
    """There the raw scores have mean 0, panning.md 1.8, test 6."""
    torch.manual_seed(0)
    net = nn.Sequential(
        MaskedConv2d(3, 6, 3, bias=False),
        nn.BatchNorm2d(6, eps=1e-30),
        nn.ReLU(),
        MaskedConv2d(6, 5, 3, bias=False),
        nn.BatchNorm2d(5, eps=1e-30),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ).double()
    batches = [(torch.randn(20, 3, 8, 8, dtype=torch.float64), torch.arange(20) % 5)]
    dense = read_masks(net)
    scores = snip(net, batches, F.cross_entropy, temperature=200.0)
    expected = global_top(scores, 0.75, dense)  # 108 of 432
    screening = Screening(
        net, find_indices(["snip"]), lambda _: batches, F.cross_entropy, sparsity=0.75, rounds=1
    )
    screening.step([1.0])
    assert screening.masks.kept == expected.kept == 108
    assert digest(screening.masks) == digest(expected)


@pytest.mark.parametrize("factor", [1e-3, 1 / 3, 2, 7.7, 1e6])
def test_a_common_factor_of_the_weights_changes_nothing(
    net: nn.Module, indices: tuple[Index, ...], draw: Draw, factor: float
) -> None:
    found = []
    for weights in ([0.2, 0.5, 0.3], [factor * 0.2, factor * 0.5, factor * 0.3]):
        screening = Screening(net, indices, draw, F.cross_entropy, sparsity=0.9, rounds=2)
        row = {}
        for _ in range(2):
            row = screening.step(weights)
        assert [row[f"weight/{n}"] for n in ("synflow", "snip", "grasp")] == [0.2, 0.5, 0.3]
        found.append(digest(screening.masks))
    assert found[0] == found[1]


@pytest.mark.parametrize(("form", "expected"), [("sum", [0, 1]), ("product", [1, 2])])
def test_sum_and_product_by_hand(scored: Scored, form: str, expected: list[int]) -> None:
    """z_a = (2, 1, 1, 0) / sqrt(2) and z_b = (0, 2, 1, 1) / sqrt(2), weighed 2 : 1.

    The sums are as 4 : 4 : 3 : 1, the products of z_a^2 z_b as 0 : 2 : 1 : 0.
    """
    screening = Screening(
        MaskedLinear(4, 1),
        [scored("a", -4, 2, 2, 0), scored("b", 0, 2, -1, -1)],
        lambda _: NOTHING,
        F.cross_entropy,
        sparsity=0.5,
        rounds=1,
        form=form,  # type: ignore[arg-type]
    )
    screening.step([2, 1])
    assert screening.masks["weight"][0].nonzero().flatten().tolist() == expected


def test_weights_are_exponents_in_the_product(scored: Scored) -> None:
    """z_a = 3 : 1 : 2 : 2 and z_b = 1 : 2 : 1 : 2, so z_a z_b^3 = 3 : 8 : 2 : 16."""
    screening = Screening(
        MaskedLinear(4, 1),
        [scored("a", 3, 1, -2, -2), scored("b", 1, 2, -1, -2)],
        lambda _: NOTHING,
        F.cross_entropy,
        sparsity=0.5,
        rounds=1,
        form="product",
    )
    screening.step([1, 3])
    assert screening.masks["weight"].tolist() == [[False, True, False, True]]


@pytest.mark.parametrize("form", ["sum", "product"])
def test_without_any_weight_the_first_weights_by_index_are_kept(scored: Scored, form: str) -> None:
    screening = Screening(
        MaskedLinear(4, 1),
        [scored("a", 0, 0, 3, 9)],
        lambda _: NOTHING,
        F.cross_entropy,
        sparsity=0.5,
        rounds=1,
        form=form,  # type: ignore[arg-type]
    )
    screening.step([0.0])
    assert screening.masks["weight"].tolist() == [[True, True, False, False]]


def test_equal_scores_keep_exactly_so_many_and_the_first(scored: Scored) -> None:
    screening = Screening(
        MaskedLinear(4, 1),
        [scored("a", -1, 1, -1, 1)],
        lambda _: NOTHING,
        F.cross_entropy,
        sparsity=0.25,
        rounds=1,
    )
    screening.step([1.0])
    assert screening.masks["weight"].tolist() == [[True, True, True, False]]


def test_inverted_it_keeps_the_lowest(scored: Scored) -> None:
    screening = Screening(
        MaskedLinear(4, 1),
        [scored("a", 9, 0.5, 0, -9)],
        lambda _: NOTHING,
        F.cross_entropy,
        sparsity=0.5,
        rounds=1,
        invert=True,
    )
    screening.step([1.0])
    assert screening.masks["weight"].tolist() == [[False, True, True, False]]


@pytest.mark.parametrize("weights", [[1.0], [1.0, 1.0, 1.0]])
def test_another_number_of_weights_than_of_indices_is_refused(
    scored: Scored, weights: list[float]
) -> None:
    indices = [scored("a", 1, 2, 3, 4), scored("b", 4, 3, 2, 1)]
    screening = Screening(
        MaskedLinear(4, 1), indices, lambda _: NOTHING, F.cross_entropy, sparsity=0.5, rounds=1
    )
    with pytest.raises(ValueError, match=r"zip\(\)|weight"):
        screening.step(weights)


def test_rounds_and_form_are_checked(net: nn.Module, indices: tuple[Index, ...]) -> None:
    with pytest.raises(ValueError, match="panning takes at least one round, got 0"):
        Screening(net, indices, lambda _: NOTHING, F.cross_entropy, sparsity=0.5, rounds=0)
    with pytest.raises(ValueError, match="form must be sum or product, got mean"):
        Screening(net, indices, lambda _: NOTHING, F.cross_entropy, sparsity=0.5, form="mean")  # type: ignore[arg-type]


def test_a_look_tells_dense_and_masked_loss_and_gradient_norm(
    net: nn.Module, indices: tuple[Index, ...], batch: Batch
) -> None:
    screening = Screening(net, indices, lambda _: [batch], F.cross_entropy, sparsity=0.9, rounds=2)
    _, effect = screening.step_and_measure([1, 1, 1])
    masks = read_masks(net)
    for loss, norm, masked in (
        (effect.loss, effect.norm, False),
        (effect.masked_loss, effect.masked_norm, True),
    ):
        weights = {
            name: layer.weight.detach() * (masks[name] if masked else 1)
            for name, layer in masked_layers(net).items()
        }
        leaves = {name: weight.requires_grad_() for name, weight in weights.items()}
        value = F.cross_entropy(torch.func.functional_call(net, leaves, batch[0]) / 200, batch[1])
        value.backward()
        assert loss == pytest.approx(value.item(), rel=1e-6)
        squares = sum(float(leaf.grad.double().square().sum()) for leaf in leaves.values())  # type: ignore[union-attr]
        assert norm == pytest.approx(squares, rel=1e-5)
    assert effect.sparsity == pytest.approx(1 - 0.1**0.5)


def test_effective_sparsity_is_never_below_that_of_the_masks(
    net: nn.Module, indices: tuple[Index, ...], draw: Draw
) -> None:
    screening = Screening(net, indices, draw, F.cross_entropy, sparsity=0.99, rounds=8)
    pairs = []
    for _ in range(8):
        _, effect = screening.step_and_measure([0.0, 1.0, 1.0])
        pairs.append((effect.effective, screening.masks.sparsity))
    assert all(effective >= sparsity for effective, sparsity in pairs)
    assert any(effective > sparsity for effective, sparsity in pairs)


def test_inside_one_graph_first_and_second_order_are_what_they_are_outside(
    net: nn.Module, batch: Batch
) -> None:
    apart = [order(net, [batch], F.cross_entropy, 200.0) for order in (first_order, second_order)]
    with one_graph():
        shared = [
            order(net, [batch], F.cross_entropy, 200.0) for order in (first_order, second_order)
        ]
    for (_, expected), (_, found) in zip(apart, shared, strict=True):
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-6, atol=0)
            assert not found[name].requires_grad


@pytest.fixture
def passes(net: nn.Module) -> list[bool]:
    """One entry for each forward pass of the network in train mode."""
    seen: list[bool] = []
    net.register_forward_hook(lambda module, _, __: seen.append(True) if module.training else None)
    return seen


def test_inside_one_graph_the_network_runs_once_on_a_batch(
    net: nn.Module, batch: Batch, passes: list[bool]
) -> None:
    with one_graph():
        second_order(net, [batch], F.cross_entropy, 200.0)
        first_order(net, [batch], F.cross_entropy, 200.0)
        slope(net, batch, F.cross_entropy, 200.0)
        assert len(passes) == 1
        slope(net, batch, F.cross_entropy, 1.0)  # another loss
        slope(net, (batch[0].clone(), batch[1]), F.cross_entropy, 200.0)  # another batch
        assert len(passes) == 3
    first_order(net, [batch], F.cross_entropy, 200.0)
    assert len(passes) == 4


@pytest.mark.parametrize(
    ("observe", "first", "second"), [(None, 1, 1), ("same", 2, 2), ("next", 3, 2)]
)
def test_a_round_runs_the_network_once_and_again_to_look(
    net: nn.Module,
    indices: tuple[Index, ...],
    batch: Batch,
    passes: list[bool],
    observe: Observe | None,
    first: int,
    second: int,
) -> None:
    screening = Screening(
        net,
        indices,
        lambda _: [(batch[0].clone(), batch[1])],
        F.cross_entropy,
        sparsity=0.9,
        rounds=2,
        observe=observe or "next",
    )
    step = screening.step_and_measure if observe else screening.step
    step([1, 1, 1])
    assert len(passes) == first
    step([1, 1, 1])  # the dense network has run on its batch if that was looked at
    assert len(passes) == first + second


def test_masks_that_the_network_had_before_are_forgotten(
    net: nn.Module, indices: tuple[Index, ...], draw: Draw
) -> None:
    found = []
    for keep in (1.0, 0.3):
        for layer in masked_layers(net).values():
            layer.mask.copy_(torch.rand(layer.mask.shape) < keep)
        screening = Screening(net, indices, draw, F.cross_entropy, sparsity=0.5, rounds=1)
        assert read_masks(net).sparsity == 0
        screening.step([1, 1, 1])
        found.append(digest(Masks(screening.masks)))
    assert found[0] == found[1]


def measured(net: nn.Module, masks: Masks | None, batch: Batch) -> tuple[float, float]:
    """Loss and squared gradient norm of logits / 200 by plain autograd; dense without masks."""
    leaves = {
        name: (layer.weight.detach() * (1 if masks is None else masks[name])).requires_grad_()
        for name, layer in masked_layers(net).items()
    }
    value = F.cross_entropy(torch.func.functional_call(net, leaves, batch[0]) / 200, batch[1])
    gradients = torch.autograd.grad(value, list(leaves.values()))
    return value.item(), sum(float(g.double().square().sum()) for g in gradients)


@pytest.mark.parametrize(("observe", "later"), [("next", 1), ("same", 0)])
def test_a_round_is_measured_on_the_next_batch_or_on_its_own(
    net: nn.Module,
    indices: tuple[Index, ...],
    draw: Draw,
    observe: Observe,
    later: int,
) -> None:
    screening = Screening(
        net, indices, draw, F.cross_entropy, sparsity=0.98, rounds=3, observe=observe
    )
    assert screening.first_slope() == screening.dense_slope(draw(later)[0])
    for done in (1, 2, 3):
        _, effect = screening.step_and_measure([1, 1, 1])
        batch = draw(done + later)[0]
        expected = [*measured(net, None, batch), *measured(net, screening.masks, batch)]
        found = [effect.loss, effect.norm, effect.masked_loss, effect.masked_norm]
        assert found == pytest.approx(expected, rel=1e-5)


def test_what_is_observed_changes_no_mask_and_no_batch_is_drawn_twice(
    net: nn.Module, indices: tuple[Index, ...], draw: Draw
) -> None:
    found, drawn = [], list[int]()

    def noted(number: int) -> list[Batch]:
        drawn.append(number)
        return draw(number)

    for observe in ("next", "same"):
        screening = Screening(
            net, indices, noted, F.cross_entropy, sparsity=0.98, rounds=3, observe=observe
        )
        for _ in range(3):
            screening.step_and_measure([1, 1, 1])
        found.append(digest(screening.masks))
    assert found[0] == found[1]
    assert drawn == [1, 2, 3, 4, 1, 2, 3]


def test_another_batch_to_observe_is_refused(net: nn.Module, indices: tuple[Index, ...]) -> None:
    with pytest.raises(ValueError, match="observe must be next or same, got last"):
        Screening(net, indices, lambda _: [], F.cross_entropy, sparsity=0.5, observe="last")  # type: ignore[arg-type]
