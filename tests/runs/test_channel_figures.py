from dataclasses import replace
from pathlib import Path

from goldpan.runs.channel_figures import draw_channels
from goldpan.runs.record import Identity, Record
from goldpan.runs.results import Accuracy, ChannelResult, Sparsity, Stability

SPARSITY = Sparsity(0.5, 0.48, 0.7, 0.7, {"a": 0.5, "b": 0.46})
RECORD = Record(
    Identity("0" * 12, "digits vgg11 quick", "rni", 0, {}, "2026-01-01T00:00:00+00:00"),
    status="finished",
    channels=ChannelResult(SPARSITY, 100, 100, Accuracy(1, 90.0), Accuracy(0, 80.0)),
    importances=[[10, 0, 0, 4], [8, 1, 0, 5]],
)


def test_the_figures_are_drawn_where_there_are_numbers(tmp_path: Path) -> None:
    assert [path.name for path in draw_channels(RECORD, tmp_path)] == [
        "importances.png",
        "channels.png",
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())
    assert draw_channels(replace(RECORD, importances=[], channels=None), tmp_path) == []


def test_a_choice_that_was_watched_has_a_picture_of_its_stability(tmp_path: Path) -> None:
    choices = {"method": {"channels": {"stable": {"threshold": 0.9}}}}
    for settled in (3, None):
        record = replace(
            RECORD,
            identity=replace(RECORD.identity, choices=choices),
            channels=replace(RECORD.channels, stability=Stability([None, 0.5, 0.95], settled)),
        )
        assert draw_channels(record, tmp_path)[-1].name == "stability.png"
