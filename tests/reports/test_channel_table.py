from dataclasses import replace

import torch
from torch import nn

from goldpan.channels.latency import latencies
from goldpan.reports.channel_table import channel_rows
from goldpan.runs.record import Accuracy, Record, Sparsity

RECORD = Record(
    id="0" * 12,
    status="finished",
    setting="digits vgg11 quick",
    method="rni",
    seed=0,
    choices={},
    started="2026-01-01T00:00:00+00:00",
    sparsity=Sparsity(0.5, 0.48, 0.7, 0.7, {"a": 0.5, "b": 0.46}, "channel"),
    parameters={"all": 4_000_000, "kept": 1_000_000},
    flops={"dense": 200_000_000, "sparse": 50_000_000, "convention": ""},
    trained=Accuracy(0, 90.0),
    pruned=Accuracy(0, 80.0),
    last=Accuracy(10, 89.0),
    latency={
        "dense, batch 1": 4.0,
        "shrunk, batch 1": 1.0,
        "dense, batch 128": 90.0,
        "shrunk, batch 128": 30.0,
    },
    importances=[[10, 0, 0, 4], [8, 1, 0, 5]],
)


def test_a_row_says_accuracies_sizes_and_speed() -> None:
    other = replace(RECORD, seed=1, last=Accuracy(10, 91.0))
    assert channel_rows([RECORD, other]) == [
        [
            *("rni", "50 %", "48.0 %", "90.00 ± 0.00", "80.00 ± 0.00", "90.00 ± 1.41", "2"),
            *("1 M (-75.0 %)", "50 M (-75.0 %)", "4.00 -> 1.00 (4.0x)", "90.00 -> 30.00 (3.0x)"),
        ]
    ]


def test_runs_that_cut_weights_have_no_row() -> None:
    weights = replace(RECORD, sparsity=Sparsity(0.5, 0.5, 0.5, 0.5, {}))
    assert channel_rows([weights, replace(RECORD, status="failed")]) == []


def test_latencies_are_milliseconds_of_each_network_and_leave_their_mode() -> None:
    nets = {"one": nn.Linear(4, 4), "two": nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))}
    found = latencies(nets, (4,), 2)
    assert found.keys() == nets.keys()
    assert all(0 < value < 1000 for value in found.values())
    assert all(net.training for net in nets.values())
    assert not torch.is_inference_mode_enabled()
