from dataclasses import replace
from pathlib import Path

from goldpan.runs.record import Identity, Record
from goldpan.runs.regrowth_figure import draw_regrowth
from goldpan.runs.results import RegrowthResult, Sparsity, WeightResult

MOVED = RegrowthResult(2, {"a": [0.5, 0.4], "b": [0.0, 0.1]}, [0.3, 0.4], [1.0, 0.8], [0.0, 0.1])
WEIGHTS = WeightResult(Sparsity(0.7, 0.7, 0.7, 0.7, {}), 100, 30, 100, "0", regrowth=MOVED)
WHO = Identity("0" * 12, "digits vgg11 quick", "set", 0, {}, "2026-01-01T00:00:00+00:00")
RECORD = Record(WHO, status="finished", weights=WEIGHTS)


def test_the_figure_is_drawn_where_masks_moved(tmp_path: Path) -> None:
    (path,) = draw_regrowth(RECORD, tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "2 updates explored 0.4 of the weights" in RECORD.summary()
    still = replace(RECORD, weights=replace(WEIGHTS, regrowth=None))
    assert draw_regrowth(still, tmp_path) == []
