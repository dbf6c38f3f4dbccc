"""Choices that are each right and exclude each other."""

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from goldpan.duration import Duration

Choices = Mapping[str, Any]

CHANNEL_PROCEDURES = {
    "train_prune_finetune": "rni",
    "thin_when_stable": "early_bird",
    "stamp": "stamp",
}
"""Procedures that remove channels, and a method of each."""


def check_together(choices: Choices) -> None:
    """Raise ValueError, in one sentence, for two choices that exclude each other.

    FileNotFoundError says that a chosen file does not exist.
    """
    for check in (
        _method,
        _procedure,
        _threshold,
        _stable,
        _ensemble,
        _super_resolution,
        _policy,
        _model,
        _recipe,
        _strategy,
        _files,
        _logger,
    ):
        check(choices)


def _method(choices: Choices) -> None:
    pruner, channels = choices["method"]["pruner"], choices["method"].get("channels")
    if pruner is None and any(choices["controls"].values()):
        raise ValueError("controls.* check methods that cut weights; this method cuts none")
    if pruner is not None and channels is not None:
        raise ValueError("a method cuts weights or channels; set method.pruner or method.channels")
    initial = ((pruner or {}).get("schedule") or {}).get("initial", 0)
    if initial > choices["sparsity"]:
        raise ValueError(
            f"the schedule rises from initial={initial} to the sparsity; got "
            f"sparsity={choices['sparsity']}, which lies below it; choose a smaller initial"
        )
    optimizer = choices["recipe"]["optimizer"]
    remembers = optimizer.get("momentum") or "Adam" in optimizer["_target_"]
    if (pruner or {}).get("dense_momentum") and not remembers:
        raise ValueError(
            "this method grows weights by the optimizer's momentum, and the optimizer has none; "
            "set recipe.optimizer.momentum=0.9"
        )
    for part, options in (("pruner", pruner), ("channels", channels)):
        sampling = (options or {}).get("sampling")
        if sampling and (sampling.get("per_class") is None) == (sampling.get("size") is None):
            raise ValueError(
                f"method.{part}.sampling has either per_class or size; got "
                f"per_class={sampling.get('per_class')} and size={sampling.get('size')}; set the "
                "other to null"
            )


def _procedure(choices: Choices) -> None:
    """A procedure does what the method asks for."""
    shape = choices["procedure"]["_target_"].rpartition(".")[2]
    channels = choices["method"].get("channels")
    own = _removes(channels or {})
    if shape == "train" and channels is not None and choices["sparsity"] > 0:
        raise ValueError(
            f"procedure=train removes no channels, so sparsity={choices['sparsity']} of this method"
            f" would be none; choose procedure={own}, or sparsity=0"
        )
    if shape in CHANNEL_PROCEDURES and channels is None:
        raise ValueError(
            f"procedure={shape} needs a method that removes channels, such as "
            f"method={CHANNEL_PROCEDURES[shape]}; for this one choose procedure=train"
        )
    if shape in CHANNEL_PROCEDURES and shape != own:
        raise ValueError(
            f"procedure={shape} is not how this method removes channels; choose procedure={own}"
        )
    if shape in ("agent", "compare_policies"):
        _policies_alone(choices, shape)
    if shape == "agent":
        _agent(choices)
        if choices["seed"] >= 2**32:
            raise ValueError(f"seed is below 2**32 for procedure=agent; got {choices['seed']}")
    if shape == "lottery":
        _levels(choices)
    if shape == "stamp":
        _stamp(choices)


def _removes(channels: Mapping[str, Any]) -> str:
    """The procedure by which a method removes channels."""
    if "generator" in channels:
        return "stamp"
    return "thin_when_stable" if "stable" in channels else "train_prune_finetune"


def _stamp(choices: Choices) -> None:
    """Channels go once, of the reference's last network, for a part of the classes."""
    channels, target = choices["method"]["channels"], choices["dataset"].get("only_classes")
    for name, value in (("prune_from", "last"), ("rounds", 1)):
        if (got := channels.get(name, value)) != value:
            raise ValueError(
                f"procedure=stamp removes channels once, of the network that a reference gave; set "
                f"method.channels.{name}={value}; got {got}"
            )
    if target is None:
        raise ValueError(
            "procedure=stamp prunes for some classes after a training on others; say which, such "
            "as dataset.only_classes=[5,6,7,8,9]"
        )


