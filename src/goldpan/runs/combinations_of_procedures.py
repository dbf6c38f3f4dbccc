"""Choices of a procedure and of a method that exclude each other.

Each check raises ValueError, in one sentence, unless what its docstring says holds.
"""

from collections.abc import Mapping
from typing import Any

from goldpan.duration import Duration
from goldpan.runs.kinds import Choices

CHANNEL_PROCEDURES = {
    "train_prune_finetune": "rni",
    "thin_when_stable": "early_bird",
    "stamp": "stamp",
}
"""Procedures that remove channels, and a method of each."""


def check_procedure(choices: Choices) -> None:
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
    if shape == "compare_policies":
        _targets(choices)
    if shape == "agent":
        _agent(choices)
        if choices["seed"] >= 2**32:
            raise ValueError(f"seed is below 2**32 for procedure=agent; got {choices['seed']}")
    if shape == "lottery":
        _levels(choices)
    if shape == "partially_masked":
        _partially_masked(choices)
    if shape == "stamp":
        _stamp(choices)


def check_ensemble(choices: Choices) -> None:
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


def check_super_resolution(choices: Choices) -> None:
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


def _partially_masked(choices: Choices) -> None:
    """The core is found once in the whole network, which is then trained as it was drawn."""
    if choices["method"]["pruner"] is None:
        raise ValueError(
            "procedure=partially_masked takes its core from a method that cuts weights before the "
            "training, such as method=partially_masked; for this one choose procedure=train"
        )
    steps = [choices["procedure"][name] for name in ("core_steps", "full_steps")]
    if not any(steps):
        raise ValueError("procedure.core_steps and procedure.full_steps are both 0; set one to 1")
    for name, chosen in (
        ("controls.reinitialize", choices["controls"]["reinitialize"]),
        ("compact", choices["compact"]),
        ("strategy.sparse_linear", choices["strategy"].get("sparse_linear")),
    ):
        if chosen:
            raise ValueError(
                f"procedure=partially_masked trains weights that the masks cut; set {name}=false"
            )


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
    strange = [name for name in ("scorer", "threshold", "growth", "stable") if channels.get(name)]
    if strange:
        raise ValueError(
            f"procedure=stamp ranks channels by its generator; leave out "
            f"method.channels.{strange[0]}"
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


def _targets(choices: Choices) -> None:
    """Each sparsity is a column of its own, named by its first six digits."""
    targets = choices["procedure"]["targets"]
    if len({f"{target:g}" for target in targets}) < len(targets):
        raise ValueError(
            f"procedure.targets are sparsities that differ in their first six digits; got {targets}"
        )


def _agent(choices: Choices) -> None:
    """An agent is trained at sparsities from low to high."""
    for interval in choices["procedure"]["environment"]["targets"]:
        if interval != sorted(interval):
            raise ValueError(
                "procedure.environment.targets are intervals of sparsity, [low, high]; got "
                f"{interval}"
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
    for name, part in choices["method"].items():
        if part is not None and name not in ("pruner", "penalty"):
            raise ValueError(
                f"procedure=lottery trains without method.{name}; leave it out, or choose "
                "procedure=train"
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
