import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from goldpan.files import write_atomically
from goldpan.runs.record import Identity, Record, read_record
from goldpan.runs.results import Accuracies, Accuracy, ChannelResult, Costs, Sparsity, WeightResult
from goldpan.runs.results_of_procedures import (
    AgentResult,
    EnsembleFigures,
    EnsembleResult,
    Member,
    Psnr,
    SuperResolutionResult,
)
from goldpan.runs.told import summarize

SPARSITY = Sparsity(asked=0.9, got=0.9, parameters=0.89, effective=0.91, layers={"a": 1.0})
RECORD = Record(
    Identity(
        id="0123456789ab",
        setting="digits vgg11 quick",
        method="snip",
        seed=0,
        choices={"sparsity": 0.9},
        started="2026-01-01T00:00:00+00:00",
    ),
    status="finished",
    accuracies=Accuracies(
        last=Accuracy(epoch=15, test=97.5, val=98.0, train=100.0),
        best=Accuracy(epoch=12, test=97.25, val=98.5, train=100.0),
    ),
    costs=Costs(seconds={"training": 1.0}, parameters=1000, flops=4000, convention="a test"),
    weights=WeightResult(SPARSITY, 990, 110, flops_without_cut=500, masks="ab"),
    ranks=("cd",),
)
SHRUNK = replace(
    RECORD,
    weights=None,
    channels=ChannelResult(
        SPARSITY, 110, flops_left=100, trained=Accuracy(10, 98.0), pruned=Accuracy(0, 50.0)
    ),
)


AGENT = replace(RECORD, weights=None, agent=AgentResult({"agent": {"0.9": -16.4}}, 60.0))


ENSEMBLE = replace(
    RECORD,
    weights=None,
    accuracies=Accuracies(last=Accuracy(epoch=15, test=98.0)),
    ensemble=EnsembleResult(
        members=(
            Member("aa", "model.pt", Accuracy(15, 97.5)),
            Member("bb", "model.pt", Accuracy(15, 97)),
        ),
        test=EnsembleFigures(98.0, 0.05, 0.01, 0.02, 0.03),
        val=None,
        bins=15,
        sparsity=SPARSITY,
        flops_without_cut=1000,
    ),
)


ENLARGING = replace(
    RECORD,
    accuracies=None,
    super_resolution=SuperResolutionResult(
        scale=2,
        last=Psnr(epoch=15, test=29.5, val=29.25, train=29.0, step=300),
        best=Psnr(epoch=12, test=29.625, val=29.5, step=240),
        bicubic={"val": 27.5, "test": 27.25},
    ),
)


@pytest.mark.parametrize(
    "record",
    [RECORD, SHRUNK, AGENT, ENSEMBLE, ENLARGING],
    ids=["weights", "channels", "agent", "ensemble", "super_resolution"],
)
def test_a_record_survives_its_file(tmp_path: Path, record: Record) -> None:
    record.write(tmp_path / "record.json")
    assert read_record(tmp_path / "record.json") == record


def test_flops_kept_are_those_of_the_smaller_network_or_without_cut_weights() -> None:
    assert RECORD.flops_kept == 12.5
    assert SHRUNK.flops_kept == 2.5
    assert AGENT.flops_kept is None
    assert ENSEMBLE.flops_kept == 25.0  # of both members


def test_the_summary_says_accuracy_and_sparsity_asked_and_got() -> None:
    assert RECORD.summary() == (
        "snip on digits vgg11 quick, seed 0: finished, test accuracy 97.50 % (last epoch, 15), "
        "97.25 % (best validation epoch, 12); sparsity asked 0.9, got 0.9 (effective 0.91)"
    )


def test_the_summary_of_an_ensemble_says_what_its_members_come_to() -> None:
    assert ENSEMBLE.summary() == (
        "snip on digits vgg11 quick, seed 0: finished, test accuracy 98.00 % (last epoch, 15); "
        "sparsity asked 0.9, got 0.9 (effective 0.91); 2 members of 97.50, 97.00 % test accuracy; "
        "NLL 0.0500, calibration error 0.0100, disagreement 0.0200"
    )


