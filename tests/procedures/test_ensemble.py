"""Ensembles on the bundled digits, from configuration to record."""

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from goldpan.procedures.members import title_alone, with_seed
from goldpan.reports.results import results_below
from goldpan.runs.experiment import resolve, run, settle_sparsity
from goldpan.runs.identity import identity
from goldpan.runs.record import Record, read_record
from goldpan.runs.refusal import Refusal

Configure = Callable[..., DictConfig]
TINY = ("model=lenet_300_100", "recipe.epochs=1", "dataset.limit=200", "sparsity=0.8")
TWO = ("procedure=ensemble", "procedure.members=2")
SPLIT = "dataset.split_seed=0"
PHASES = (
    "procedure=ensemble_of_phases",
    "recipe.epochs=5",
    "+method.members._target_=goldpan.training.callbacks.keep_members.KeepMembers",
    "+method.members._partial_=true",
    "+method.members.calendar._target_=goldpan.schedules.calendar.boundaries",
    "+method.members.calendar._partial_=true",
    "+method.members.calendar.first=1ep",
    "+method.members.calendar.interval=2ep",
)


def do(configure: Configure, *overrides: str, method: str = "random") -> Record:
    groups = {"dataset": "digits", "model": "lenet_300_100", "recipe": "quick", "method": method}
    return run(configure(*TINY, f"method={method}", *overrides), groups, overrides)


def test_members_are_runs_with_records_and_the_ensemble_has_its_own(
    configure: Configure, tmp_path: Path
) -> None:
    record = do(configure, *TWO)
    assert record.ensemble is not None
    assert len(list(tmp_path.glob("*/record.json"))) == 3
    for member, seed in zip(record.ensemble.members, (0, 1), strict=True):
        (place,) = tmp_path.glob(f"digits-lenet_300_100-random-0.8-seed{seed}-{member.id}")
        alone = read_record(place / "record.json")
        assert alone.identity.method == "random"
        assert alone.identity.seed == seed
        assert alone.accuracies is not None
        assert member.accuracy == alone.accuracies.last
    assert record.accuracies is not None
    assert record.accuracies.last.test == record.ensemble.test.accuracy
    assert record.sparsity is not None
    assert record.sparsity.got == pytest.approx(0.8, abs=1e-4)
    assert record.flops_kept == pytest.approx(2 * 20, abs=1)
    (path,) = tmp_path.glob(f"*{record.identity.id}/record.json")
    assert read_record(path) == record
    assert "2 members of " in record.summary()
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.parametrize("method", ["random", "snip", "dense"])
def test_a_member_is_the_same_run_typed_alone_or_in_a_sweep(
    configure: Configure, method: str
) -> None:
    alone = identity(resolve(configure(*TINY, f"method={method}", "seed=4")))
    typed = settle_sparsity(configure(*TINY, f"method={method}", *TWO, "seed=3"))
    for cfg in (typed, OmegaConf.create(resolve(typed))):  # a sweep hands on plain values
        assert identity(resolve(with_seed(cfg, 4))) == alone


