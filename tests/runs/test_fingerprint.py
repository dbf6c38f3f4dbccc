"""Which code and which images a fingerprint counts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig

from goldpan.runs import fingerprint as module
from goldpan.runs.experiment import resolve
from goldpan.runs.fingerprint import changed, code_fingerprint, fingerprint
from goldpan.runs.identity import without_paths

Configure = Callable[..., DictConfig]


def named(choices: Any, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The dotted names whose code counts."""
    found: list[set[str]] = []
    monkeypatch.setattr(module, "code_digest", lambda names: found.append({*names}))
    code_fingerprint(choices)
    return found[0]


def test_everything_that_the_choices_name_counts_but_what_only_logs(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = named(resolve(configure("logger=wandb")), monkeypatch)
    assert {
        "goldpan.scorers.snip.snip",
        "goldpan.training.callbacks.prune_before.PruneBefore",
        "goldpan.models.vgg.vgg11",
        "goldpan.data.vision.VisionData",
        "goldpan.procedures.train.train",
    } <= found
    assert not any("wandb" in name or "launchers" in name for name in found)


def test_pannings_indices_count(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    found = named(resolve(configure("method=panning")), monkeypatch)
    assert {f"goldpan.scorers.{name}.{name}" for name in ("snip", "grasp", "synflow")} <= found
    assert "goldpan.panning.policies.Staircase" in found


def test_methods_differ_and_seeds_do_not(configure: Configure) -> None:
    one, same, other = (
        code_fingerprint(resolve(configure(*words)))
        for words in ([], ["seed=1", "sparsity=0.5"], ["method=grasp"])
    )
    assert one == same != other
    assert len(one) == 12


def test_a_records_choices_suffice_for_the_code(configure: Configure) -> None:
    choices = resolve(configure("method=panning"))
    assert code_fingerprint(without_paths(choices)) == code_fingerprint(choices)


def test_images_count_where_they_are_the_users_own(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "photos.zip").write_bytes(b"photos")
    typed = [f"dataset.root={tmp_path / 'photos.zip'}", f"dataset.cache={tmp_path / 'cache'}"]
    own = fingerprint(resolve(configure("dataset=image_folder", *typed)))
    assert len(own.partition("+")[2]) == 12
    assert "+" not in fingerprint(resolve(configure()))


@pytest.mark.parametrize(
    ("before", "today", "part"),
    [
        ("a+b", "a+b", ""),
        ("a+b", "c+b", "code"),
        ("a+b", "a+c", "images"),
        ("a+b", "c+d", "code and images"),
        ("a", "c", "code"),
        ("", "a+b", ""),
        ("a+b", "a", ""),
        ("+b", "a+c", "images"),
    ],
)
def test_a_part_that_is_unknown_has_not_changed(before: str, today: str, part: str) -> None:
    assert changed(before, today) == part
