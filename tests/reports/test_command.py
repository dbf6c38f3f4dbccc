"""The command, of a folder and of a table."""

from pathlib import Path
from typing import Any

import pytest

from goldpan.reports.command import main, split


def test_a_table_is_printed_and_written(
    typed: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed.finish()
    assert main(["+table=demo"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# demo\n")
    assert (tmp_path / "tables/demo/report.md").read_text().strip() == text.strip()


def test_a_folder_is_printed_and_written(
    made_up: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up.finish()
    assert main([str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "93.00 ± 0.14 (n=2)" in text
    assert (tmp_path / "report.md").read_text().strip() == text.strip()
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_takes_the_words_of_a_table(
    made_up: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up.finish()
    assert main([str(tmp_path), "to=csv"]) == 0
    assert capsys.readouterr().out.startswith("setting,method,sparsity,metric,mean,")
    assert main([str(tmp_path), "to=html"]) == 0
    assert Path(capsys.readouterr().out.strip()).read_text().startswith("<!doctype html>")
    assert main([str(tmp_path), "metric=best"]) == 0
    assert capsys.readouterr().out.count("has no accuracy best") == 4
    assert main([str(tmp_path), "verify=true"]) == 2
    assert "no published number to judge by" in capsys.readouterr().err
    assert main([str(tmp_path), "to=wandb"]) == 1
    assert "type +table=NAME" in capsys.readouterr().err


def test_verify_decides_the_exit_code(typed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    typed.finish()
    assert main(["+table=demo", "verify=true"]) == 2
    assert "cannot verify method=snip, sparsity=0.99: missing" in capsys.readouterr().err
    for first, code in ((90.02, 0), (91.5, 3), (85.0, 4)):
        typed.write({"snip-0.99-0": first, "snip-0.99-1": 90.0 if code == 3 else first})
        assert main(["+table=demo", "verify=true"]) == code
    assert "verdict: not reproduced" in capsys.readouterr().err


def test_methods_are_compared_by_seed(typed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    typed.finish()
    assert main(["+table=demo", "compare=dense,snip"]) == 0
    assert "## dense less snip" in capsys.readouterr().out
    assert main(["+table=demo", "compare=dense,grasp"]) == 1
    assert "compare names methods of the table, dense, snip; got grasp" in capsys.readouterr().err
    assert main(["+table=demo", "compare=snip"]) == 1
    assert "compare takes two methods or more; got snip" in capsys.readouterr().err


def test_a_folder_without_records_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 1
    assert "no record.json below" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["to=csv"], ["one", "other"], ["--metric", "best", "one"]])
def test_one_folder_or_a_table_is_expected(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 1
    assert "expected one folder, or +table=NAME" in capsys.readouterr().err


def test_the_words_of_a_report_are_told_from_hydras(capsys: pytest.CaptureFixture[str]) -> None:
    words, rest = split(["+table=demo", "to=CSV", "sparsity=0.9", "verify=true"])
    assert words == {"to": "csv", "verify": "true"}
    assert rest == ["+table=demo", "sparsity=0.9"]
    assert main(["+table=digits", "to=word"]) == 1
    assert "to is one of markdown, latex, csv, html, wandb; got word" in capsys.readouterr().err


def test_a_table_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["+table=digts"]) == 1
    assert "did you mean digits?" in capsys.readouterr().err
