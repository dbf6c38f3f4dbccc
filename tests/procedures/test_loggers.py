"""Which loggers a run opens, what W&B is asked for, and that W&B ends no run."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import wandb
from omegaconf import DictConfig

from goldpan.procedures.loggers import Wandb, close_loggers, open_loggers, read_parts
from goldpan.runs.experiment import plan_run, resolve
from goldpan.runs.record import CHECKPOINT, Record
from goldpan.runs.results import Accuracies, Accuracy

Configure = Callable[..., DictConfig]
GROUPS = {"dataset": "digits", "model": "vgg11", "recipe": "quick", "method": "snip"}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROJECT", "MODE", "ENTITY", "DIR", "TAGS", "RUN_GROUP", "NOTES"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What wandb.init was called with."""
    calls = list[dict[str, Any]]()

    def init(**options: Any) -> Any:
        calls.append(options)
        return SimpleNamespace(define_metric=lambda *names, **how: None)

    monkeypatch.setattr(wandb, "init", init)
    return calls


def start(configure: Configure, *words: str) -> tuple[Record, Path]:
    """Open the loggers of a run with these words; its draft and its folder."""
    cfg = configure("logger=wandb", *words)
    draft, folder = plan_run(resolve(cfg), GROUPS, words)
    open_loggers(cfg, folder, draft.identity)
    return draft, folder


def test_wandb_is_offline_in_the_project_goldpan_if_nothing_is_said(
    configure: Configure, asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    draft, _ = start(configure)
    (call,) = asked
    assert (call["project"], call["mode"], call["id"]) == ("goldpan", "offline", draft.identity.id)
    assert call["dir"] == tmp_path
    assert call["config"]["method"] == "snip"
    assert call["tags"] == ["digits", "vgg11", "quick", "snip"]
    assert not {"entity", "group", "notes"} & call.keys()


def test_a_variable_counts_where_nothing_is_typed(
    configure: Configure, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PROJECT", "MODE", "DIR", "TAGS"):
        monkeypatch.setenv(f"WANDB_{name}", "offline" if name == "MODE" else "there")
    start(configure)
    start(configure, "logger.project=typed", "logger.mode=online", "logger.entity=us")
    assert not {"project", "mode", "dir"} & asked[0].keys()
    assert asked[0]["tags"][0] == "there"
    assert [asked[1][name] for name in ("project", "mode", "entity")] == ["typed", "online", "us"]


def test_what_wandb_would_refuse_as_too_long_is_cut(
    configure: Configure, asked: list[dict[str, Any]]
) -> None:
    long = "x" * 200
    start(configure, f"logger.tags=[{long},mine,mine]", f"logger.group={long}", "logger.notes=why")
    (call,) = asked
    assert call["tags"][:2] == ["x" * 63 + "…", "mine"]
    assert call["group"] == "x" * 127 + "…"
    assert call["notes"] == "why"
    wandb.Settings(run_tags=call["tags"])  # W&B checks them itself


def test_a_run_is_resumed_only_where_it_has_a_checkpoint(
    configure: Configure, asked: list[dict[str, Any]]
) -> None:
    _, folder = start(configure)
    folder.mkdir()
    (folder / CHECKPOINT).touch()
    start(configure)
    assert [call.get("resume") for call in asked] == [None, "allow"]


def test_the_step_of_wandb_is_that_of_the_training_and_never_falls(configure: Configure) -> None:
    rows = list[tuple[int | None, dict[str, float]]]()
    run = SimpleNamespace(
        id="a",
        define_metric=lambda *names, **how: None,
        log=lambda metrics, step=None: rows.append((step, metrics)),
    )
    logger = Wandb(run, first=100)
    logger.log_metrics({"panning/round": 1.0})
    logger.log_metrics({"sparsity/linear": 0.9}, step=20)
    logger.log_metrics({"val/accuracy": 50.0}, step=19)
    assert rows == [
        (None, {"panning/round": 1.0}),
        (120, {"sparsity/linear": 0.9, "trainer/global_step": 20}),
        (120, {"val/accuracy": 50.0, "trainer/global_step": 19}),
    ]


def test_each_part_with_a_target_is_a_logger(configure: Configure) -> None:
    both = resolve(configure("logger=[wandb,tensorboard,csv]"))["logger"]
    parts = read_parts(both)
    assert [*parts] == ["logger", "tensorboard", "csv"]
    assert "csv" not in parts["logger"]
    assert read_parts(resolve(configure("logger=none"))["logger"]) == {}


def test_a_logger_of_lightning_is_named_by_its_target(configure: Configure, tmp_path: Path) -> None:
    cfg = configure("logger=none", "+logger._target_=pytorch_lightning.loggers.CSVLogger")
    draft, folder = plan_run(resolve(cfg), GROUPS, [])
    (logger,) = open_loggers(cfg, folder, draft.identity)
    assert Path(str(logger.log_dir)).parent == tmp_path / "csv" / folder.name


@pytest.mark.skipif(not find_spec("tensorboard"), reason="tensorboard is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of its protocol buffers
def test_tensorboard_has_the_choices_and_the_figures(configure: Configure, tmp_path: Path) -> None:
    cfg = configure("logger=tensorboard")
    draft, folder = plan_run(resolve(cfg), GROUPS, [])
    loggers = open_loggers(cfg, folder, draft.identity)
    loggers[0].log_metrics({"val/accuracy": 50.0}, step=20)
    record = replace(draft, accuracies=Accuracies(Accuracy(1, 80.0)))
    close_loggers(loggers, record, [])
    files = [*(tmp_path / "tensorboard" / folder.name).glob("events*")]
    written = b"".join(file.read_bytes() for file in files)
    assert all(word in written for word in (b"val/accuracy", b"accuracy", b"global_top"))


def test_no_logger_at_all_is_none(configure: Configure) -> None:
    for words in (["logger=none"], ["~logger"]):
        cfg = configure(*words)
        draft, folder = plan_run(resolve(cfg), GROUPS, [])
        assert open_loggers(cfg, folder, draft.identity) == []


def test_wandb_that_breaks_is_said_once_and_ends_no_run(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise BrokenPipeError("its service\nis gone")

    gone = SimpleNamespace(id="a", log=fail, define_metric=fail, summary={}, finish=fail)
    logger, draft = Wandb(gone), plan_run(resolve(configure()), GROUPS, [])[0]
    logger.log_metrics({"val/accuracy": 1.0}, step=1)
    logger.log_metrics({"val/accuracy": 2.0}, step=2)
    logger.close(draft, [])
    said = "W&B stopped (its service is gone); the run goes on, its record is the truth\n"
    assert capsys.readouterr().out == said
