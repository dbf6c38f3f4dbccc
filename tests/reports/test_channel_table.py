from dataclasses import replace
from pathlib import Path

from goldpan.reports.channel_table import channel_row, channel_table
from goldpan.reports.results import Panel
from goldpan.reports.spec import Table
from goldpan.reports.table_cell import TableCell
from goldpan.runs.record import Identity, Record
from goldpan.runs.results import Accuracies, Accuracy, ChannelResult, Costs, Sparsity, Stability

SPARSITY = Sparsity(0.5, 0.48, 0.7, 0.7, {"a": 0.5, "b": 0.46})
WHO = Identity("0" * 12, "digits vgg11 quick", "rni", 0, {}, "2026-01-01T00:00:00+00:00")
RECORD = Record(
    WHO,
    status="finished",
    accuracies=Accuracies(Accuracy(10, 89.0)),
    costs=Costs({}, parameters=4_000_000, flops=200_000_000, convention=""),
    channels=ChannelResult(
        SPARSITY,
        parameters_left=1_000_000,
        flops_left=50_000_000,
        trained=Accuracy(0, 90.0),
        pruned=Accuracy(0, 80.0),
        milliseconds={
            "1": {"dense": 4.0, "shrunk": 1.0},
            "128": {"dense": 90.0, "shrunk": 30.0},
        },
    ),
)

TABLE = Table("demo", "", "last", "method", "sparsity")


def panel(*records: Record) -> Panel:
    """One cell with these runs."""
    axes = {"method": "rni", "sparsity": "0.5"}
    folders = frozenset(Path(str(record.identity.seed)) for record in records)
    cell = TableCell(axes, folders, records, [90.0 for _ in records])
    return Panel("", ["rni"], ["0.5"], {("rni", "0.5"): cell})


def test_a_row_says_accuracies_sizes_and_speed() -> None:
    other = replace(
        RECORD, identity=replace(WHO, seed=1), accuracies=Accuracies(Accuracy(10, 91.0))
    )
    assert channel_row([RECORD, other]) == [
        *("48.0 %", "90.00 ± 0.00", "80.00 ± 0.00", "90.00 ± 1.41", "2"),
        *("1 M (-75.0 %)", "50 M (-75.0 %)", "4.00 -> 1.00 (4.0x)", "90.00 -> 30.00 (3.0x)"),
    ]


def test_a_cell_whose_runs_removed_channels_has_a_row() -> None:
    header, _, row = channel_table(panel(RECORD), TABLE).splitlines()
    assert header.split("|")[1:4] == [" method ", " sparsity ", " channels removed "]
    assert row.startswith("| rni    | 50 %     | 48.0 % ")


def test_runs_that_cut_weights_have_no_row() -> None:
    weights = replace(RECORD, channels=None)
    assert channel_table(panel(weights), TABLE) == ""


def test_a_run_whose_choice_never_settled_is_named_below_the_table() -> None:
    never, settled = (
        replace(RECORD, channels=replace(RECORD.channels, stability=Stability([0.5], epoch)))
        for epoch in (None, 1)
    )
    table = channel_table(panel(never), TABLE)
    assert table.splitlines()[-1] == (
        "Never settled, cut after the last epoch and untrained since: rni at 0.5, seed 0."
    )
    assert "Never settled" not in channel_table(panel(settled), TABLE)
