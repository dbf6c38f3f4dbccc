from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from goldpan.runs import identity as module
from goldpan.runs.identity import identity

Configure = Callable[..., DictConfig]


def choices(cfg: DictConfig) -> dict[str, Any]:
    return OmegaConf.to_container(cfg, resolve=True)  # type: ignore[return-value]


KNOWN = {
    "b5e8dde55d34": [],
    "10adcf211731": ["method=synflow", "sparsity=0.99", "seed=1"],
    "0e0f1044c551": ["dataset=cifar10", "model=resnet20", "recipe=grasp"],
}


@pytest.mark.parametrize(("known", "overrides"), KNOWN.items())
def test_known_runs_keep_their_identity(
    known: str, overrides: list[str], configure: Configure
) -> None:
    """If this fails because an option was added, name it in ADDED_LATER with its default."""
    assert identity(choices(configure(*overrides))) == known


@pytest.mark.parametrize(
    "override",
    ["output=/elsewhere", "logger=wandb", "strategy=gpu", "dataset.root=there", "progress=false"],
)
def test_what_decides_no_result_is_left_out(override: str, configure: Configure) -> None:
    assert identity(choices(configure(override))) == identity(choices(configure()))


@pytest.mark.parametrize(
    "override",
    ["seed=1", "sparsity=0.8", "schedule=linear", "strategy.precision=64", "strategy.devices=2"],
)
def test_what_decides_the_result_is_not(override: str, configure: Configure) -> None:
    assert identity(choices(configure(override))) != identity(choices(configure()))


def test_a_policy_counts_where_the_method_takes_one(configure: Configure) -> None:
    one, other = (identity(choices(configure(*typed))) for typed in ([], ["policy=uniform"]))
    assert one == other
    one, other = (
        identity(choices(configure("method=panning", *typed))) for typed in ([], ["policy=uniform"])
    )
    assert one != other


def test_a_folder_of_images_counts_by_name_and_content(
    configure: Configure, tmp_path: Path
) -> None:
    def of(root: Path) -> str:
        return identity(choices(configure("dataset=image_folder", f"dataset.root={root}")))

    for place, content in (("a", b"1"), ("b", b"1"), ("c", b"22")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "photos.zip").write_bytes(content)
    (tmp_path / "a/images/cat").mkdir(parents=True)
    (tmp_path / "b/images/car").mkdir(parents=True)
    one, same, larger = (of(tmp_path / place / "photos.zip") for place in "abc")
    assert one == same != larger
    assert of(tmp_path / "a/images") != of(tmp_path / "b/images")


def test_a_number_is_one_choice_however_it_is_written(configure: Configure) -> None:
    zeros = (identity(choices(configure(f"sparsity={text}"))) for text in ("0", "0.0", "0.00"))
    assert len(set(zeros)) == 1


def test_a_checkpoint_counts_by_its_content(configure: Configure, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.pt", "same.pt", "other.pt")]
    for path, content in zip(paths, (b"1", b"1", b"2"), strict=True):
        path.write_bytes(content)
    one, same, other = (identity(choices(configure(f"checkpoint={path}"))) for path in paths)
    assert one == same != other


def test_an_option_added_later_changes_nothing_at_its_default(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = choices(configure())
    monkeypatch.setitem(module.ADDED_LATER, "recipe.novelty", 0)
    after = choices(configure("+recipe.novelty=0"))
    assert identity(after) == identity(before)
    assert identity(choices(configure("+recipe.novelty=1"))) != identity(before)
