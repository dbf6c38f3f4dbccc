"""Whole runs on the bundled digits, from configuration to record."""

import csv
import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import wandb
from filelock import FileLock
from omegaconf import DictConfig

from goldpan.masks import masked_layers, read_masks, revived
from goldpan.models.vgg import vgg11
from goldpan.runs import experiment
from goldpan.runs.curve import early_stop, read_curve
from goldpan.runs.experiment import make_folder, resolve, run
from goldpan.runs.record import Record, read_record
from goldpan.runs.refusal import Refusal
from goldpan.training.classifier import Classifier

CONF = Path(__file__).parents[2] / "conf"
METHODS = sorted(
    path.stem
    for path in CONF.glob("method/*.yaml")
    if not any(
        word in path.read_text()
        for word in ("channels:", "members:", "- rni\n", "- slimming\n", "@package _global_")
    )
)
# Tested elsewhere: those that remove channels, test_train_prune_finetune.py; in levels,
# test_lottery.py; with members, test_ensemble.py.
SHORT = ("model.width=0.05", "recipe.epochs=2", "dataset.limit=400", "recipe.optimizer.lr=0.05")
Configure = Callable[..., DictConfig]


def do(configure: Configure, *overrides: str) -> Record:
    groups = {"dataset": "digits", "model": "vgg11", "recipe": "quick", "method": "snip"}
    groups |= dict(text.split("=") for text in overrides if text.split("=")[0] in groups)
    return run(configure(*SHORT, *overrides), groups, overrides)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_prunes_trains_and_is_recorded(
    method: str, configure: Configure, agent_file: Path
) -> None:
    overrides = [f"method={method}", "sparsity=0.7", "model.initialization=kaiming_normal_fan_in"]
    pruner = configure(f"method={method}").method.pruner
    if "rounds" in (pruner or {}):
        overrides.append("method.pruner.rounds=3")
    if method == "rl_panning":
        overrides.append(f"agent={agent_file}")
    record = do(configure, *overrides)
    assert record.status == "finished"
    assert record.sparsity is not None
    asked = 0.0 if pruner is None else 0.7  # dense, and penalties that remove nothing
    assert record.sparsity.got == pytest.approx(asked, abs=1e-4)
    assert asked <= record.sparsity.got + 1e-4 <= record.sparsity.effective + 2e-4
    assert record.accuracies.last is not None
    assert record.accuracies.best is not None
    assert record.accuracies.last.epoch == 2
    assert record.accuracies.best.val >= record.accuracies.last.val  # type: ignore[operator]
    assert record.weights.flops_without_cut <= record.costs.flops  # type: ignore[operator]


@pytest.mark.parametrize("method", ["dense", "snip"])
def test_choices_are_resolved_without_a_change_to_the_configuration(
    method: str, configure: Configure
) -> None:
    cfg = configure(f"method={method}")
    before = cfg.copy()
    assert resolve(cfg)["sparsity"] == (0.0 if method == "dense" else 0.9)
    assert cfg == before
    assert cfg.sparsity == 0.9


def test_a_dense_run_says_sparsity_0_wherever_it_writes_it(
    configure: Configure, tmp_path: Path
) -> None:
    record = do(configure, "method=dense", "recipe.epochs=1")
    (folder,) = tmp_path.iterdir()
    assert folder.name == f"digits-vgg11-dense-0-seed0-{record.identity.id}"
    assert record.identity.choices["sparsity"] == 0
    assert "sparsity: 0.0\n" in (folder / "config.yaml").read_text()


def test_a_run_leaves_a_record_a_curve_and_weights_that_load(
    configure: Configure, tmp_path: Path
) -> None:
    record = do(configure)
    (folder,) = tmp_path.iterdir()
    assert folder.name == f"digits-vgg11-snip-0.9-seed0-{record.identity.id}"
    assert sorted(p.name for p in folder.iterdir()) == [
        ".lock",
        "architecture.json",
        "config.yaml",
        "metrics.csv",
        "model.pt",
        "record.json",
    ]
    assert read_record(folder / "record.json") == record
    header, *rows = (folder / "metrics.csv").read_text().splitlines()
    assert len(rows) == 2
    names = header.split(",")
    assert {"epoch", "train/loss", "val/accuracy", "test/accuracy", "lr"} <= set(names)
    rates = [float(row.split(",")[names.index("lr")]) for row in rows]
    assert rates == pytest.approx([0.05, 0.025])  # the cosine's at the start of each epoch
    net = vgg11(10, 1, 8, width=0.05)
    net.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    assert read_masks(net).sparsity == record.sparsity.got  # type: ignore[union-attr]
    assert revived(masked_layers(net).values()) == 0


