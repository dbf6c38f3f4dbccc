"""Channels removed from trained networks, on the bundled digits, from configuration to record."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from goldpan.procedures.growing import growth_data, growth_stage
from goldpan.procedures.recipe import build_rate
from goldpan.procedures.setup import load_data
from goldpan.procedures.train_prune_finetune import training_stage, tuning_stage
from goldpan.reports.channel_table import channel_row
from goldpan.runs.checkpoint import read_checkpoint
from goldpan.runs.curve import read_curve
from goldpan.runs.experiment import resolve, run
from goldpan.runs.identity import identity
from goldpan.runs.record import BEST, WEIGHTS, Record, read_record
from goldpan.runs.refusal import Refusal
from goldpan.training.length import choose_length

SHORT = ("model.width=0.1", "recipe.epochs=2", "dataset.limit=400", "model.initialization=rni")
GROUPS = {"dataset": "digits", "model": "vgg11", "recipe": "quick"}
METHODS = ["rni", "slimming", "polarization", "uniform"]
Configure = Callable[..., DictConfig]


def do(configure: Configure, method: str, *overrides: str) -> Record:
    groups = GROUPS | {"method": method}
    return run(configure(*SHORT, f"method={method}", *overrides), groups, overrides)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_prunes_and_finetunes(
    method: str, configure: Configure, tmp_path: Path
) -> None:
    begun = perf_counter()
    record = do(configure, method, "sparsity=0.5")
    assert record.status == "finished"
    assert record.sparsity is not None
    assert record.weights is None
    assert record.sparsity.got == pytest.approx(0.5, abs=0.05)
    assert record.channels.parameters_left < 0.7 * record.costs.parameters
    assert record.channels.flops_left < record.costs.flops  # type: ignore[operator]
    assert None not in (record.channels.trained, record.channels.pruned, record.accuracies.last)
    assert [len(both) for both in record.channels.milliseconds.values()] == [2, 2]
    (folder,) = tmp_path.glob(f"digits-vgg11-{method}-*")
    assert (folder / "channels.png").exists()
    assert (
        (folder / "importances.png").exists() == bool(record.importances) == (method != "uniform")
    )
    assert not list(folder.glob("*.ckpt"))
    assert 0 < record.costs.seconds["training"] < perf_counter() - begun


def test_the_first_valley_decides_how_many_channels_go(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked it is one run, and the record's sparsity is what came out."""
    short = ("method.channels.threshold=first_valley", "recipe.epochs=1")
    cfg = configure(*SHORT, "method=polarization", *short, "sparsity=0.9")
    other = configure(*SHORT, "method=polarization", *short, "sparsity=0.5")
    assert identity(resolve(cfg)) == identity(resolve(other))

    def quarter(scores: dict[str, torch.Tensor]) -> float:
        """Two epochs do not part the scales, so where they would be parted is made up."""
        assert sum(len(score) for score in scores.values()) > 100
        return 0.25

    monkeypatch.setattr("goldpan.procedures.train_prune_finetune.fraction_below_valley", quarter)
    record = do(configure, "polarization", *short, "sparsity=0.9")
    assert record.sparsity is not None
    assert record.sparsity.asked == record.sparsity.got == pytest.approx(0.25, abs=0.02)


CONF = Path(__file__).parents[2] / "conf"
CRITERIA = sorted(
    path.stem
    for path in CONF.glob("method/*.yaml")
    if all(part in path.read_text() for part in ("train_prune_finetune\n", "\n  scorer:"))
    and "\n  target: channels" in path.read_text()
)

QUICKER = {"greedy_forward": ("method.channels.scorer.picks=2",)}


def test_greedy_forward_selection_keeps_what_the_network_can_do(configure: Configure) -> None:
    """A tenth of the units, weighed anew, is better than that by magnitude, untuned."""
    words = ("model=mlp", "model.hidden=[400]", "recipe.epochs=40it", "sparsity=0.9")
    picks = "method.channels.scorer.picks=60"
    greedy, filters = (
        run(
            configure(f"method={method}", *words, *more),
            GROUPS | {"method": method, "model": "mlp"},
            [*words, *more],
        )
        for method, *more in (("greedy_forward", picks), ("filter_l1",))
    )
    assert greedy.channels.trained == filters.channels.trained
    assert greedy.channels.pruned.test > filters.channels.pruned.test
    assert greedy.channels.sparsity.layers == {"linear1": 0.9}
    assert greedy.channels.parameters_left == 64 * 40 + 40 + 40 * 10 + 10