def _policies_alone(choices: Choices, shape: str) -> None:
    """Episodes are played on a network as it is drawn."""
    pruner = choices["method"]["pruner"]
    if any(choices["controls"].values()) or choices["checkpoint"] is not None:
        raise ValueError(f"procedure={shape} takes no controls.* and no checkpoint")
    if pruner is None or not pruner["_target_"].endswith(".Pan"):
        other = "" if shape == "agent" else " or method=rl_panning"
        raise ValueError(f"procedure={shape} is for panning; choose method=panning{other}")


def _agent(choices: Choices) -> None:
    """An agent is trained at sparsities from low to high."""
    for interval in choices["procedure"]["environment"]["targets"]:
        if interval != sorted(interval):
            raise ValueError(
                "procedure.environment.targets are intervals of sparsity, [low, high]; got "
                f"{interval}"
            )


def _threshold(choices: Choices) -> None:
    """A threshold that the scales show is one for all channels, and found once."""
    channels = choices["method"].get("channels") or {}
    if channels.get("threshold") != "first_valley":
        return
    allocate = channels["allocate"]["_target_"].rpartition(".")[2]
    needed = {"allocate": "global_channels", "target": "channels", "rounds": 1}
    for name, value in needed.items():
        got = allocate if name == "allocate" else channels.get(name, value)
        if got != value:
            raise ValueError(
                f"method.channels.threshold=first_valley needs method.channels.{name}={value}; got "
                f"{got}; or choose threshold=ratio"
            )


def _stable(choices: Choices) -> None:
    """Channels that go in the middle of a training need its time, and take `compact`'s place."""
    channels = choices["method"].get("channels") or {}
    for name, group in (("rate", channels), ("growth.rate", channels.get("growth") or {})):
        if "rate" in group and "lr" not in choices["recipe"]["optimizer"]:
            raise ValueError(
                f"method.channels.{name} is a factor on recipe.optimizer.lr, which is missing; say "
                "one, such as +recipe.optimizer.lr=0.1"
            )
    if channels.get("prune_from") == "untrained" and choices["method"].get("penalty"):
        raise ValueError(
            "prune_from=untrained removes channels before any training, and the method's penalty "
            "is of a training before that; choose prune_from=last, or a method without one"
        )
    if "stable" not in channels:
        missing = [name for name in ("epochs", "rounds") if channels and name not in channels]
        if missing:
            raise ValueError(
                f"method.channels.{missing[0]} is missing; fine-tuning needs it, as in method=rni"
            )
        return
    if choices["compact"]:
        raise ValueError(
            "compact=true takes out what masks leave dead, and this method has no masks: it "
            "removes channels for good in the training; choose compact=false"
        )
    after = ("epochs", "rounds", "rate", "growth", "prune_from", "threshold")
    strange = [name for name in after if name in channels]
    if strange:
        raise ValueError(
            f"method.channels.{strange[0]} is for methods that remove channels after a training; "
            f"this one does so within it: leave it out, or choose one such as method=slimming"
        )
    stable, asked = channels["stable"], choices["recipe"]["epochs"]
    first, length = stable["earlier"] + (not stable["untrained"]), Duration.parse(asked)
    if length.unit == "ep" and length.amount <= first:
        raise ValueError(
            f"this method can remove channels after epoch {first} at the earliest and trains on; "
            f"got recipe.epochs={asked}; choose {first + 1} or more"
        )


