import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from goldpan.runs.record import Identity, Record, read_record
from goldpan.runs.results import Accuracies, Accuracy, Costs
from goldpan.runs.typed import build


def written(path: Path) -> dict[str, Any]:
    """A record that is right, as its file has it, without the seal that would show the edit."""
    who = Identity("0123456789ab", "digits vgg11 quick", "snip", 0, {"sparsity": 0.9}, "2026")
    costs = Costs({"training": 1.0}, 1000, 4000, "a test")
    Record(who, "finished", accuracies=Accuracies(Accuracy(3, 97.5)), costs=costs).write(path)
    values: dict[str, Any] = json.loads(path.read_text())
    del values["seal"]
    return values


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("accuracies.last.test", "high", "accuracies.last.test is a finite number; got high"),
        ("accuracies.last.test", float("nan"), "is a finite number; got nan"),
        ("accuracies.last.test", 1000.0, "an accuracy is in \\[0, 100\\] percent; got 1000"),
        ("accuracies.last.epoch", 1.5, "accuracies.last.epoch is a whole number; got 1.5"),
        ("accuracies.last", 5, "accuracies.last is a group of fields; got 5"),
        ("identity.started", 5, "identity.started is a text; got 5"),
        ("identity.seed", "0", "identity.seed is a whole number; got 0"),
        ("identity.choices", [1], "identity.choices is a group of values"),
        ("identity.choices", {"sparsity": "half"}, "a sparsity is a fraction"),
        ("status", "well", "status is one of finished, collapsed, failed; got well"),
        ("costs.flops", 0, "costs.flops is a whole number from 1 on; got 0"),
        ("costs.seconds", {"training": "long"}, "costs.seconds.training is a finite number"),
        ("origin.hardware", "fast", "origin.hardware is a group of values"),
        ("ranks", ["ab", 1], "ranks is a text; got 1"),
        ("importances", [[1.5]], "importances is a whole number; got 1.5"),
        ("identity", None, "identity is a group of fields"),
        ("foo", 1, "unknown field foo"),
        ("format", 3, "this goldpan reads 1 and 2"),
    ],
)
def test_a_record_with_a_wrong_field_is_named(
    place: str, value: Any, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    values = written(path)
    *groups, leaf = place.split(".")
    node = values
    for group in groups:
        node = node[group]
    node[leaf] = value
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match=f"{path} is not a whole record: .*{sentence}"):
        read_record(path)


@pytest.mark.parametrize("part", ["identity", "status"])
def test_a_record_without_a_part_is_named(part: str, tmp_path: Path) -> None:
    values = written(tmp_path / "record.json")
    del values[part]
    (tmp_path / "record.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=f"not a whole record: {part} is missing"):
        read_record(tmp_path / "record.json")


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "5", "", "{", '{"a": 1}', "\x00", "null"])
def test_what_is_no_record_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not a whole record: "):
        read_record(path)


def test_a_folder_or_letters_of_another_encoding_in_the_place_of_a_record_are_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name in ("folder", "bytes"):
        with pytest.raises(ValueError, match=f"{name} is not a whole record: "):
            read_record(tmp_path / name)


@dataclass(frozen=True)
class Part:
    number: float
    many: Mapping[str, int]


@dataclass(frozen=True)
class Whole:
    part: Part | None = None
    word: Literal["a", "b"] = "a"
    pairs: list[list[int]] | None = None


def test_what_is_of_its_type_is_built() -> None:
    values = {"part": {"number": 1, "many": {"a": 2}}, "word": "b", "pairs": [[1], []]}
    assert build(Whole, values) == Whole(Part(1, {"a": 2}), "b", [[1], []])
    assert build(Whole, {"part": None, "pairs": None}) == Whole()


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"part": {"number": "1", "many": {}}}, "part.number"),
        ({"part": {"number": float("inf"), "many": {}}}, "part.number"),
        ({"part": {"number": True, "many": {}}}, "part.number"),
        ({"part": {"number": 1.0, "many": {"a": 2.5}}}, "part.many.a"),
        ({"part": {"number": 1.0, "many": []}}, "part.many"),
        ({"part": {}}, "part.many is missing|part.number is missing"),
        ({"part": 3}, "part"),
        ({"word": "c"}, "word"),
        ({"word": []}, "word"),
        ({"pairs": [[1], ["2"]]}, "pairs"),
        ({"pairs": {}}, "pairs"),
    ],
)
def test_the_part_that_is_not_is_named(values: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"^({name})"):
        build(Whole, values)
