"""The curves of a panel."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from goldpan.reports.plots import draw_curves
from goldpan.reports.results import results_below
from goldpan.runs.results import Accuracies, Accuracy


def test_pictures_are_drawn_again_only_if_they_would_differ(made_up: Any, tmp_path: Path) -> None:
    png, pdf = tmp_path / "curves.png", tmp_path / "curves.pdf"

    def drawn() -> bool:
        before = [path.stat().st_ino for path in (png, pdf) if path.exists()]
        draw_curves(made_up.results.panels[0], made_up.table, png)
        return before != [path.stat().st_ino for path in (png, pdf)]

    made_up.finish()
    assert drawn()
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert not drawn()
    other = Accuracies(Accuracy(1, 92.8))
    for change in ({"accuracies": other}, {"weights": made_up.weights(0.9, flops=200)}):
        made_up.write({"snip-0.9-0": 92.9}, **change)
        assert drawn()
        assert not drawn()
    made_up.write({"snip-0.9-1": 93.1}, status="collapsed")
    assert drawn()
    pdf.write_bytes(b"%PDF of other numbers")
    assert drawn()
    png.unlink()
    assert drawn()
    assert not drawn()


def test_nothing_is_drawn_where_no_axis_holds_sparsities(made_up: Any, tmp_path: Path) -> None:
    made_up.finish()
    turned = replace(made_up.table, columns="recipe")
    assert draw_curves(made_up.results.panels[0], turned, tmp_path / "curves.png") is None


def test_one_sparsity_is_drawn_without_a_warning(made_up: Any, tmp_path: Path) -> None:
    made_up.write({"snip-0.9-0": 96.0})
    (panel,) = results_below(tmp_path, "last").panels
    assert draw_curves(panel, made_up.table, tmp_path / "curves.png") is not None