def _ensemble(choices: Choices) -> None:
    """An ensemble's members are networks of one size that differ."""
    procedure, method, data = choices["procedure"], choices["method"], choices["dataset"]
    shape, kept = procedure["_target_"].rpartition(".")[2], method.get("members")
    if shape in ("ensemble", "ensemble_of_phases") and method.get("channels") is not None:
        raise ValueError(
            f"procedure={shape} trains its members and removes no channels of them; choose a "
            "method that cuts weights"
        )
    seeds = procedure.get("members")
    if isinstance(seeds, list) and len(set(seeds)) < len(seeds):
        raise ValueError(f"procedure.members are seeds that differ; got {seeds}")
    if shape == "ensemble_of_phases" and kept is None:
        raise ValueError(
            "procedure=ensemble_of_phases needs a method with method.members, such as method=edst; "
            "for this one choose procedure=ensemble, whose members are runs"
        )
    if kept is not None and kept.get("select", "best") == "best" and not data.get("validation"):
        raise ValueError(
            "method.members.select=best needs validation images; set dataset.validation above 0, "
            "or method.members.select=last"
        )
    if kept is not None and choices["compact"]:
        raise ValueError("compact=true trains another network than method.members keeps; drop it")


ENLARGING = {
    "dataset=cifar10": ("dataset", "SuperResolutionData"),
    "model=resnet20": ("model", "espcn"),
    "recipe.loss=cross_entropy": ("recipe.loss", "l1 mse"),
}
"""A choice of classification -> where it stands, and what super-resolution has there."""


def _super_resolution(choices: Choices) -> None:
    """A task has its own data, networks and losses, and methods of super-resolution cut weights."""
    shape, method = choices["procedure"]["_target_"].rpartition(".")[2], choices["method"]
    enlarges = shape == "super_resolution"
    for other, (name, words) in ENLARGING.items():
        first, _, leaf = name.partition(".")
        found = str(choices[first][leaf or "_target_"]).rpartition(".")[2]
        if enlarges and found not in words.split():
            raise ValueError(
                f"procedure=super_resolution needs a {name} of {' or '.join(words.split())}; got "
                f"{found}"
            )
        if not enlarges and found in words.split():
            raise ValueError(
                f"{found} is for procedure=super_resolution; choose that, or such as {other}"
            )
    if enlarges and (method.get("channels") or method.get("members")):
        raise ValueError(
            "procedure=super_resolution measures one network whose weights are cut; choose a "
            "method that cuts weights and keeps no members"
        )


def _levels(choices: Choices) -> None:
    """What procedure=lottery can do with the method, and where it can rewind to."""
    procedure, pruner = choices["procedure"], choices["method"]["pruner"]
    weights, rate = (procedure["rewind"][name] for name in ("weights", "rate"))
    epochs, length = procedure["epochs"], Duration.parse(choices["recipe"]["epochs"])
    if not pruner or not pruner["_target_"].endswith(".PruneBefore") or pruner["rounds"] != 1:
        raise ValueError(
            "procedure=lottery needs a method that scores weights once, such as method=lottery or "
            "method=magnitude"
        )
    if choices["compact"]:
        raise ValueError("compact=true cannot be used with procedure=lottery; leave it out")
    layerwise = pruner["allocator"]["_target_"].endswith(".layerwise")
    if procedure["last_rate"] is not None and not layerwise:
        raise ValueError("procedure.last_rate needs allocation=layerwise; choose that, or null")
    if weights is not None and rate and epochs is not None:
        raise ValueError(
            "procedure.epochs follows from procedure.rewind.weights if the rate is rewound too; "
            f"got {epochs}; set one of the two to null"
        )
    # Epochs and steps can be compared when the images are known; until then only like with like.
    point = Duration(0, "it") if weights is None else Duration.parse(weights)
    ends = (length, Duration(1, "run"))
    if any(point.unit == end.unit and point.amount >= end.amount for end in ends):
        raise ValueError(
            f"procedure.rewind.weights={weights} is not before the end of a training of {length}; "
            "choose an earlier point"
        )
    again = length if epochs is None else Duration.parse(epochs)
    if rate and again.unit == length.unit and again.amount > length.amount:
        raise ValueError(
            f"procedure.epochs={epochs} rewinds the rate past the beginning of a training of "
            f"{length}; choose at most {length.amount:g}"
        )


