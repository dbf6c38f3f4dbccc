"""Choices that are each right and exclude each other."""

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from goldpan.duration import Duration
from goldpan.runs.combinations_of_methods import (
    check_method,
    check_policy,
    check_quantization,
    check_stable,
    check_threshold,
)
from goldpan.runs.combinations_of_procedures import (
    check_ensemble,
    check_procedure,
    check_super_resolution,
)
from goldpan.runs.kinds import Choices


def check_together(choices: Choices) -> None:
    """Raise ValueError, in one sentence, for two choices that exclude each other.

    FileNotFoundError says that a chosen file does not exist.
    """
    for check in (
        check_method,
        check_procedure,
        check_threshold,
        check_stable,
        check_ensemble,
        check_super_resolution,
        check_policy,
        check_quantization,
        _on_demand,
        _model,
        _recipe,
        _strategy,
        _files,
        _logger,
    ):
        check(choices)


def _on_demand(choices: Choices) -> None:
    """What is measured of a trained classifier where an option asks for it."""
    shape = choices["procedure"]["_target_"].rpartition(".")[2]
    groups = {"and_or": "images", "certify": "epsilon"}
    asked = [
        f"{group}.{name}"
        for group, name in groups.items()
        if (choices.get(group) or {}).get(name) is not None
    ]
    if asked and shape in ("agent", "compare_policies", "super_resolution"):
        raise ValueError(
            f"procedure={shape} trains no classifier that {asked[0]} could measure; set that to "
            "null"
        )
    if "and_or.images" in asked and _prunes_or_quantizes_activations(choices):
        raise ValueError(
            "and_or.images counts how often the neurons of plain layers fire, and this network "
            "computes with quantised or pruned activations; set it to null, or "
            "quantization.activation_bits=32 and quantization.activation_sparsity=0"
        )
    bounds = asked if "certify.epsilon" in asked else []
    bounds += ["method.penalty"] if "statistics" in (choices["method"].get("penalty") or ()) else []
    if bounds and (choices.get("quantization") is not None or shape == "super_resolution"):
        raise ValueError(
            f"{bounds[-1]} has bounds of classifiers whose numbers are floats; leave out "
            "quantization and procedure=super_resolution, or set it to null"
        )


def _prunes_or_quantizes_activations(choices: Choices) -> bool:
    chosen = choices.get("quantization")
    return chosen is not None and (
        chosen["activation_bits"] < 32 or chosen["activation_sparsity"] > 0
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
