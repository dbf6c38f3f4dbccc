"""What stops many cells is said once."""

from pathlib import Path

import pytest

from goldpan.sweeps.cells import Cell, plan
from goldpan.sweeps.ready import check_ready

CONF = Path(__file__).parents[2] / "conf"


def cells(root: Path, dataset: str) -> list[Cell]:
    words = [f"dataset={dataset}", f"dataset.root={root / 'images'}", f"output={root / 'out'}"]
    return plan(["logger=none", "seed=0,1,2", *words], CONF).runs


def test_an_archive_that_is_none_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("no archive")
    with pytest.raises(ValueError, match=r"a tar or a zip, got .*images.* \(in 3 of 3 cells\)$"):
        check_ready(cells(tmp_path, "image_folder"))
    assert not (tmp_path / "out").exists()


def test_a_missing_split_of_imagenet_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "images/train").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"images/val, got no such folder.* \(in 3 of 3 cells\)$"):
        check_ready(cells(tmp_path, "imagenet"))


def test_images_that_are_there_pass_and_the_output_is_made(tmp_path: Path) -> None:
    for place in ("train/a", "train/b", "val/a", "val/b"):
        (tmp_path / "images" / place).mkdir(parents=True)
        (tmp_path / "images" / place / "1.png").touch()
    for dataset in ("imagenet", "image_folder"):
        check_ready(cells(tmp_path, dataset))
    assert (tmp_path / "out").is_dir()