@pytest.mark.parametrize("methods", [["taylor"], pytest.param(CRITERIA, marks=pytest.mark.slow)])
def test_criteria_prune_one_training_each_in_its_own_way(
    methods: list[str], configure: Configure, tmp_path: Path
) -> None:
    records = [
        do(configure, name, "sparsity=0.5", "recipe.epochs=5it", *QUICKER.get(name, ()))
        for name in methods
    ]
    assert len(list(tmp_path.glob("trained-*"))) == 1
    assert len({record.sparsity.effective for record in records}) >= len(records) / 2  # type: ignore[union-attr]
    for record in records:
        assert record.sparsity is not None
        assert record.sparsity.got == pytest.approx(0.5, abs=0.05)


GROWTH = "method.channels.growth"


@pytest.mark.parametrize("method", ["greg_1_filters", "greg_2_filters"])
def test_filters_shrink_in_a_training_of_their_own_and_then_go(
    method: str, configure: Configure, tmp_path: Path
) -> None:
    """Of 360 training images a batch of 36 makes 10 steps an epoch, one of 60 makes 6."""
    short = ("recipe.epochs=1", "recipe.batch_size=36", "method.channels.epochs=13it")
    grows = (f"{GROWTH}.batch_size=60", f"{GROWTH}.epochs=2", f"{GROWTH}.interval=1it")
    record = do(configure, method, "sparsity=0.5", *short, *grows)
    assert record.status == "finished"
    assert record.sparsity is not None
    assert record.sparsity.got == pytest.approx(0.5, abs=0.02)
    (curve,) = tmp_path.glob(f"digits-vgg11-{method}-*/growth/metrics.csv")
    assert [row["step"] for row in read_curve(curve)] == [6, 12]
    (tuned,) = tmp_path.glob(f"digits-vgg11-{method}-*/metrics.csv")
    assert [row["step"] for row in read_curve(tuned)] == [10, 13]
    assert not list(tmp_path.rglob("*.ckpt"))


def test_growth_and_finetuning_have_the_rates_and_penalties_of_their_own(
    configure: Configure,
) -> None:
    """A hundredth of the recipe's 0.1 and constant, where the recipe's falls by a cosine."""
    cfg = configure("method=greg_1_filters", f"{GROWTH}.epochs=30it", f"{GROWTH}.batch_size=60")
    data = growth_data(cfg, load_data(cfg))
    stage = growth_stage(cfg, data)
    rate = build_rate(stage.recipe, choose_length(stage.recipe, data.steps_per_epoch))
    assert data.batch_size == 60
    assert stage.recipe.epochs == "30it"
    assert stage.recipe.optimizer.lr * rate(0.9) == pytest.approx(0.001)
    assert cfg.recipe.optimizer.lr == 0.1
    tuning = tuning_stage(cfg, data.steps_per_epoch)
    assert tuning.recipe.optimizer.lr == pytest.approx(0.01)


def test_a_growth_that_cannot_be_is_refused_before_the_training(
    configure: Configure, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match="needs begin <= choose < end <= cut within"):
        do(configure, "greg_1_filters", f"{GROWTH}.choose=0.95")
    with pytest.raises(Refusal, match="batch_size=5000"):
        do(configure, "greg_1_filters", f"{GROWTH}.batch_size=5000")
    assert not list(tmp_path.glob("trained-*"))


def test_a_scorer_of_channels_that_sees_images_says_so_before_the_training(
    configure: Configure, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match=r"missing a required argument: 'batches'.*as in method=tayl"):
        do(configure, "taylor", "~method.channels.sampling")
    with pytest.raises(Refusal, match="expected at least size=5000 training images"):
        do(configure, "taylor", "method.channels.sampling.size=5000")
    assert not list(tmp_path.glob("trained-*"))