def test_several_loggers_write_beside_the_runs(configure: Configure, tmp_path: Path) -> None:
    for seed in (0, 1):
        record = do(configure, "recipe.epochs=1", f"seed={seed}", "logger=[wandb,csv]")
    runs = [path.parent.name for path in tmp_path.glob("wandb/offline-run-*/*.wandb")]
    assert len(runs) == 2
    (curve,) = tmp_path.glob(f"csv/*{record.identity.id}/version_0/metrics.csv")
    rows = list(csv.DictReader(curve.read_text().splitlines()))
    last = record.accuracies.last
    assert float(rows[-1]["accuracy"]) == last.test
    found = [float(row["val/accuracy"]) for row in rows if row["val/accuracy"]]
    assert found == pytest.approx([last.val])


def test_a_run_goes_on_offline_where_wandb_cannot_be_reached(
    configure: Configure,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    offline = wandb.init

    def unreachable(**options: Any) -> Any:
        if options["mode"] == "online":
            raise wandb.errors.CommError("no network")
        return offline(**options)

    monkeypatch.setattr(wandb, "init", unreachable)
    record = do(configure, "recipe.epochs=1", "logger=wandb", "logger.mode=online")
    assert record.status == "finished"
    assert (
        "W&B cannot be reached (no network); the run is logged offline" in capsys.readouterr().out
    )
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))


