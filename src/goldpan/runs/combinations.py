"""Choices that are each right and exclude each other."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from goldpan.duration import Duration

Choices = Mapping[str, Any]


def check_together(choices: Choices) -> None:
    """Raise ValueError, in one sentence, for two choices that exclude each other.

    FileNotFoundError says that a chosen file does not exist.
    """
    for check in (_method, _procedure, _policy, _model, _recipe, _strategy, _files, _logger):
        check(choices)


def _method(choices: Choices) -> None:
    pruner, channels = choices["method"]["pruner"], choices["method"].get("channels")
    if pruner is None and any(choices["controls"].values()):
        raise ValueError("controls.* check methods that cut weights; this method cuts none")
    if pruner is not None and channels is not None:
        raise ValueError("a method cuts weights or channels; set method.pruner or method.channels")
    sampling = (pruner or {}).get("sampling")
    if sampling and (sampling.get("per_class") is None) == (sampling.get("size") is None):
        raise ValueError(
            "method.pruner.sampling has either per_class or size; got "
            f"per_class={sampling.get('per_class')} and size={sampling.get('size')}; set the other "
            "to null"
        )


def _procedure(choices: Choices) -> None:
    """A procedure does what the method asks for."""
    shape = choices["procedure"]["_target_"].rpartition(".")[2]
    pruner, channels = choices["method"]["pruner"], choices["method"].get("channels")
    if shape == "train" and channels is not None and choices["sparsity"] > 0:
        raise ValueError(
            f"procedure=train removes no channels, so sparsity={choices['sparsity']} of this method"
            " would be none; choose procedure=train_prune_finetune, or sparsity=0"
        )
    if shape == "train_prune_finetune" and channels is None:
        raise ValueError(
            "procedure=train_prune_finetune needs a method that removes channels, such as "
            "method=rni; for this one choose procedure=train"
        )
    if shape == "agent":
        if pruner is None or not pruner["_target_"].endswith(".Pan"):
            raise ValueError("procedure=agent trains an agent for panning; choose method=panning")
        if choices["seed"] >= 2**32:
            raise ValueError(f"seed is below 2**32 for procedure=agent; got {choices['seed']}")
    if shape == "lottery":
        _levels(choices)
    if shape == "export" and choices["checkpoint"] is None:
        raise ValueError("procedure=export needs checkpoint=<a run's model.pt>; got none")


def _levels(choices: Choices) -> None:
    """What procedure=lottery can do with the method, and where it can rewind to."""
    procedure, pruner = choices["procedure"], choices["method"]["pruner"]
    weights, rate = (procedure["rewind"][name] for name in ("weights", "rate"))
    epochs, whole = procedure["epochs"], choices["recipe"]["epochs"]
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
    # What is in steps is known when the images are; until then only what is in epochs.
    point = Duration(0, "it") if weights is None else Duration.parse(weights)
    end = {"run": 1, "ep": whole}.get(point.unit)
    if end is not None and point.amount >= end:
        raise ValueError(
            f"procedure.rewind.weights={weights} is not before the end of a training"
            f"{f' of {whole} epochs' if whole else ''}; choose an earlier point"
        )
    if rate and None not in (epochs, whole) and epochs > whole:
        raise ValueError(
            f"procedure.epochs={epochs} rewinds the rate past the beginning of a training of "
            f"{whole} epochs; choose at most {whole}"
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


def _recipe(choices: Choices) -> None:
    recipe, optimizer = choices["recipe"], choices["recipe"]["optimizer"]
    if optimizer.get("nesterov") and (not optimizer.get("momentum") or optimizer.get("dampening")):
        raise ValueError(
            "recipe.optimizer.nesterov needs momentum above 0 and no dampening; got "
            f"momentum={optimizer.get('momentum', 0)}; set recipe.optimizer.nesterov=false"
        )
    if optimizer.get("fused") and optimizer.get("foreach"):
        raise ValueError("recipe.optimizer.fused and foreach exclude each other; set one to false")
    milestones = recipe["learning_rate"].get("milestones", [])
    if milestones != sorted(milestones):
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


def _logger(choices: Choices) -> None:
    if not str((choices.get("logger") or {}).get("_target_", "")).startswith("wandb."):
        return
    for name, form in WANDB_WORDS.items():
        value = os.environ.get(name, "")
        if value and not re.fullmatch(form, value):
            raise ValueError(
                f"W&B cannot take the environment variable {name}={value}; unset it, or choose "
                "logger=none"
            )
