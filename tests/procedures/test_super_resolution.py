from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from goldpan.data.super_resolution import enlarge
from goldpan.procedures.finished import load_finished
from goldpan.procedures.setup import load_data
from goldpan.runs.curve import read_curve
from goldpan.runs.experiment import run
from goldpan.runs.record import Record, read_record
from goldpan.runs.refusal import Refusal
from goldpan.training.super_resolver import psnr

Configure = Callable[..., DictConfig]
SMALL = ("procedure=super_resolution", "dataset=digits", "dataset.limit=120", "model.width=0.25")
SMALL += ("recipe.epochs=2", "sparsity=0.75", "logger=none")
LONGER = ("recipe.epochs=6", "recipe.optimizer.lr=0.02")
GROUPS = {"dataset": "digits", "model": "espcn", "recipe": "espcn"}
METHODS = ["dense", "magnitude", "random", "snip", "static_uniform", "gmp", "iss_p", "rigl"]


def trained(cfg: DictConfig, method: str) -> Record:
    return run(cfg, GROUPS | {"method": method})


@pytest.mark.parametrize("method", METHODS)
def test_methods_of_classifiers_prune_a_network_that_enlarges(
    configure: Configure, tmp_path: Path, method: str
) -> None:
    cfg = configure(*SMALL, f"method={method}", f"output={tmp_path}")
    record = trained(cfg, method)
    asked = 0.0 if method == "dense" else 0.75
    assert record.status == "finished"
    assert record.accuracies is None
    assert record.weights is not None
    assert record.weights.sparsity.got == pytest.approx(asked, abs=1e-3)
    result = record.super_resolution
    assert result is not None
    assert (result.scale, result.last.epoch, result.last.step) == (2, 2, 12)
    assert result.best is not None
    assert 0 < result.last.test < 100
    (path,) = tmp_path.glob("*/record.json")
    assert read_record(path) == record
    assert f"test PSNR {result.last.test:.3f} dB" in record.summary()


def test_the_psnr_is_that_of_the_network_that_was_kept_and_of_bicubic(
    configure: Configure, tmp_path: Path
) -> None:
    cfg = configure(*SMALL, "method=iss_p", *LONGER, f"output={tmp_path}")
    result = trained(cfg, "iss_p").super_resolution
    (folder,) = tmp_path.iterdir()
    net, images = load_finished(folder)
    assert images.image_shape == (1, 4, 4)
    data = load_data(cfg)
    (test,) = data.val_dataloader()[1:]
    pairs = [data.on_after_batch_transfer(batch, 0) for batch in test]
    small, whole = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    assert result is not None
    with torch.no_grad():
        found = psnr(net(small), whole, 2)
    assert len(found) == data.describe()["test"]
    assert result.last.test == pytest.approx(found.mean().item(), rel=1e-5)
    bicubic = psnr(enlarge(small, 2), whole, 2).mean().item()
    assert result.bicubic["test"] == pytest.approx(bicubic, rel=1e-5)
    curve = [row["val/psnr"] for row in read_curve(folder / "metrics.csv")]
    assert len(curve) == 6
    assert curve[-1] > curve[0]


def test_normalised_images_are_refused_before_any_training(
    configure: Configure, tmp_path: Path
) -> None:
    cfg = configure(*SMALL, "method=dense", "dataset.normalization=half", f"output={tmp_path}")
    with pytest.raises(Refusal, match=r"needs pixels in \[0, 1\].*got half"):
        trained(cfg, "dense")
    assert not list(tmp_path.rglob("metrics.csv"))
