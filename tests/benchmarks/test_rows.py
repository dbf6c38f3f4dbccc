"""What becomes of a row: its verdict, its line, and which rows a word chooses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from benchmarks.__main__ import keep, main, rows_for
from benchmarks.measure import Impossible, Pairs
from benchmarks.rows import Line, Row, Target, at_least, at_most, chosen, run, seconds_at_most

CPU = torch.device("cpu")


def row(target: Target, measure: Callable[[torch.device], Pairs]) -> Row:
    return Row(7, "a-row", "work", "rival", target, "It means this.", measure)


def pairs(_: torch.device) -> Pairs:
    return Pairs([1.0, 1.0, 1.0], [4.0, 5.0, 6.0])


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        (at_least(5), "pass"),
        (at_least(5.1), "MISS"),
        (at_most(0.2), "pass"),
        (at_most(0.19), "MISS"),
        (seconds_at_most(1), "pass"),
        (seconds_at_most(0.9), "MISS"),
        (at_least(None), ""),
    ],
)
def test_a_target_is_met_up_to_its_bound(target: Target, verdict: str) -> None:
    assert run(row(target, pairs), CPU).verdict == verdict


def test_a_line_says_what_was_measured_and_what_it_means() -> None:
    line = Line(row(at_least(5), pairs), "pass", pairs(CPU))
    expected = (
        "| 7 | a-row | work, against rival | 5x (4.5 to 5.5) | ≥ 5x | pass | It means this. |"
    )
    assert line.markdown() == expected
    assert line.json()["measured"] == {"median": 5.0, "quartiles": [4.5, 5.5]}


def test_a_row_that_breaks_is_an_error_and_one_that_cannot_be_is_skipped() -> None:
    def breaks(_: torch.device) -> Pairs:
        raise RuntimeError("masks differ")

    def cannot(_: torch.device) -> Pairs:
        raise Impossible("no bf16 here")

    broken, skipped = run(row(at_least(5), breaks), CPU), run(row(at_least(5), cannot), CPU)
    assert (broken.verdict, broken.why) == ("ERROR", "RuntimeError: masks differ")
    assert (skipped.verdict, skipped.why) == ("skipped", "no bf16 here")


def test_rows_are_chosen_by_parts_of_names_or_by_number() -> None:
    rows = rows_for(CPU)
    assert {one.number for one in chosen(rows, ["8"])} == {8}
    assert [one.name for one in chosen(rows, ["synflow", "grasp"])][:2] == ["synflow", "grasp"]
    assert chosen(rows, []) == rows
    with pytest.raises(ValueError, match="no row is called warp; there are masked-step"):
        chosen(rows, ["warp"])


def test_every_row_has_a_name_of_its_own_and_all_numbers_are_there() -> None:
    rows = rows_for(CPU)
    assert len({one.name for one in rows}) == len(rows)
    assert {one.number for one in rows} == {*range(1, 19), *range(21, 25)}
    assert {one.number for one in rows_for(torch.device("cuda"))} == {
        *(1, 3, 4, 5, 6, 18, 23, 25, 26, 27, 28)
    }


def test_results_are_kept_with_machine_and_versions(tmp_path: Path) -> None:
    keep([Line(row(at_least(5), pairs), "pass", pairs(CPU))], tmp_path / "results.json", 60.0)
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["rows"][0]["verdict"] == "pass"
    assert found["hardware"]["threads"] == torch.get_num_threads()
    assert {"date", "commit", "versions"} <= found.keys()


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_without_a_gpu_the_gpu_rows_are_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "--gpu"])
    assert main() == 1
    assert capsys.readouterr().err == (
        "torch sees no GPU here; make bench measures the processor\n"
    )