def test_a_run_that_is_done_is_not_done_again(
    configure: Configure, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first = do(configure, "recipe.epochs=1")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert do(configure, "recipe.epochs=1").identity.id == first.identity.id
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert "done before" in capsys.readouterr().out.splitlines()[-1]


def test_the_same_seed_gives_the_same_network_and_another_seed_another(
    configure: Configure, tmp_path: Path
) -> None:
    first = do(configure, "recipe.epochs=1")
    again = do(configure, "recipe.epochs=1", f"output={tmp_path}/again")
    other = do(configure, "recipe.epochs=1", "seed=1")
    assert first.identity.id == again.identity.id != other.identity.id
    assert (first.weights.masks, first.ranks, first.accuracies.last) == (
        again.weights.masks,
        again.ranks,
        again.accuracies.last,
    )
    assert first.weights.masks != other.weights.masks


@pytest.mark.parametrize("method", ["snip", "grasp", "panning"])
def test_training_in_bf16_scores_in_float32_and_is_another_run(
    method: str, configure: Configure
) -> None:
    chosen = (f"method={method}", "method.pruner.rounds=2" if method == "panning" else "seed=0")
    exact, fast = (do(configure, *chosen, f"strategy={name}") for name in ("cpu", "cpu_fast"))
    assert fast.weights.masks == exact.weights.masks
    assert fast.identity.id != exact.identity.id
    assert fast.ranks != exact.ranks


def test_a_collapse_is_a_result(configure: Configure) -> None:
    record = do(configure, "method=magnitude", "sparsity=0.9")
    assert record.status == "collapsed"
    assert record.sparsity is not None
    assert record.sparsity.effective == 1
    assert [name for name, part in record.sparsity.layers.items() if part == 1] == ["linear.weight"]
    assert record.accuracies.last is not None
    assert record.accuracies.last.epoch == 0
    assert record.accuracies.last.test < 20


def test_gradual_pruning_selects_its_best_epoch_at_the_final_sparsity(
    configure: Configure,
) -> None:
    record = do(configure, "method=gmp", "sparsity=0.95", "recipe.epochs=4")
    assert record.sparsity is not None
    assert record.accuracies.best is not None
    assert record.sparsity.got == pytest.approx(0.95, abs=1e-4)
    assert record.accuracies.best.epoch == 4  # pruning ends at 0.77 of the run, in the fourth epoch


def test_a_failure_is_recorded_and_tried_again(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patched:
        patched.setattr(Classifier, "training_step", fail)
        with pytest.raises(RuntimeError, match="out of luck"):
            do(configure)
    (path,) = tmp_path.rglob("record.json")
    values = json.loads(path.read_text())
    assert (values["status"], values["error"]) == ("failed", "RuntimeError: out of luck")
    assert do(configure).status == "finished"
    assert read_record(path).status == "finished"


def test_training_can_start_from_the_weights_of_another_run(
    configure: Configure, tmp_path: Path
) -> None:
    do(configure, "method=dense", "recipe.epochs=1", f"output={tmp_path}/dense")
    (weights,) = tmp_path.glob("dense/*/model.pt")
    record = do(configure, "method=magnitude", "sparsity=0.2", f"checkpoint={weights}")
    assert record.status == "finished"
    assert re.fullmatch("magnitude checkpoint=model.pt@[0-9a-f]{6}", record.identity.method)
    assert str(tmp_path) not in json.dumps(record.identity.choices)


def test_a_twin_that_comes_later_leaves_the_finished_record(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of two processes with one run the second waits for the lock and finds it done."""
    lock = FileLock(tmp_path / "lock")
    taken: list[str] = []

    def wait(*_: object, **__: object) -> FileLock:
        taken.append("lock")
        return lock

    monkeypatch.setattr("goldpan.runs.experiment.FileLock", wait)
    monkeypatch.setattr(Classifier, "on_train_start", lambda self: lock.is_locked or 1 / 0)
    assert do(configure, "recipe.epochs=1").status == "finished"
    assert taken == ["lock"]


def test_a_training_that_diverges_fails_and_says_so(configure: Configure, tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match=r"training diverged: its loss is nan in epoch"):
        do(configure, "method=dense", "recipe.optimizer.lr=1e20")
    (path,) = tmp_path.rglob("record.json")
    assert read_record(path).status == "failed"


def test_dropout_does_not_make_masks_depend_on_what_ran_before(
    configure: Configure, tmp_path: Path
) -> None:
    options = ("model=torchvision", "name=mobilenet_v2", "sparsity=0.5", "dataset.limit=200")
    short = ("recipe.epochs=1", "recipe.batch_size=50", *options)
    groups = {"dataset": "digits", "model": "torchvision", "recipe": "quick", "method": "snip"}
    masks = []
    for place in ("a", "b"):
        torch.manual_seed(ord(place))
        masks.append(run(configure(*short, f"output={tmp_path}/{place}"), groups).weights.masks)
    assert masks[0] == masks[1]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["method=dense", "controls.shuffle=true"], "controls.* check methods that cut weights"),
        (["sparsity=1.0"], "sparsity is a fraction in [0, 1), 0.9 for 90 %; got 1.0"),
        (["sparsity=-0.1"], "sparsity is a fraction in [0, 1), 0.9 for 90 %; got -0.1"),
        (["sparsity=ninety"], "got ninety"),
        (["recipe.batch_size=5000"], "5000"),
        (["method.pruner.sampling.per_class=500"], "500"),
        (["dataset.validation=1.5"], "1.5"),
        (["dataset=image_folder", "dataset.root=nowhere"], "nowhere"),
        (["model=torchvision", "name=resnet51"], "resnet50"),
        (["model.initialization=xavir"], "xavier_normal"),
        (["checkpoint=nowhere.pt"], "nowhere.pt"),
        (["strategy=gpu"], "the strategy needs a GPU"),
        (["strategy=cpu_fast", "recipe.gradient_clip=1.0"], "recipe.optimizer.fused=false"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_bad_input_is_refused_in_a_sentence(
    overrides: list[str], sentence: str, configure: Configure, tmp_path: Path
) -> None:
    short = [text for text in SHORT if "model" not in text or "torchvision" not in str(overrides)]
    groups = {"dataset": "digits", "model": "vgg11", "recipe": "quick", "method": "snip"}
    with pytest.raises(Refusal) as refused:
        run(configure(*short, *overrides), groups)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.rglob("record.json"))


def test_weights_of_another_model_are_refused(configure: Configure, tmp_path: Path) -> None:
    torch.save(vgg11(10, 1, 8, width=0.1).state_dict(), tmp_path / "other.pt")
    with pytest.raises(Refusal, match=r"other\.pt belongs to another model: features\.0\.weight"):
        do(configure, f"checkpoint={tmp_path}/other.pt")


def test_a_file_with_code_in_it_is_refused(configure: Configure, tmp_path: Path) -> None:
    torch.save({"state_dict": Classifier}, tmp_path / "code.pt")
    with pytest.raises(Refusal, match=r"code\.pt is not a checkpoint that can be loaded safely"):
        do(configure, f"checkpoint={tmp_path}/code.pt")


def test_an_output_that_cannot_be_written_is_refused(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match=r"cannot be written \(.*\); choose another output=FOLDER"):
        do(configure, f"output={tmp_path}/file/runs")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write anywhere")
def test_a_read_only_output_is_said_before_any_work(configure: Configure, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(Refusal, match=r"cannot be written \(Permission denied\); choose another"):
        do(configure)
    assert not list(tmp_path.iterdir())


def test_a_read_only_disk_is_said_before_any_work(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**where: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(where["dir"]))

    monkeypatch.setattr(experiment, "TemporaryFile", refuse)
    with pytest.raises(Refusal, match=r"cannot be written \(Read-only file system\); choose ano"):
        do(configure)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_folder_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"file/run cannot be written \(Not a directory\)"):
        make_folder(tmp_path / "file/run")


def test_a_training_of_steps_prunes_by_its_calendar_and_is_evaluated_at_each_interval(
    configure: Configure, tmp_path: Path
) -> None:
    """Of 360 training images in batches of 64 there are five steps an epoch."""
    length = ("recipe.epochs=17it", "recipe.evaluate_every=4it")
    record = do(configure, "method=gmp", *length)
    assert record.weights is not None
    assert record.weights.sparsity.got == pytest.approx(0.9, abs=1e-4)
    assert record.accuracies is not None
    assert (record.accuracies.last.epoch, record.accuracies.last.step) == (4, 17)
    (path,) = tmp_path.glob("*/metrics.csv")
    rows = read_curve(path)
    assert [(row["epoch"], row["step"]) for row in rows] == [
        (1, 4), (2, 8), (3, 12), (4, 16), (4, 17)
    ]  # fmt: skip
    assert early_stop(rows) in [row["step"] for row in rows]
