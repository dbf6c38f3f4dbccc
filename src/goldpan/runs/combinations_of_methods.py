"""Choices of a method, and of what belongs to it, that exclude each other.

Each check raises ValueError, in one sentence, unless what its docstring says holds.
"""

from collections.abc import Mapping
from typing import Any

from goldpan.duration import Duration
from goldpan.runs.kinds import Choices

AFTER_TRAINING = ("epochs", "rounds", "rate", "growth", "prune_from", "threshold", "keep_penalty")
"""Options of method.channels for a fine-tuning after the training."""


def check_method(choices: Choices) -> None:
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


def check_threshold(choices: Choices) -> None:
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


def check_stable(choices: Choices) -> None:
    """Channels that go in the middle of a training need its time, and take `compact`'s place."""
    channels = choices["method"].get("channels") or {}
    for name, group in (("rate", channels), ("growth.rate", channels.get("growth") or {})):
        if "rate" in group and "lr" not in choices["recipe"]["optimizer"]:
            raise ValueError(
                f"method.channels.{name} is a factor on recipe.optimizer.lr, which is missing; say "
                "one, such as +recipe.optimizer.lr=0.1"
            )
    kept = channels.get("keep_penalty")
    if channels.get("prune_from") == "untrained" and choices["method"].get("penalty") and not kept:
        raise ValueError(
            "prune_from=untrained removes channels before any training, and the method's penalty "
            "is of a training before that; choose prune_from=last, a method without one, or "
            "++method.channels.keep_penalty=true, which trains with it afterwards"
        )
    if channels and choices["compact"]:
        raise ValueError(
            "compact=true takes out what masks leave dead, and this method has no masks: it "
            "removes channels for good; choose compact=false"
        )
    _growth(channels)
    if "stable" not in channels:
        missing = [name for name in ("epochs", "rounds") if channels and name not in channels]
        if missing:
            raise ValueError(
                f"method.channels.{missing[0]} is missing; fine-tuning needs it, as in method=rni"
            )
        return
    strange = [name for name in AFTER_TRAINING if name in channels]
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


def _growth(channels: Mapping[str, Any]) -> None:
    """A penalty grows on filters of a trained network, whose others are not weighed anew."""
    if channels.get("growth") is None:
        return
    if channels.get("prune_from") == "untrained":
        raise ValueError(
            "method.channels.growth shrinks filters of a trained network; choose "
            "prune_from=last, or a method without it, such as filter_l1"
        )
    scorer = (channels.get("scorer") or {}).get("_target_", "")
    if scorer.endswith(".greedy_forward"):
        raise ValueError(
            "greedy_forward weighs anew the units that stay, and method.channels.growth would "
            "train them on before that; choose another method.channels.scorer, such as that of "
            "method=filter_l1"
        )


def check_policy(choices: Choices) -> None:
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


def check_quantization(choices: Choices) -> None:
    """Quantisation is for one training of one network, computed as torch's layers do."""
    if choices.get("quantization") is None:
        return
    shape = choices["procedure"]["_target_"].rpartition(".")[2]
    strategy, method = choices["strategy"], choices["method"]
    excluded = {
        f"procedure={shape}": shape != "train",
        "compact=true": choices["compact"],
        "strategy.compile=true": strategy["compile"],
        "strategy.sparse_linear=true": strategy["sparse_linear"],
        "a method that keeps its members": method.get("members") is not None,
    }
    for word, is_chosen in excluded.items():
        if is_chosen:
            raise ValueError(
                f"quantization is of one masked network in procedure=train; got {word}; leave out "
                "one of the two"
            )