def test_fine_tuning_may_be_shorter_than_an_epoch_and_its_seconds_are_its_own(
    configure: Configure,
) -> None:
    """An epoch has five steps here. The accuracy before is measured outside the seconds."""
    start = perf_counter()
    record = do(configure, "uniform", "sparsity=0.5", "method.channels.epochs=2it")
    assert record.accuracies.last.step == 2  # type: ignore[union-attr]
    assert record.channels.trained.step == 10
    assert 0 < record.costs.seconds["training"] < perf_counter() - start  # type: ignore[union-attr]


def test_two_ratios_share_one_training(configure: Configure, tmp_path: Path) -> None:
    first, second = (do(configure, "rni", f"sparsity={ratio}") for ratio in (0.3, 0.6))
    (stage,) = tmp_path.glob("trained-*/record.json")
    trained = read_record(stage)
    assert first.channels.trained == second.channels.trained == trained.accuracies.last
    assert trained.sparsity is not None
    assert trained.sparsity.got == 0
    assert channel_row([second])[0].endswith(" %")


def test_a_training_of_other_code_is_done_again_for_what_is_pruned_now(
    configure: Configure, tmp_path: Path
) -> None:
    do(configure, "uniform", "sparsity=0.3", "recipe.epochs=1")
    (stage,) = tmp_path.glob("trained-*/record.json")
    trained = read_record(stage)
    who = replace(trained.identity, started="2026-01-01T00:00:00+00:00")
    origin = replace(trained.origin, fingerprint="old")
    replace(trained, identity=who, origin=origin).write(stage)
    do(configure, "uniform", "sparsity=0.6", "recipe.epochs=1")
    assert read_record(stage).origin.fingerprint == trained.origin.fingerprint
    assert stage.with_name("record-2026-01-01T00-00-00.json").exists()


def test_rounds_remove_the_same_fraction_each_and_end_where_asked(
    configure: Configure, tmp_path: Path
) -> None:
    rounds = ("sparsity=0.75", "method.channels.rounds=2", "method.channels.epochs=1")
    record = do(configure, "uniform", "model.width=0.25", *rounds)
    assert record.sparsity is not None
    assert record.sparsity.got == pytest.approx(0.75, abs=0.01)
    (first,) = tmp_path.glob("*/round1/metrics.csv")
    assert len(first.read_text().splitlines()) == 2
    assert not list(tmp_path.rglob("*.ckpt"))


def test_singe_is_entwined_with_finetuning(configure: Configure, tmp_path: Path) -> None:
    few = ("method.channels.scorer.steps=2", "method.channels.sampling.size=32")
    record = do(configure, "singe", "sparsity=0.5", "method.channels.rounds=3", *few)
    assert record.sparsity is not None
    assert record.sparsity.got == pytest.approx(0.5, abs=0.02)
    rounds = sorted(curve.parent.name for curve in tmp_path.glob("digits-*/*/metrics.csv"))
    assert rounds == ["round1", "round2"]


@pytest.mark.parametrize("rounds", [1, 2])
def test_an_agent_chooses_within_a_budget_of_parameters(
    rounds: int, configure: Configure, tmp_path: Path
) -> None:
    agent = ("iterations=5", "episodes=2", "start=0.7")
    few = (*(f"method.channels.scorer.{one}" for one in agent), "method.channels.sampling.size=32")
    tuning = (f"method.channels.rounds={rounds}", "method.channels.epochs=1", "recipe.epochs=1")
    begun = perf_counter()
    record = do(configure, "constrained_rl", "sparsity=0.5", *few, *tuning)
    assert record.status == "finished"
    assert record.channels.sparsity.parameters == pytest.approx(0.5, abs=0.03)
    assert record.channels.parameters_left <= 0.5 * record.costs.parameters
    assert 0.1 < record.costs.seconds["scoring"] < perf_counter() - begun


def test_layers_at_their_floor_are_named(configure: Configure) -> None:
    record = do(configure, "uniform", "sparsity=0.9", "method.channels.epochs=1")
    assert record.channels.floored["features.1"] == 3
    assert "channels kept by the floor of their layer: features.1 3" in record.summary()


def test_a_network_without_norms_is_refused(configure: Configure) -> None:
    cfg = configure("method=rni", "model=lenet_300_100", "recipe.epochs=1")
    with pytest.raises(Refusal, match="no BatchNorm2d; rni, slimming and polarization"):
        run(cfg, GROUPS | {"method": "rni"})


