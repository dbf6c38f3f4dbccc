"""Masks that a training loop of one's own keeps."""

import copy
import io
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer

import goldpan as gp
from goldpan.masks import UnknownLayer
from goldpan.types import Batch

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=1e-2),
    "adamw": lambda p: torch.optim.AdamW(p, 0.01, amsgrad=True),
    "fused": lambda p: torch.optim.Adam(p, 0.01, weight_decay=1e-2, fused=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01, momentum=0.9, centered=True),
    "adadelta": lambda p: torch.optim.Adadelta(p),
    "rprop": lambda p: torch.optim.Rprop(p, 0.01),
    "lbfgs": lambda p: torch.optim.LBFGS(p, 0.1, max_iter=3),
}


def step(net: nn.Module, optimizer: Optimizer, batch: Batch) -> None:
    def closure() -> float:
        optimizer.zero_grad()
        value = F.cross_entropy(net(batch[0]), batch[1])
        value.backward()
        return float(value.detach())

    optimizer.step(closure)


def cut(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: ~mask for name, mask in gp.read_masks(net).items()}


def test_without_it_three_steps_lose_the_sparsity(
    plain_net: nn.Module, batches: list[Batch]
) -> None:
    gp.prune(plain_net, "snip", 0.9, batches=batches)
    optimizer = OPTIMIZERS["sgd"](plain_net.parameters())
    for _ in range(3):
        step(plain_net, optimizer, batches[0])
    assert gp.sparsity(plain_net) < 0.7


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_gradients_and_momentum_of_cut_weights_stay_zero(
    name: str, plain_net: nn.Module, batches: list[Batch]
) -> None:
    optimizer = OPTIMIZERS[name](plain_net.parameters())
    step(plain_net, optimizer, batches[0])  # momentum of all weights
    gp.prune(plain_net, "magnitude", 0.5, allocation="layerwise")
    kept = gp.keep_masked(plain_net, optimizer)
    step(plain_net, optimizer, batches[0])
    gp.prune(plain_net, "magnitude", 0.9, allocation="layerwise")  # later cuts are followed
    before = copy.deepcopy(plain_net.state_dict())
    for _ in range(2):
        step(plain_net, optimizer, batches[0])
    assert gp.sparsity(plain_net) == pytest.approx(0.9, abs=1e-3)
    for weight, gone in cut(plain_net).items():
        parameter = plain_net.get_parameter(weight)
        assert parameter.grad is not None
        assert not parameter.grad[gone].any()
        for key, memory in optimizer.state[parameter].items():
            if key == "step_size":  # Rprop's, which has a least one
                continue
            if isinstance(memory, torch.Tensor) and memory.shape == parameter.shape:
                assert not memory[gone].any()
        assert not torch.equal(parameter, before[weight])  # kept ones have moved
    kept.remove()
    step(plain_net, OPTIMIZERS["sgd"](plain_net.parameters()), batches[0])
    assert gp.sparsity(plain_net) < 0.7


def test_clipping_sees_the_gradients_of_kept_weights_alone(
    plain_net: nn.Module, batches: list[Batch]
) -> None:
    gp.prune(plain_net, "random", 0.9)
    optimizer = torch.optim.SGD(plain_net.parameters(), 0.1)
    with gp.keep_masked(plain_net, optimizer):
        F.cross_entropy(plain_net(batches[0][0]), batches[0][1]).backward()
        norm = nn.utils.clip_grad_norm_(plain_net.parameters(), 1e9)
        masks = gp.read_masks(plain_net)
        parts = [
            (p.grad * masks.get(name, torch.ones(()))).square().sum()  # type: ignore[operator]
            for name, p in plain_net.named_parameters()
        ]
        assert norm == pytest.approx(float(torch.stack(parts).sum().sqrt()), rel=1e-5)


def test_mixed_precision_and_a_compiled_network(plain_net: nn.Module, batches: list[Batch]) -> None:
    compiled = torch.compile(plain_net, backend="eager")
    gp.prune(compiled, "snip", 0.9, batches=batches)
    optimizer = OPTIMIZERS["adamw"](compiled.parameters())
    scaler = torch.amp.GradScaler("cpu", init_scale=128.0)
    with gp.keep_masked(compiled, optimizer):
        for _ in range(3):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                value = F.cross_entropy(compiled(batches[0][0]), batches[0][1])
            scaler.scale(value).backward()
            scaler.step(optimizer)
            scaler.update()
    assert gp.sparsity(compiled) == pytest.approx(0.9, abs=1e-3)
    assert [*gp.read_masks(compiled)] == [*gp.read_masks(plain_net)]


def test_copies_and_files_of_the_network_are_as_without_it(plain_net: nn.Module) -> None:
    gp.prune(plain_net, "random", 0.5)
    gp.keep_masked(plain_net, torch.optim.SGD(plain_net.parameters(), 0.1))
    file = io.BytesIO()
    torch.save(copy.deepcopy(plain_net), file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    assert gp.sparsity(again) == gp.sparsity(plain_net)


def test_it_is_refused_where_it_would_do_nothing(plain_net: nn.Module) -> None:
    optimizer = torch.optim.SGD(plain_net.parameters(), 0.1)
    with pytest.raises(ValueError, match=r"Sequential has no masks; gp\.prune"):
        gp.keep_masked(plain_net, optimizer)
    gp.prune(plain_net, "random", 0.5)
    with pytest.raises(ValueError, match="holds none of the model's masked weights"):
        gp.keep_masked(copy.deepcopy(plain_net), optimizer)
    with pytest.raises(TypeError, match=r"optimizer is a torch\.optim\.Optimizer; got a StepLR"):
        gp.keep_masked(plain_net, torch.optim.lr_scheduler.StepLR(optimizer, 1))  # type: ignore[arg-type]


def test_a_pruned_network_is_saved_and_loaded(plain_net: nn.Module, batches: list[Batch]) -> None:
    fresh = copy.deepcopy(plain_net)
    masks = gp.prune(plain_net, "snip", 0.9, batches=batches)
    gp.write_masks(fresh)
    assert gp.sparsity(fresh) == 0
    fresh.load_state_dict(plain_net.state_dict())
    assert all(torch.equal(mask, masks[name]) for name, mask in gp.read_masks(fresh).items())
    with pytest.raises(UnknownLayer, match="must name the same weights"):
        gp.write_masks(fresh, {"0.weight": masks["0.weight"]})


def test_plain_gives_back_pytorchs_layers(plain_net: nn.Module, batches: list[Batch]) -> None:
    names = plain_net.state_dict().keys()
    gp.prune(plain_net, "snip", 0.9, batches=batches)
    plain = gp.plain(plain_net.eval())
    assert plain.state_dict().keys() == names
    assert {type(layer) for layer in plain if hasattr(layer, "weight")} == {
        *(nn.Conv2d, nn.BatchNorm2d, nn.Linear)
    }
    assert torch.equal(plain(batches[0][0]), plain_net(batches[0][0]))
    assert gp.sparsity(plain) == gp.sparsity(plain_net)


def test_tied_weights_count_once() -> None:
    net = nn.Sequential(nn.Linear(4, 4, bias=False), nn.ReLU(), nn.Linear(4, 4, bias=False))
    net[2].weight = net[0].weight
    with torch.no_grad():
        net[0].weight[0] = 0
    assert gp.sparsity(net) == 0.25
