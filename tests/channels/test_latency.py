import torch
from torch import nn

from goldpan.channels.latency import latencies


def test_latencies_are_milliseconds_of_each_network_and_leave_their_mode() -> None:
    nets = {"one": nn.Linear(4, 4), "two": nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))}
    found = latencies(nets, (4,), 2)
    assert found.keys() == nets.keys()
    assert all(0 < value < 1000 for value in found.values())
    assert all(net.training for net in nets.values())
    assert not torch.is_inference_mode_enabled()


def test_only_a_timed_training_leaves_gradients() -> None:
    net = nn.Linear(4, 4)
    latencies({"net": net}, (4,), 2, repeats=1)
    assert net.weight.grad is None
    latencies({"net": net}, (4,), 2, training=True, repeats=1)
    assert net.weight.grad is not None


def test_slow_networks_are_timed_twice_and_the_second_time_counts() -> None:
    calls = []
    net = nn.Linear(4, 4)
    net.register_forward_hook(lambda *_: calls.append(1))
    latencies({"net": net}, (4,), 2, limit=0.0)
    assert len(calls) == 2
