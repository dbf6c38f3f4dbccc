"""What loggers are told of a run: what it is before it starts, and its figures when it ends."""

from collections.abc import Mapping
from typing import Any

from goldpan.runs.record import Identity, Record


def describe(who: Identity) -> dict[str, Any]:
    """What a run is, known before its first step: the names that were chosen, and all choices.

    method, model, dataset, recipe, table, allocation and schedule are names, sparsity is a
    fraction; `choices` holds every option.
    """
    choices, dataset = who.choices, who.choices["dataset"]
    source = str(dataset["root" if dataset["name"] == "image_folder" else "name"])
    model, recipe, *more = [*who.setting.removeprefix(source).split(), None, None]
    table = next((str(word)[6:] for word in more if str(word).startswith("table=")), None)
    return {
        "method": who.method,
        "model": model,
        "dataset": source,
        "recipe": recipe,
        "table": table,
        "allocation": _name_of(choices, "allocator", "allocate"),
        "schedule": _name_of(choices, "schedule"),
        "sparsity": choices["sparsity"],
        "seed": who.seed,
        "id": who.id,
        "choices": dict(choices),
    }


def summarize(record: Record) -> dict[str, float]:
    """The figures of a run by which runs are compared; those that it has.

    Accuracies, and the FLOPs left of the dense network's, in percent; PSNR in dB; sparsities as
    fractions.
    A layer's dots are slashes here, since W&B takes a dot for a step into a dictionary.
    """
    last, best = record.accuracy("last"), record.accuracy("best")
    found: dict[str, float | None] = {
        "accuracy": last.test if last else None,
        "accuracy_best": best.test if best else None,
        "flops_left": record.flops_kept,
    }
    if record.super_resolution is not None:
        found["psnr"] = record.super_resolution.last.test
    if record.costs is not None:
        found["images_per_second"] = record.costs.images_per_second
    if record.sparsity is not None:
        found["sparsity_effective"] = record.sparsity.effective
        found |= {layer_key(name): value for name, value in record.sparsity.layers.items()}
    return {name: value for name, value in found.items() if value is not None}


def layer_key(name: str) -> str:
    """The name of a layer's sparsity in a summary: features.0.weight is layers/features/0."""
    return f"layers/{name.removesuffix('.weight').replace('.', '/')}"


def _name_of(choices: Mapping[str, Any], *keys: str) -> str | None:
    """The name of the function that the method takes under one of these keys, if it takes one."""
    for part in (choices["method"].get("pruner"), choices["method"].get("channels")):
        for key in keys:
            if "_target_" in ((part or {}).get(key) or ()):
                return str(part[key]["_target_"]).rpartition(".")[2]
    return None