def _policy(choices: Choices) -> None:
    policy, pruner = choices.get("policy"), choices["method"]["pruner"]
    if policy and "file" in policy and policy["file"] != choices["agent"]:
        raise ValueError("say agent=FILE instead of policy.file=FILE: the agent's content counts")
    if not pruner or "policy" not in pruner:
        return
    if policy is None:
        raise ValueError("this method needs a policy; choose one, such as policy=staircase")
    if "file" in policy and choices["agent"] is None:
        raise ValueError(
            "policy=learned, as in method=rl_panning, needs a trained agent: agent=FILE, which "
            "procedure=agent writes"
        )
    if "index" in policy and policy["index"] not in pruner.get("indices", ()):
        raise ValueError(
            f"policy.index is one of method.pruner.indices, {', '.join(pruner['indices'])}; got "
            f"{policy['index']}"
        )
    stairs, weights = policy.get("stairs"), policy.get("weights")
    if stairs is None or weights is None:
        return
    if stairs != sorted(stairs):
        raise ValueError(f"policy.stairs rise; got {stairs}")
    if len(weights) != len(stairs) + 1:
        raise ValueError(
            f"policy.weights has a row for each of {len(stairs) + 1} stages, one more than "
            f"policy.stairs; got {len(weights)}"
        )
    indices = pruner.get("indices", ())
    for row in weights:
        if len(row) != len(indices) or not any(row):
            raise ValueError(
                f"a row of policy.weights has a weight for each of {', '.join(indices)}, not all "
                f"0; got {row}"
            )


def _model(choices: Choices) -> None:
    model, name = choices["model"], choices["name"]
    if "name" not in model and name is not None:
        raise ValueError(
            f"this model takes no name, got name={name}; delete it, or choose model=torchvision "
            "or model=timm"
        )
    if "name" in model and model["name"] is None:
        raise ValueError("this model needs the name of a network; say which, such as name=resnet18")
    if choices["controls"]["reinitialize"] and (model.get("weights") or model.get("pretrained")):
        raise ValueError(
            "controls.reinitialize draws the weights anew, and pretrained ones would be loaded "
            "again; leave out model.weights or model.pretrained, or the control"
        )
    if model.get("bias") == "prunable" and (
        choices["method"].get("channels") or choices["compact"]
    ):
        raise ValueError(
            "model.bias=prunable is for methods that cut weights, without compact=true; set "
            "model.bias to true or false"
        )


def _recipe(choices: Choices) -> None:
    recipe, optimizer = choices["recipe"], choices["recipe"]["optimizer"]
    if optimizer.get("nesterov") and (not optimizer.get("momentum") or optimizer.get("dampening")):
        raise ValueError(
            "recipe.optimizer.nesterov needs momentum above 0 and no dampening; got "
            f"momentum={optimizer.get('momentum', 0)}; set recipe.optimizer.nesterov=false"
        )
    if optimizer.get("fused") and optimizer.get("foreach"):
        raise ValueError("recipe.optimizer.fused and foreach exclude each other; set one to false")
    if recipe["label_smoothing"] and recipe["loss"] != "cross_entropy":
        raise ValueError(
            f"recipe.label_smoothing is of recipe.loss=cross_entropy; got {recipe['loss']}; set one"
            " of them to its default"
        )
    if recipe.get("warm_up") is not None and recipe["rate_moves"] == "epoch":
        raise ValueError(
            f"recipe.warm_up={recipe['warm_up']} rises step by step, and recipe.rate_moves=epoch "
            "would leave the first epoch at rate 0; set recipe.rate_moves=step"
        )
    milestones = recipe["learning_rate"].get("milestones", [])
    times = [Duration.parse(one) for one in milestones]
    for unit in {time.unit for time in times}:  # of several units it is known when the images are
        amounts = [time.amount for time in times if time.unit == unit]
        if amounts != sorted(amounts):
            raise ValueError(f"recipe.learning_rate.milestones rise; got {milestones}")
    scaled = choices["strategy"]["precision"].endswith("mixed")
    # Lightning 2.6.6 takes a fused optimizer for one that unscales, in bf16 too (its issue 21435).
    if recipe["gradient_clip"] and scaled and optimizer.get("fused"):
        raise ValueError(
            f"recipe.gradient_clip={recipe['gradient_clip']} at {choices['strategy']['precision']} "
            "needs recipe.optimizer.fused=false"
        )


