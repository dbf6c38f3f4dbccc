"""Records of format 1, which goldpan wrote until November 2026, in today's layout."""

from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Any]


def from_format_1(old: Values) -> dict[str, Any]:
    """A record's values as format 2 lays them out; fields younger than the record are left out.

    Raises:
        KeyError: if something is missing that every record of format 1 has.
    """
    by_channel = (old["sparsity"] or {}).get("granularity") == "channel"
    measured = old["sparsity"] is not None
    accuracies = {name: old[name] for name in ("last", "best", "best_on_test")}
    return {
        "identity": {
            name: old[name] for name in ("id", "setting", "method", "seed", "choices", "started")
        },
        "status": old["status"],
        "error": old["error"],
        "origin": {name: old[name] for name in ("commit", "versions", "hardware", "data")},
        "accuracies": accuracies if old["last"] else None,
        "costs": _costs(old) if measured else None,
        "weights": _weights(old) if measured and not by_channel else None,
        "channels": _channels(old) if by_channel else None,
        "agent": _agent(old) if old.get("returns") else None,
        "importances": old.get("importances", []),
        "ranks": old["ranks"],
        "exports": old.get("exports", {}),
    }


def _costs(old: Values) -> dict[str, Any]:
    return {
        "seconds": old["seconds"],
        "images_per_second": old["images_per_second"],
        "parameters": old["parameters"]["all"],
        "flops": old["flops"]["dense"],
        "convention": old["flops"]["convention"],
    }


def _agent(old: Values) -> dict[str, Any]:
    return {"returns": old["returns"], "seconds": old["seconds"]["agent"]}


def _sparsity(old: Values) -> dict[str, Any]:
    return {name: value for name, value in old["sparsity"].items() if name != "granularity"}


def _weights(old: Values) -> dict[str, Any]:
    return {
        "sparsity": _sparsity(old),
        "prunable": old["parameters"]["prunable"],
        "parameters_kept": old["parameters"]["kept"],
        "flops_without_cut": old["flops"]["sparse"],
        "masks": old["masks"],
        "compaction": old.get("compaction", {}),
    }


def _channels(old: Values) -> dict[str, Any]:
    milliseconds: dict[str, dict[str, float]] = {}
    for key, value in old.get("latency", {}).items():  # such as "dense, batch 128"
        network, _, batch = key.partition(", batch ")
        milliseconds.setdefault(batch, {})[network] = value
    return {
        "sparsity": _sparsity(old),
        "parameters_left": old["parameters"]["kept"],
        "flops_left": old["flops"]["sparse"],
        "trained": old["trained"],
        "pruned": old["pruned"],
        "milliseconds": milliseconds,
        "floored": old.get("floored", {}),
    }
