from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from goldpan.runs.checking import misfit


@dataclass(frozen=True)
class Part:
    number: float
    many: Mapping[str, int]


@dataclass(frozen=True)
class Whole:
    part: Part | None = None
    word: Literal["a", "b"] = "a"
    pairs: list[list[int]] | None = None


def test_what_is_of_its_type_is_none() -> None:
    assert misfit(Whole, Whole(Part(1, {"a": 2}), "b", [[1], []])) is None


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Whole(Part("1", {})), "part.number"),  # type: ignore[arg-type]
        (Whole(Part(float("inf"), {})), "part.number"),
        (Whole(Part(True, {})), "part.number"),
        (Whole(Part(1.0, {"a": 2.5})), "part.many"),  # type: ignore[dict-item]
        (Whole(Part(1.0, [])), "part.many"),  # type: ignore[arg-type]
        (Whole({}), "part"),  # type: ignore[arg-type]
        (Whole(word="c"), "word"),  # type: ignore[arg-type]
        (Whole(pairs=[[1], ["2"]]), "pairs"),  # type: ignore[list-item]
    ],
)
def test_the_part_that_is_not_is_named(value: Any, name: str) -> None:
    assert misfit(Whole, value) == name
