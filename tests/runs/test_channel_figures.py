from dataclasses import replace
from pathlib import Path

from goldpan.runs.channel_figures import draw_channels
from goldpan.runs.record import Record, Sparsity

RECORD = Record(
    id="0" * 12,
    status="finished",
    setting="digits vgg11 quick",
    method="rni",
    seed=0,
    choices={},
    started="2026-01-01T00:00:00+00:00",
    sparsity=Sparsity(0.5, 0.48, 0.7, 0.7, {"a": 0.5, "b": 0.46}, "channel"),
    importances=[[10, 0, 0, 4], [8, 1, 0, 5]],
)


def test_the_figures_are_drawn_where_there_are_numbers(tmp_path: Path) -> None:
    assert [path.name for path in draw_channels(RECORD, tmp_path)] == [
        "importances.png",
        "channels.png",
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())
    assert draw_channels(replace(RECORD, importances=[], sparsity=None), tmp_path) == []