def _strategy(choices: Choices) -> None:
    strategy, batch = choices["strategy"], choices["recipe"]["batch_size"]
    devices, precision = strategy["devices"], strategy["precision"]
    if strategy["sparse_linear"] and (
        strategy["accelerator"] != "cpu" or precision != "32-true" or strategy["compile"]
    ):
        raise ValueError(
            "strategy.sparse_linear=true is for the CPU, strategy.precision=32-true and "
            "strategy.compile=false; choose these, or strategy.sparse_linear=false"
        )
    if strategy["accelerator"] == "cpu" and precision in ("16-mixed", "16-true"):
        raise ValueError(
            f"strategy.precision={precision} needs a GPU; on the CPU choose bf16-mixed or 32-true"
        )
    if strategy["accelerator"] == "cpu" and isinstance(devices, list):
        raise ValueError(
            f"strategy.devices is a number of processes on the CPU; got {devices}, a list of GPUs"
        )
    processes = len(devices) if isinstance(devices, list) else devices
    if isinstance(processes, int) and batch % processes:
        raise ValueError(
            f"{processes} processes share recipe.batch_size evenly; got {batch}, and "
            f"{batch // processes * processes or processes} or "
            f"{(batch // processes + 1) * processes} would do"
        )


def _files(choices: Choices) -> None:
    for name in ("checkpoint", "agent"):
        path = choices[name]
        if path is not None and not Path(path).is_file():
            found = "a folder" if Path(path).is_dir() else "nothing there"
            raise FileNotFoundError(
                f"{name} is a file; got {path}, {found}; say where it is, or {name}=null"
            )
    output = Path(choices["output"])
    existing = next((place for place in (output, *output.parents) if place.exists()), None)
    if existing is not None and not existing.is_dir():
        raise ValueError(
            f"{output} cannot be written ({existing} is a file); choose another output=FOLDER"
        )


WANDB_WORDS = {
    "WANDB_MODE": r"online|offline|disabled|dryrun|run|shared",
    "WANDB_RESUME": r"allow|must|never|auto|true|1",
    "WANDB_PROJECT": r"[^/\\#?%:]{0,128}",
    "WANDB_ENTITY": r"[^/\\#?%:]{0,128}",
    "WANDB_RUN_ID": r"[^/\\#?%:]{0,128}",
    "WANDB_RUN_GROUP": r".{0,128}",
    "WANDB_BASE_URL": r"https?://[^/\s]+.*",
    "WANDB_SILENT": r"(?i)true|false|0|1|t|f|y|n|yes|no|on|off",
    "WANDB_CONSOLE": r"auto|off|wrap|redirect|wrap_raw|wrap_emu",
    "WANDB_INIT_TIMEOUT": r"\d+(\.\d+)?",
}
"""W&B reads these variables itself and raises where they have another form."""


LIBRARIES = {
    "TensorBoardLogger": "tensorboard",
    "MLFlowLogger": "mlflow",
    "CometLogger": "comet_ml",
    "NeptuneLogger": "neptune",
}
"""Lightning's loggers, and the package that each needs."""


def _logger(choices: Choices) -> None:
    logger = choices.get("logger") or {}
    parts = [part for part in (logger, *logger.values()) if isinstance(part, Mapping)]
    targets = [str(part["_target_"]) for part in parts if "_target_" in part]
    for target in targets:
        library = LIBRARIES.get(target.rpartition(".")[2])
        if library and target.startswith("pytorch_lightning.") and find_spec(library) is None:
            raise ValueError(
                f"{target} needs the package {library}, which is not installed: "
                f"pip install {library}, or choose another logger"
            )
    if any(target.startswith("wandb.") for target in targets):
        _environment()


def _environment() -> None:
    for name, form in WANDB_WORDS.items():
        value = os.environ.get(name, "")
        if value and not re.fullmatch(form, value):
            raise ValueError(
                f"W&B cannot take the environment variable {name}={value}; unset it, or choose "
                "logger=none"
            )