def test_a_run_that_was_done_alone_is_not_done_again(
    configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    do(configure, "seed=1")
    do(configure, *TWO)
    assert "done before: random on digits" in capsys.readouterr().out
    assert len(list(tmp_path.glob("*/record.json"))) == 3


def test_members_of_other_seeds_differ_in_what_they_say(configure: Configure) -> None:
    record = do(configure, *TWO)
    assert record.ensemble is not None
    assert record.ensemble.test.disagreement > 0
    assert record.ensemble.test.divergence > 0


def test_members_that_held_out_other_images_are_measured_on_the_test_set_alone(
    configure: Configure,
) -> None:
    record = do(configure, *TWO)
    assert record.ensemble is not None
    assert record.ensemble.val is None


def test_members_that_held_out_the_same_images_are_measured_on_them(configure: Configure) -> None:
    record = do(configure, *TWO, SPLIT)
    assert record.ensemble is not None
    assert record.ensemble.val is not None
    assert record.accuracies is not None
    assert record.accuracies.last.val == record.ensemble.val.accuracy


def test_members_that_hold_out_the_last_images_hold_out_the_same_ones(
    configure: Configure,
) -> None:
    words = ("dataset.hold_out=last", "dataset.limit=null", "recipe.batch_size=512")
    record = do(configure, *TWO, *words)
    assert record.ensemble is not None
    assert record.ensemble.val is not None


def test_a_report_shows_the_ensemble_beside_its_members(
    configure: Configure, tmp_path: Path
) -> None:
    record = do(configure, *TWO)
    (panel,) = results_below(tmp_path, "last").panels
    means = {row: panel.cells[row, "0.8"].ours for row in panel.rows}
    assert means.keys() == {"random", "random procedure.members=2 procedure=ensemble"}
    ours = means["random procedure.members=2 procedure=ensemble"]
    assert ours is not None
    assert record.ensemble is not None
    assert ours.mean == record.ensemble.test.accuracy
    assert means["random"] is not None
    assert means["random"].n == 2


def test_phases_of_one_run_are_members(configure: Configure, tmp_path: Path) -> None:
    record = do(configure, *PHASES)
    assert record.ensemble is not None
    first, second = record.ensemble.members
    assert first.id == second.id != record.identity.id
    assert [first.weights, second.weights] == ["member1.pt", "member2.pt"]
    assert first.accuracy.epoch in (2, 3)
    assert second.accuracy.epoch in (4, 5)
    assert record.ensemble.val is not None
    (place,) = tmp_path.glob(f"*{first.id}")
    assert read_record(place / "record.json").ensemble is None


@pytest.mark.parametrize(
    ("title", "alone"),
    [
        ("set procedure=ensemble", "set"),
        (
            "set a.b=[1, 2] procedure.members=[3, 4] procedure=ensemble rounding=ceil",
            "set a.b=[1, 2] rounding=ceil",
        ),
        ("edst", "edst procedure=train"),
    ],
)
def test_a_member_has_the_title_of_its_run_typed_alone(title: str, alone: str) -> None:
    assert title_alone(title) == alone


def test_the_run_of_an_ensemble_of_phases_has_another_name_in_a_report(
    configure: Configure, tmp_path: Path
) -> None:
    words = ("recipe=edst", "recipe.epochs=9", "method.pruner.calendar.interval=4it")
    do(configure, *words, method="edst")
    (panel,) = results_below(tmp_path, "last").panels
    assert {*panel.rows} == {
        "edst method.pruner.calendar.interval=4it",
        "edst method.pruner.calendar.interval=4it procedure=train",
    }


def test_several_runs_give_all_the_networks_that_they_have_kept(configure: Configure) -> None:
    record = do(configure, *PHASES, *TWO)
    assert record.ensemble is not None
    assert len(record.ensemble.members) == 4
    assert len({member.id for member in record.ensemble.members}) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*TWO, "method=rni"), "removes no channels of them; choose a method that cuts weights"),
        ((*TWO, "procedure.members=[3,3]"), r"seeds that differ; got \[3, 3\]"),
        ((*TWO, "procedure.members=1"), "procedure.members is a whole number from 2 on"),
        (("procedure=ensemble_of_phases",), "needs a method with method.members"),
        ((*PHASES, "dataset.validation=0"), "select=best needs validation images"),
        ((*PHASES, "recipe.epochs=2"), "expected two phases or more"),
        ((*PHASES, "compact=true"), "compact=true trains another network"),
    ],
)
def test_what_cannot_be_an_ensemble_is_refused(
    words: tuple[str, ...], sentence: str, configure: Configure, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match=sentence):
        do(configure, *words)
    assert not list(tmp_path.glob("*/record.json"))


def test_weights_that_are_gone_are_named(configure: Configure, tmp_path: Path) -> None:
    do(configure, "seed=1")
    (path,) = tmp_path.glob("*/model.pt")
    path.unlink()
    with pytest.raises(Refusal, match=r"model\.pt of a member is gone; rerun=all"):
        do(configure, *TWO)