def test_the_summary_of_super_resolution_says_psnr_and_no_accuracy() -> None:
    assert ENLARGING.summary() == (
        "snip on digits vgg11 quick, seed 0: finished, test PSNR 29.500 dB (last epoch, 15), "
        "29.625 dB (best validation epoch, 12), bicubic 27.250 dB; sparsity asked 0.9, got 0.9 "
        "(effective 0.91)"
    )
    assert summarize(ENLARGING)["psnr"] == 29.5
    assert "accuracy" not in summarize(ENLARGING)


def test_a_member_with_an_impossible_accuracy_is_named(tmp_path: Path) -> None:
    assert ENSEMBLE.ensemble is not None
    strange = replace(ENSEMBLE.ensemble, members=(Member("aa", "model.pt", Accuracy(1, 120.0)),))
    replace(ENSEMBLE, ensemble=strange).write(tmp_path / "record.json")
    with pytest.raises(ValueError, match=r"an accuracy is in \[0, 100\] percent; got 120"):
        read_record(tmp_path / "record.json")


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_a_record_cut_short_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "record.json"
    RECORD.write(path)
    path.write_text(path.read_text()[:cut])
    with pytest.raises(ValueError, match=r"record\.json is not a whole record"):
        read_record(path)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"format": 0}, "format 0"),
        ({"extra": 1}, "unknown field extra"),
        ({"accuracies": 3}, "whole"),
    ],
)
def test_another_format_is_named(tmp_path: Path, change: dict[str, int], answer: str) -> None:
    path = tmp_path / "record.json"
    RECORD.write(path)
    unsealed = json.loads(path.read_text()) | {"seal": None}
    path.write_text(json.dumps(unsealed | change))
    with pytest.raises(ValueError, match=answer):
        read_record(path)


def test_an_edited_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    RECORD.write(path)
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(ValueError, match="edited after it was written"):
        read_record(path)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.json"
    write_atomically(path, "old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_not_a_number_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        replace(RECORD, exports={"model.onnx": float("nan")}).write(tmp_path / "record.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("identity", "started", 5),
        ("identity", "seed", "0"),
        ("accuracies.last", "test", "97.5"),
        ("accuracies.last", "test", float("nan")),
        ("accuracies.last", "test", 1000),
        ("costs", "flops", 0),
        ("costs", "seconds", {"training": None}),
        ("weights.sparsity", "layers", [0.5]),
        ("", "status", "odd"),
        ("", "ranks", [7]),
    ],
)
def test_a_value_that_cannot_be_is_named(
    tmp_path: Path, part: str, name: str, value: object
) -> None:
    RECORD.write(tmp_path / "record.json")
    values = json.loads((tmp_path / "record.json").read_text())
    del values["seal"]
    place = values
    for step in filter(None, part.split(".")):
        place = place[step]
    place[name] = value
    (tmp_path / "record.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=r"record.json is not a whole record: ") as caught:
        read_record(tmp_path / "record.json")
    assert name in str(caught.value) or "percent" in str(caught.value)


def test_brackets_without_end_are_no_record(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"is not a whole record"):
        read_record(tmp_path / "record.json")


def test_a_folder_is_no_record(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is not a whole record: .*directory"):
        read_record(tmp_path)


def test_an_effective_sparsity_that_is_not_known_is_written_and_read(tmp_path: Path) -> None:
    who = Identity("0" * 12, "digits swin quick", "snip", 0, {"sparsity": 0.5}, "2026-11-24")
    sparsity = Sparsity(asked=0.5, got=0.5, parameters=0.4, effective=None, layers={})
    weights = WeightResult(sparsity, 10, 6, 5, "masks")
    record = Record(who, "finished", weights=weights)
    record.write(tmp_path / "record.json")
    assert read_record(tmp_path / "record.json") == record
    assert "got 0.5 (effective -)" in record.summary()