def test_the_network_that_was_best_on_test_is_pruned_where_that_is_asked(
    configure: Configure, tmp_path: Path
) -> None:
    """With a rate that destroys the network after its first epoch, the best is not the last."""
    words = ("sparsity=0.3", "prune_from=best_on_test", "method.channels.epochs=1")
    falling = ("recipe.optimizer.lr=3", "recipe.epochs=4", "recipe.optimizer.momentum=0.99")
    record = do(configure, "uniform", *words, *falling)
    (stage,) = tmp_path.glob("trained-*/record.json")
    accuracies = read_record(stage).accuracies
    assert accuracies is not None
    assert accuracies.best_on_test != accuracies.last
    assert record.channels is not None
    assert record.channels.trained == accuracies.best_on_test
    last, best = (read_checkpoint(stage.parent / name) for name in (WEIGHTS, BEST))
    assert any(not torch.equal(value, best[name]) for name, value in last.items())


@pytest.mark.parametrize(
    ("method", "words"),
    [("prospr_channels", ["recipe.epochs=3"]), ("taylor", ["prune_from=untrained"])],
)
def test_channels_go_before_the_only_training(
    method: str, words: list[str], configure: Configure, tmp_path: Path
) -> None:
    record = do(configure, method, "sparsity=0.5", *words)
    assert record.status == "finished"
    assert record.sparsity is not None
    assert record.sparsity.got == pytest.approx(0.5, abs=0.02)
    assert not list(tmp_path.glob("trained-*"))
    (curve,) = tmp_path.rglob("metrics.csv")
    assert len(read_curve(curve)) == (3 if method == "prospr_channels" else 2)
    assert record.channels is not None
    assert record.channels.trained.epoch == 0
    assert record.channels.trained.test < 40


def test_a_penalty_that_is_kept_is_in_the_only_training(configure: Configure) -> None:
    """Of the strength 1, which no loss stands up to, the network learns less."""
    words = ("sparsity=0.5", "prune_from=untrained", "++method.channels.keep_penalty=true")
    learnt = {}
    for strength in (0.001, 1.0):
        record = do(configure, "slimming", *words, f"method.penalty.strength={strength}")
        assert record.channels is not None
        assert record.channels.trained.epoch == 0
        learnt[strength] = record.accuracies.last.train  # type: ignore[union-attr]
    assert learnt[1.0] < learnt[0.001]


def test_pruning_from_another_epoch_is_refused(configure: Configure) -> None:
    with pytest.raises(Refusal, match="prune_from is last, best_on_test or untrained; got first"):
        run(configure("method=uniform", "prune_from=first"), GROUPS | {"method": "uniform"})


@pytest.mark.parametrize("ratio", [0.3, 0.6])
def test_the_training_is_the_same_run_whether_typed_singly_or_in_a_sweep(
    ratio: float, configure: Configure
) -> None:
    typed = configure("method=slimming", f"sparsity={ratio}")
    for cfg in (typed, OmegaConf.create(resolve(typed))):  # a sweep hands on plain values
        assert identity(resolve(training_stage(cfg))) == "67c501b38260"


def test_uniform_is_refused_before_any_work_where_nothing_can_be_removed(
    configure: Configure, tmp_path: Path
) -> None:
    model = ("model=mlp", "model.hidden=[]")
    cfg = configure("method=uniform", *model, "sparsity=0.5")
    with pytest.raises(Refusal, match="has no channels that can be removed"):
        run(cfg, GROUPS | {"method": "uniform"})
    assert not list(tmp_path.glob("trained-*"))


@pytest.mark.parametrize("method", ["constrained_rl", "greg_1_filters"])
def test_a_target_that_the_floors_do_not_allow_is_refused_before_training(
    method: str, configure: Configure, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match="the floor of the layers keeps more flops than sparsity"):
        do(configure, method, "sparsity=0.9999", "method.channels.target=flops")
    assert not list(tmp_path.glob("trained-*"))


def test_a_ratio_below_one_channel_is_refused_before_training(
    configure: Configure, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match=r"sparsity 0\.0001 removes no channel of this"):
        do(configure, "rni", "sparsity=0.0001", "method.channels.allocate.count=nearest")
    assert not list(tmp_path.glob("trained-*"))
