"""Every option of conf: what it may be, and what it means. docs/options.md is made from it."""

import re
from dataclasses import dataclass

from goldpan.runs.kinds import (
    ANYTHING,
    DURATION,
    FLAG,
    FOLDER,
    GROUP,
    LENGTH,
    NOWHERE,
    NULL,
    PART,
    SPAN,
    TEXT,
    Kind,
    either,
    list_of,
    null_or,
    one_of,
    real,
    whole,
)

LARGEST_SEED = 2**53 - 1
"""Seeds above it are no longer told apart by an id, which counts numbers as floats."""

SCORERS = ["force", "grasp", "magnitude", "ntk_sap", "prospr", "random", "snip", "synflow"]
PRECISIONS = ["64-true", "32-true", "16-true", "16-mixed", "bf16-true", "bf16-mixed"]
DATASETS = ["digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "tiny_imagenet"]
DATASETS += ["imagenet", "image_folder"]
NORMALIZATIONS = ["channel", "half", "global", "image", "none"]
SCHEMES = ["kaiming_normal", "kaiming_normal_fan_in", "xavier_normal", "rni"]
SCHEMES += ["open_lth", "default", "fan_out_default_linear", "xavier_uniform"]
SCHEMES += ["variance_scaling", "variance_scaling_uncorrected"]
NETWORKS = ["last", "best_on_test", "untrained"]
LOSSES = ["cross_entropy", "sigmoid_mse", "sigmoid_mse_twice", "l1", "mse"]
MODES = ["train", "eval"]


@dataclass(frozen=True)
class Option:
    """What an option may be and means; one that is not `needed` may be left out of its group."""

    kind: Kind
    meaning: str
    needed: bool = True


def _extra(kind: Kind, meaning: str) -> Option:
    return Option(kind, meaning, needed=False)


SPARSITY = Kind("a fraction in [0, 1), 0.9 for 90 %", real("[0, 1)").accepts)
POSITIVE, NOT_NEGATIVE, FRACTION = real("(0, inf)"), real("[0, inf)"), real("[0, 1)")
COUNT = whole(1)
BIAS = either(FLAG, one_of("prunable"))
NORMAL = Kind(
    "normal_ and a deviation, such as normal_0.1",
    lambda value: isinstance(value, str) and bool(re.fullmatch(r"normal_\d+\.?\d*", value)),
)
RERUN = Kind("failed, stale, all or null", null_or(one_of("failed", "stale", "all")).accepts)
NUMBERS_OF_GPUS = list_of(whole(0), least=1)
PROJECT = Kind(
    "a name of at most 128 characters without / \\ # ? % :",
    lambda value: TEXT.accepts(value) and len(value) <= 128 and not set(value) & set("/\\#?%:"),
)

RUN = {
    "sparsity": Option(SPARSITY, "fraction of prunable weights (or channels) that are removed"),
    "seed": Option(whole(0, LARGEST_SEED), "of initial weights, order, augmentation and scoring"),
    "output": Option(FOLDER, "folder in which each run gets its own"),
    "checkpoint": Option(null_or(TEXT), "file of weights to start from instead of random ones"),
    "agent": Option(null_or(TEXT), "file of a trained agent, for method=rl_panning"),
    "name": Option(null_or(TEXT), "which network, with model=torchvision or model=timm"),
    "progress": Option(FLAG, "bars on a terminal; in a log, lines on long cells of a sweep"),
    "fail_fast": Option(FLAG, "a sweep stops at the first cell that fails"),
    "compact": Option(FLAG, "train without the channels that the masks leave dead"),
    "rerun": Option(RERUN, "what has a record and is run again; stale: of other code or images"),
    "allowed": _extra(
        list_of(TEXT), "further installed packages whose functions a _target_ may name"
    ),
    "controls": Option(GROUP, "sanity checks of arXiv 2009.08576"),
    "controls.invert": Option(FLAG, "keep the lowest scores instead of the highest"),
    "controls.shuffle": Option(FLAG, "keep as many weights in each layer, at random places"),
    "controls.reinitialize": Option(FLAG, "keep the masks, draw the weights anew"),
    "and_or": _extra(GROUP, "measures AND-like neurons of the trained network, as 2102.07389"),
    "and_or.images": Option(
        null_or(whole(2)), "test images on which, real and scrambled, neurons fire; null: none"
    ),
    "certify": _extra(GROUP, "proves a part of the accuracy by interval bounds, as 1810.12715"),
    "certify.epsilon": Option(
        null_or(real("(0, 1]")), "how far each pixel of [0, 1] may move in it; null: not measured"
    ),
    "table": _extra(GROUP, "a paper's table, chosen by +table=NAME; goldpan.reports.spec reads it"),
    "table.*": _extra(ANYTHING, "goldpan.reports.spec says what"),
    "allocation": Option(PART, "how scores become masks"),
    "schedule": Option(PART, "how sparsity rises over the rounds or the training"),
    "schedule.target": _extra(SPARSITY, "sparsity at the end; it follows the option sparsity"),
    "schedule.initial": _extra(FRACTION, "sparsity at the start"),
}

DATASET = {
    "dataset": Option(PART, "the images"),
    "dataset.name": Option(one_of(*DATASETS), "which dataset"),
    "dataset.root": _extra(TEXT, "data folder; of image_folder the folder or archive itself"),
    "dataset.cache": _extra(TEXT, "folder for decoded image files"),
    "dataset.batch_size": _extra(COUNT, "follows recipe.batch_size"),
    "dataset.seed": _extra(whole(0, LARGEST_SEED), "follows seed"),
    "dataset.split_seed": _extra(
        null_or(whole(0, LARGEST_SEED)),
        "of the limit and the validation split; null: as dataset.seed",
    ),
    "dataset.validation": _extra(
        either(FRACTION, whole(2)), "fraction, or number, of the training images held out"
    ),
    "dataset.hold_out": _extra(
        one_of("balanced", "last", "random"),
        "which ones: a share of each class, the last of the file, or a plain draw by the seed",
    ),
    "dataset.subset": _extra(
        null_or(GROUP), "use only the first images of numpy's shuffle, as SET's tutorial does"
    ),
    "dataset.subset.train": Option(COUNT, "so many of the training file"),
    "dataset.subset.test": Option(COUNT, "so many of the test file"),
    "dataset.subset.seed": Option(whole(0, 2**32 - 1), "of the shuffle"),
    "dataset.only_classes": _extra(
        null_or(list_of(whole(0), least=2)), "use only the images of these labels, as 0, 1, ..."
    ),
    "dataset.limit": _extra(null_or(COUNT), "keep only that many training images"),
    "dataset.augment": _extra(FLAG, "random crops and flips, where the dataset has any"),
    "dataset.size": _extra(null_or(COUNT), "pixels that images are scaled to"),
    "dataset.flip": _extra(null_or(FLAG), "whether augmentation mirrors left to right"),
    "dataset.padding": _extra(null_or(whole(0)), "black pixels around an image before its crop"),
    "dataset.normalization": _extra(
        one_of(*NORMALIZATIONS), "mean and deviation of pixels: a channel's, .5, all pixels', ..."
    ),
    "dataset.scale": _extra(COUNT, "follows procedure.scale"),
    "dataset.mirrors": _extra(null_or(list_of(TEXT)), "download addresses tried before the known"),
    "dataset.workers": _extra(whole(0), "processes that read and crop images"),
    "dataset.eval_batch_size": _extra(COUNT, "validation or test images of one step"),
}

MODEL = {
    "model": Option(PART, "the network"),
    "model.width": _extra(POSITIVE, "factor on the channels of every layer"),
    "model.scale": _extra(COUNT, "follows procedure.scale"),
    "model.bias": _extra(FLAG, "biases of convolutions"),
    "model.bias@lenet5": _extra(BIAS, "whether layers have one; prunable: it is cut as weights"),
    "model.bias@lenet_300_100": _extra(BIAS, "the same"),
    "model.bias@mlp": _extra(BIAS, "the same"),
    "model.conv_relu": _extra(FLAG, "whether a ReLU follows each convolution"),
    "model.hidden": _extra(list_of(COUNT), "units of each hidden layer"),
    "model.shortcut": _extra(one_of("A", "B"), "of a residual block that changes shape"),
    "model.stem": _extra(one_of("cifar", "tiny_imagenet", "imagenet"), "the first layers"),
    "model.stem_relu": _extra(FLAG, "whether a ReLU follows the first norm"),
    "model.dropout": _extra(FRACTION, "inside residual blocks, or behind each hidden layer"),
    "model.dropout_kind": _extra(
        one_of("inverted", "classic", "straight_through"),
        "scaled in training, scaled at test, or that with the gradient of no dropout",
    ),
    "model.initialization": _extra(
        either(one_of(*SCHEMES), NORMAL), "how the first weights are drawn"
    ),
    "model.name": _extra(null_or(TEXT), "follows name"),
    "model.weights": _extra(null_or(TEXT), "pretrained ones of torchvision, as IMAGENET1K_V1"),
    "model.pretrained": _extra(FLAG, "start from timm's pretrained weights"),
} | {
    f"model.{name}": _extra(NOWHERE, "the data and the seed decide it")
    for name in ("classes", "channels", "image_size", "seed")
}

RECIPE = {
    "recipe": Option(GROUP, "how the network is trained"),
    "recipe.epochs": Option(LENGTH, "length of the training: epochs, or optimizer steps"),
    "recipe.evaluate_every": Option(null_or(SPAN), "between evaluations; null: an epoch"),
    "recipe.warm_up": _extra(null_or(SPAN), "in which the learning rate rises from 0, linearly"),
    "recipe.rate_moves": Option(one_of("epoch", "step"), "when the learning rate may change"),
    "recipe.batch_size": Option(COUNT, "images of one optimizer step, over all processes"),
    "recipe.loss": Option(one_of(*LOSSES), "what is minimised; goldpan.losses says each"),
    "recipe.decay": Option(FRACTION, "of all parameters in a step, whatever the learning rate"),
    "recipe.label_smoothing": Option(FRACTION, "of the cross-entropy"),
    "recipe.gradient_clip": Option(null_or(POSITIVE), "largest norm of the gradient"),
    "recipe.learning_rate": Option(PART, "factor on the rate by the progress of the training"),
    "recipe.learning_rate.milestones": _extra(list_of(DURATION), "when the rate falls"),
    "recipe.learning_rate.factor": _extra(POSITIVE, "on the rate at each milestone"),
    "recipe.learning_rate.exploration": _extra(POSITIVE, "length of the part before the phases"),
    "recipe.learning_rate.refinement": _extra(POSITIVE, "length of a phase, in the same unit"),
    "recipe.learning_rate.phases": _extra(COUNT, "after the exploration"),
    "recipe.learning_rate.factors": _extra(
        list_of(POSITIVE, least=1), "on the rate in the equal parts of a phase"
    ),
    "recipe.optimizer": Option(PART, "an optimizer of torch.optim, or your own"),
    "recipe.optimizer.lr": _extra(NOT_NEGATIVE, "learning rate"),
    "recipe.optimizer.momentum": _extra(FRACTION, "of the gradients"),
    "recipe.optimizer.dampening": _extra(real("[0, 1]"), "of the momentum"),
    "recipe.optimizer.nesterov": _extra(FLAG, "Nesterov's momentum"),
    "recipe.optimizer.weight_decay": _extra(NOT_NEGATIVE, "of all weights"),
    "recipe.optimizer.betas": _extra(list_of(FRACTION, least=2, most=2), "Adam's decays"),
    "recipe.optimizer.alpha": _extra(FRACTION, "RMSprop's decay"),
    "recipe.optimizer.eps": _extra(NOT_NEGATIVE, "added to a denominator"),
    "recipe.optimizer.amsgrad": _extra(FLAG, "Adam's variant of arXiv 1904.09237"),
    "recipe.optimizer.maximize": _extra(FLAG, "climb instead of descend"),
    "recipe.optimizer.fused": _extra(null_or(FLAG), "one kernel for all parameters"),
    "recipe.optimizer.foreach": _extra(null_or(FLAG), "one loop for all parameters"),
    "recipe.optimizer.params": _extra(NOWHERE, "the network decides it"),
}

STRATEGY = {
    "strategy": Option(GROUP, "on what the network is trained"),
    "strategy.accelerator": Option(one_of("cpu", "gpu"), "the processor"),
    "strategy.devices": Option(
        either(COUNT, NUMBERS_OF_GPUS, one_of("auto")), "processes of a run, one a device"
    ),
    "strategy.threads": Option(null_or(COUNT), "of each process; null: all cores"),
    "strategy.strategy": Option(
        one_of("auto", "ddp", "ddp_find_unused_parameters_true"), "how processes work together"
    ),
    "strategy.precision": Option(one_of(*PRECISIONS), "of training; scores are always in float32"),
    "strategy.channels_last": Option(FLAG, "memory layout, faster for convolutions"),
    "strategy.compile": Option(
        either(FLAG, one_of("reduce-overhead")),
        "torch.compile; reduce-overhead: with CUDA graphs, for small networks on a GPU",
    ),
    "strategy.sparse_linear": Option(
        FLAG,
        "linear layers of 100,000 weights or more, cut to a tenth or less, multiply by the kept "
        "weights alone; on the CPU",
    ),
}

LAUNCHER = {
    "launcher": Option(PART, "where the cells of a sweep run"),
    "launcher.slots": _extra(null_or(COUNT), "cells at a time; null: by GPUs or cores"),
    "launcher.gpus@local": _extra(
        null_or(list_of(either(whole(0), TEXT), least=1)), "numbers of the GPUs to use; null: all"
    ),
    "launcher.gpus@on_ray": _extra(NOT_NEGATIVE, "of a cell; 0.5 lets two share one"),
    "launcher.gpus@slurm": _extra(whole(0), "of a job"),
    "launcher.address": _extra(null_or(TEXT), "auto or HOST:PORT of a running Ray cluster"),
    "launcher.cpus@on_ray": _extra(POSITIVE, "of a cell"),
    "launcher.cpus@slurm": _extra(COUNT, "of a job"),
    "launcher.mem_gb": _extra(null_or(POSITIVE), "of a cell, in gigabytes"),
    "launcher.cluster": _extra(one_of("slurm", "local"), "local: processes of this machine"),
    "launcher.partition": _extra(null_or(TEXT), "of SLURM"),
    "launcher.timeout_min": _extra(COUNT, "minutes of a job before it queues again"),
    "launcher.requeues": _extra(whole(0), "how often a job may queue again"),
    "launcher.array_parallelism": _extra(COUNT, "jobs at a time"),
    "launcher.additional": _extra(GROUP, "further options of sbatch"),
    "launcher.additional.*": _extra(ANYTHING, "an option of sbatch, by its name"),
    "launcher.folder": _extra(null_or(FOLDER), "of submitit's files; null: slurm in the output"),
}

LOGGER = {
    "logger": _extra(GROUP, "where curves are sent besides the run's folder; several by name"),
    "logger.project@init": _extra(
        null_or(PROJECT), "W&B's project; null: WANDB_PROJECT, else goldpan"
    ),
    "logger.entity@init": _extra(
        null_or(PROJECT), "W&B's user or team; null: WANDB_ENTITY, else yours"
    ),
    "logger.mode@init": _extra(
        null_or(one_of("offline", "online", "disabled")),
        "whether W&B is reached; null: WANDB_MODE, else offline",
    ),
    "logger.group@init": _extra(
        null_or(TEXT), "of W&B's runs; null: WANDB_RUN_GROUP, else the table or the sweep's words"
    ),
    "logger.tags@init": _extra(
        list_of(TEXT), "of W&B, besides the run's own; each is cut to 64 characters"
    ),
    "logger.notes@init": _extra(null_or(TEXT), "of W&B; null: WANDB_NOTES"),
    "logger.resume@init": _extra(
        null_or(one_of("allow", "must", "never", "auto")),
        "of W&B's run of this id; null: allow with a checkpoint, else it starts anew",
    ),
    "logger.reinit@init": _extra(
        one_of("finish_previous", "return_previous", "create_new", "default"),
        "what W&B does with the run before",
    ),
    "logger.settings@init": _extra(GROUP, "of W&B itself"),
    "logger.settings.silent": _extra(FLAG, "W&B prints nothing"),
    "logger.settings.console": _extra(
        one_of("off", "auto", "wrap", "redirect", "wrap_raw", "wrap_emu"), "what W&B records of it"
    ),
    "logger.settings.init_timeout": _extra(POSITIVE, "seconds until a run stays offline"),
    "logger.settings.finish_timeout": _extra(
        NOT_NEGATIVE, "seconds that a run waits for W&B at its end; 0: until all is sent"
    ),
    "logger.settings.*": _extra(ANYTHING, "a field of wandb.Settings, by its name"),
    "logger.tensorboard": _extra(PART, "TensorBoard"),
    "logger.tensorboard.version": _extra(ANYTHING, "a folder below that of the run; null: counted"),
    "logger.tensorboard.default_hp_metric": _extra(FLAG, "an empty figure of Lightning's own"),
    "logger.csv": _extra(PART, "Lightning's CSV files"),
} | {
    f"logger.{name}@init": _extra(NOWHERE, "the run decides it")
    for name in ("dir", "id", "name", "config")
}

POLICY = {
    "policy": _extra(null_or(PART), "how Panning weighs its indices"),
    "policy.seed": _extra(whole(0, LARGEST_SEED), "follows seed"),
    "policy.file": _extra(null_or(TEXT), "follows agent"),
    "policy.index": _extra(one_of(*SCORERS), "the one index that counts"),
    "policy.stairs": _extra(list_of(FRACTION), "sparsities at which the next stage begins"),
    "policy.weights": _extra(
        list_of(list_of(NOT_NEGATIVE)), "of the indices, a row for each stage"
    ),
}

BITS = Kind(
    "a whole number from 2 to 16, or 32 for floats",
    lambda value: whole(2, 16).accepts(value) or whole(32, 32).accepts(value),
)

QUANTIZATION = {
    "quantization": _extra(null_or(PART), "how weights and activations become numbers of few bits"),
    "quantization.order": _extra(
        one_of("prune_first", "quantize_first"), "which of the two comes first, P->Q or Q->P"
    ),
    "quantization.weight_bits": _extra(BITS, "of a weight"),
    "quantization.activation_bits": _extra(BITS, "of a layer's input"),
    "quantization.start": _extra(DURATION, "when weights become quantised"),
    "quantization.activation_start": _extra(DURATION, "when activations become quantised"),
    "quantization.rounding": _extra(
        one_of("toward_zero", "nearest"), "to whole numbers of the scale"
    ),
    "quantization.activation_sparsity": _extra(
        FRACTION, "fraction of each layer's activations that are cut; images are not"
    ),
    "quantization.activation_schedule": _extra(PART, "how that fraction rises"),
    "quantization.activation_schedule.target": _extra(
        FRACTION, "follows quantization.activation_sparsity"
    ),
    "quantization.activation_schedule.initial": _extra(FRACTION, "sparsity at the start"),
    "quantization.activation_calendar": _extra(PART, "when activations are cut"),
    "quantization.activation_calendar.begin": _extra(DURATION, "when activations are first cut"),
    "quantization.activation_calendar.end": _extra(DURATION, "when activations are last cut"),
    "quantization.activation_calendar.interval": _extra(
        DURATION, "between two cuts of activations"
    ),
    "quantization.activation_calendar.at": _extra(DURATION, "the one cut of activations"),
    "quantization.sampling": _extra(PART, "training images by which activations are judged"),
    "quantization.sampling.per_class": _extra(null_or(COUNT), "images of each class"),
    "quantization.sampling.size": _extra(null_or(COUNT), "random images instead"),
    "quantization.sampling.batches": _extra(COUNT, "how many batches of them"),
    "quantization.seed": _extra(whole(0, LARGEST_SEED), "follows seed"),
}

PRUNER = {
    "method": Option(GROUP, "how the network is pruned"),
    "method.pruner": Option(null_or(PART), "what cuts weights; null: nothing does"),
    "method.pruner.scorer": _extra(PART, "what gives each weight a score"),
    "method.pruner.scorer.seed": _extra(whole(0, LARGEST_SEED), "follows seed"),
    "method.pruner.scorer.first": _extra(NULL, "the first weights; procedure=lottery has them"),
    "method.pruner.scorer.temperature": _extra(POSITIVE, "divides the logits"),
    "method.pruner.scorer.raw": _extra(FLAG, "scores before their absolute value"),
    "method.pruner.scorer.epsilon": _extra(POSITIVE, "size of NTK-SAP's step"),
    "method.pruner.scorer.repeats": _extra(COUNT, "draws of weights"),
    "method.pruner.scorer.steps": _extra(whole(0), "of training that the score looks through"),
    "method.pruner.scorer.rate": _extra(POSITIVE, "learning rate of those steps"),
    "method.pruner.scorer.momentum": _extra(FRACTION, "of those steps"),
    "method.pruner.scorer.order": _extra(one_of("first", "full"), "of the derivative"),
    "method.pruner.allocator": _extra(PART, "follows allocation"),
    "method.pruner.schedule": _extra(PART, "follows schedule"),
    "method.pruner.sampling": _extra(PART, "which training images scores see"),
    "method.pruner.sampling.per_class": _extra(null_or(COUNT), "images of each class"),
    "method.pruner.sampling.size": _extra(null_or(COUNT), "random images instead"),
    "method.pruner.sampling.batches": _extra(COUNT, "how many batches of them"),
    "method.pruner.rounds": _extra(COUNT, "of scoring and pruning"),
    "method.pruner.revive": _extra(FLAG, "whether a cut weight may come back"),
    "method.pruner.seed": _extra(whole(0, LARGEST_SEED), "follows seed"),
    "method.pruner.invert": _extra(FLAG, "follows controls.invert"),
    "method.pruner.shuffle": _extra(FLAG, "follows controls.shuffle"),
    "method.pruner.reinitialize": _extra(FLAG, "follows controls.reinitialize"),
    "method.pruner.calendar": _extra(PART, "when weights are cut during the training"),
    "method.pruner.calendar.begin": _extra(null_or(DURATION), "first pruning or update"),
    "method.pruner.calendar.end": _extra(DURATION, "last pruning or update"),
    "method.pruner.calendar.interval": _extra(DURATION, "between two prunings or updates"),
    "method.pruner.calendar.at": _extra(DURATION, "the one pruning"),
    "method.pruner.calendar.cut": _extra(
        list_of(DURATION, least=1), "where the sparse phases begin"
    ),
    "method.pruner.calendar.free": _extra(list_of(DURATION), "where the dense phases begin"),
    "method.pruner.ratio": _extra(
        real("[0, 1]"), "what one shrinking leaves of a weight that would be cut"
    ),
    "method.pruner.policy": _extra(PART, "follows policy"),
    "method.pruner.indices": _extra(
        list_of(one_of(*SCORERS), least=1), "scorers that Panning weighs"
    ),
    "method.pruner.sparsity": _extra(SPARSITY, "follows sparsity"),
    "method.pruner.form": _extra(one_of("sum", "product"), "how Panning joins its indices"),
    "method.pruner.temperature": _extra(POSITIVE, "divides the logits under SNIP and GraSP"),
    "method.pruner.mask_aware": _extra(FLAG, "SNIP and GraSP see the masked network too"),
    "method.pruner.look": _extra(FLAG, "note loss, gradient norm and live paths each round"),
    "method.pruner.watch": _extra(whole(0), "looks at the expressive force, over the rounds"),
}

DROP = real("(0, 1)")

REGROWTH = {
    "method.pruner.fraction": _extra(PART, "of the kept weights that an update drops"),
    "method.pruner.fraction.start": _extra(DROP, "in the first update"),
    "method.pruner.fraction.end": _extra(FRACTION, "in the last update"),
    "method.pruner.drop": _extra(PART, "what scores weights; the lowest are dropped"),
    "method.pruner.grow": _extra(PART, "what scores empty places; the highest grow"),
    "method.pruner.grow.seed": _extra(whole(0, LARGEST_SEED), "follows seed"),
    "method.pruner.count": _extra(PART, "how many weights each layer drops and grows"),
    "method.pruner.count.rounding": _extra(one_of("floor", "ceil"), "of the weights dropped"),
    "method.pruner.pruning": _extra(
        null_or(PART), "how masks are pruned further where the schedule rises"
    ),
    "method.pruner.prune_until": _extra(DURATION, "where the schedule reaches the sparsity"),
    "method.pruner.replaces_step": _extra(FLAG, "an update takes the place of an optimizer step"),
    "method.pruner.restart": _extra(FLAG, "weights dropped and grown at once start from zero"),
    "method.pruner.newborn_deviation": _extra(NOT_NEGATIVE, "of the values of grown weights"),
    "method.pruner.dense_momentum": _extra(
        FLAG, "the optimizer gathers the gradients of cut weights too"
    ),
    "method.pruner.explorations": _extra(null_or(PART), "updates that drop `exploration` instead"),
    "method.pruner.explorations.first": _extra(DURATION, "the first of them"),
    "method.pruner.explorations.interval": _extra(DURATION, "between two of them"),
    "method.pruner.explorations.delay": _extra(DURATION, "how much later all of them come"),
    "method.pruner.exploration": _extra(DROP, "the fraction that those drop"),
}

GROWING_PENALTY = {
    "method.pruner.begin": _extra(DURATION, "when the penalty begins to grow"),
    "method.pruner.choose": _extra(
        null_or(DURATION), "when the weights to cut are chosen; null: at method.pruner.begin"
    ),
    "method.pruner.end": _extra(DURATION, "when the penalty has grown"),
    "method.pruner.cut": _extra(DURATION, "when the chosen weights are cut"),
    "method.pruner.interval": _extra(DURATION, "between two updates of the penalty"),
    "method.pruner.separation": _extra(NOT_NEGATIVE, "factor of all weights before the choice"),
    "method.pruner.ceiling": _extra(POSITIVE, "largest factor of the chosen weights"),
    "method.pruner.recovery": _extra(real("(-inf, inf)"), "factor of the other weights"),
}

CHANNELS = {
    "method.norm": _extra(null_or(PART), "what takes the place of BatchNorm"),
    "method.norm.bound": _extra(one_of("sigmoid", "hard", "tanh"), "of the scale"),
    "method.norm.bias": _extra(FLAG, "add a learnt bias"),
    "method.bounded": _extra(null_or(GROUP), "options of the bounded norms' scales"),
    "method.bounded.rate": _extra(POSITIVE, "factor on the recipe's learning rate"),
    "method.bounded.weight_decay": _extra(NOT_NEGATIVE, "of the scales"),
    "method.penalty": _extra(null_or(PART), "added to the loss"),
    "method.penalty.strength": _extra(NOT_NEGATIVE, "factor on the penalty"),
    "method.penalty.shift": _extra(real("(-inf, inf)"), "of receding importances"),
    "method.penalty.t": _extra(POSITIVE, "weight of polarization's first part"),
    "method.penalty.share": _extra(
        real("(0, 1]"), "fraction of each hidden layer's neurons that are decorrelated"
    ),
    "method.penalty.epsilon": _extra(
        real("[0, 1]"), "how far each pixel of [0, 1] may move, in nrs"
    ),
    "method.penalty.statistics": _extra(NULL, "mean and deviation of pixels; the data has them"),
    "method.penalty.alpha": _extra(real("[0, 1]"), "weight of the deviation in even_persistence"),
    "method.after_step": _extra(null_or(PART), "done to the network after each step"),
    "method.channels": _extra(null_or(GROUP), "how channels go after a training"),
    "method.channels.allocate": Option(PART, "how many channels each layer keeps"),
    "method.channels.allocate.floor": _extra(COUNT, "channels that every layer keeps"),
    "method.channels.allocate.spare": _extra(whole(0), "first layers that keep all channels"),
    "method.channels.target": Option(
        one_of("channels", "flops", "parameters"), "what sparsity is a fraction of"
    ),
    "method.channels.threshold": _extra(
        one_of("ratio", "first_valley"),
        "what decides how many channels go: sparsity, or the first valley of the scales' histogram",
    ),
    "method.channels.scope": _extra(
        one_of("all", "followed"), "which channels may go; followed: where some cannot be followed"
    ),
    "method.channels.epochs": _extra(null_or(SPAN), "of fine-tuning; null: the recipe's"),
    "method.channels.keep_penalty": _extra(FLAG, "whether fine-tuning has the penalty too"),
    "method.channels.rounds": _extra(COUNT, "of pruning and fine-tuning"),
    "method.channels.rate": _extra(POSITIVE, "factor on recipe.optimizer.lr in fine-tuning"),
    "method.channels.growth": _extra(GROUP, "a training whose penalty grows on filters that go"),
    "method.channels.growth.epochs": Option(SPAN, "its length; a fraction is one of the recipe's"),
    "method.channels.growth.rate": Option(POSITIVE, "factor on recipe.optimizer.lr, throughout"),
    "method.channels.growth.batch_size": Option(null_or(COUNT), "null: the recipe's"),
    "method.channels.growth.choose": Option(
        null_or(DURATION), "when the channels that go are chosen; null: at its begin"
    ),
    "method.channels.growth.end": Option(DURATION, "when the penalty has grown"),
    "method.channels.growth.interval": Option(DURATION, "between two updates of the penalty"),
    "method.channels.growth.separation": Option(
        NOT_NEGATIVE, "factor of all filters before the choice"
    ),
    "method.channels.growth.ceiling": Option(POSITIVE, "largest factor of the chosen filters"),
    "method.channels.growth.recovery": Option(real("(-inf, inf)"), "factor of the other filters"),
    "method.channels.scorer": _extra(PART, "what gives each channel a score"),
    "method.channels.scorer.steps@singe": _extra(COUNT, "pieces of SInGE's path"),
    "method.channels.scorer.path": _extra(one_of("linear", "geometric"), "from gates 1 to 0"),
    "method.channels.scorer.ratio": _extra(real("(0, 1)"), "of gates on a geometric path"),
    "method.channels.scorer.together": _extra(
        one_of("channel", "group", "network"), "whose gates move at a time"
    ),
    "method.channels.scorer.integral": _extra(
        one_of("variation", "difference"), "of the size of the loss's slope, or of the slope"
    ),
    "method.channels.scorer.steps@prospr_channels": _extra(whole(0), "ProsPr's M"),
    "method.channels.scorer.rate@prospr_channels": _extra(POSITIVE, "learning rate of the steps"),
    "method.channels.scorer.momentum@prospr_channels": _extra(FRACTION, "of the steps"),
    "method.channels.scorer.order@prospr_channels": _extra(
        one_of("first", "full"), "derivative at the last step alone, or through all of them"
    ),
    "method.channels.scorer.detach_first@prospr_channels": _extra(
        FLAG, "the first step without a derivative"
    ),
    "method.channels.scorer.norms@prospr_channels": _extra(
        FLAG, "masks multiply scales and biases too"
    ),
    "method.channels.scorer.repeat": _extra(FLAG, "whether greedy_forward may pick a unit again"),
    "method.channels.scorer.picks": _extra(
        null_or(COUNT), "of each layer, at most; null: as many as it has units"
    ),
    "method.channels.scorer.candidates": _extra(
        null_or(COUNT), "random units that are tried in each pick; null: all"
    ),
    "method.channels.scorer.sparsity": _extra(SPARSITY, "what an agent's budget leaves out"),
    "method.channels.scorer.cost": _extra(
        one_of("channels", "flops", "parameters"), "what an agent's budget is of"
    ),
    "method.channels.scorer.rounds": _extra(COUNT, "in which the sparsity is reached"),
    "method.channels.scorer.reward": _extra(
        one_of("accuracy", "loss"), "of an agent; loss: minus the recipe's"
    ),
    "method.channels.scorer.seed": _extra(whole(0, LARGEST_SEED), "of an agent's episodes"),
    "method.channels.scorer.iterations": _extra(COUNT, "updates of the budget's multiplier"),
    "method.channels.scorer.episodes": _extra(whole(2), "choices tried between two of them"),
    "method.channels.scorer.passes": _extra(COUNT, "steps of PPO on these episodes"),
    "method.channels.scorer.clip": _extra(POSITIVE, "PPO's epsilon"),
    "method.channels.scorer.rate@constrained_rl": _extra(POSITIVE, "of Adam on an agent's logits"),
    "method.channels.scorer.dual_rate": _extra(POSITIVE, "of the multiplier's ascent"),
    "method.channels.scorer.start": _extra(real("[0.1, 0.9]"), "first chance to keep a channel"),
    "method.channels.scorer.explore": _extra(
        real("(0, 0.1]"), "least chance to keep a channel, and to drop it"
    ),
    "method.channels.sampling": _extra(PART, "which training images the scorer sees, if any"),
    "method.channels.sampling.per_class": _extra(null_or(COUNT), "images of each class"),
    "method.channels.sampling.size": _extra(null_or(COUNT), "random images instead"),
    "method.channels.sampling.batches": _extra(COUNT, "how many batches of them"),
    "method.channels.generator": _extra(GROUP, "how STAMP's generator of masks is learnt"),
    "method.channels.generator.pool": Option(COUNT, "images of each reference class"),
    "method.channels.generator.steps": Option(COUNT, "of Adam, each on a task of its own"),
    "method.channels.generator.classes": Option(whole(2), "of a task, among the reference's"),
    "method.channels.generator.size": Option(
        whole(2), "images of a task that are encoded, and as many that its loss is of"
    ),
    "method.channels.generator.width": Option(COUNT, "of the set encoder's layers"),
    "method.channels.generator.rate": Option(POSITIVE, "of Adam"),
    "method.channels.generator.price": Option(NOT_NEGATIVE, "lambda, of the mean mask"),
    "method.channels.generator.inner_steps": Option(
        whole(0), "of SGD on the weights before a task's loss"
    ),
    "method.channels.generator.inner_rate": Option(POSITIVE, "of these steps"),
    "method.channels.stable": _extra(GROUP, "when the choice of channels has settled"),
    "method.channels.stable.similarity": Option(PART, "of two choices: hamming, or counts"),
    "method.channels.stable.earlier": Option(COUNT, "choices that the newest is compared with"),
    "method.channels.stable.of": Option(
        one_of("least", "mean"), "of these similarities: the stability"
    ),
    "method.channels.stable.threshold": Option(real("(0, 1]"), "least stability of a choice"),
    "method.channels.stable.rising": Option(
        whole(0), "stabilities before it that it must not fall below"
    ),
    "method.channels.stable.untrained": Option(FLAG, "whether the untrained network counts too"),
}

AGENT = {
    "procedure": Option(PART, "the shape of the experiment"),
    "procedure.reference": _extra(
        null_or(list_of(whole(0), least=2)),
        "labels that STAMP trains on before; null: those that dataset.only_classes leaves out",
    ),
    "procedure.steps": _extra(COUNT, "rounds of pruning that the agent learns from"),
    "procedure.episodes": _extra(whole(2), "played with each policy on each target"),
    "procedure.staircase": _extra(PART, "a policy beside that of the method"),
    "procedure.staircase.stairs": _extra(list_of(FRACTION), "as policy.stairs"),
    "procedure.staircase.weights": _extra(list_of(list_of(NOT_NEGATIVE)), "as policy.weights"),
    "procedure.every": _extra(COUNT, "steps between two evaluations"),
    "procedure.targets": _extra(list_of(FRACTION, least=1), "sparsities of the evaluation"),
    "procedure.environment": _extra(GROUP, "what the agent is trained in"),
    "procedure.environment.targets": Option(
        list_of(list_of(real("[0, 1]"), least=2, most=2), least=1), "intervals of sparsity"
    ),
    "procedure.environment.switch": Option(whole(0), "steps on the first interval alone"),
    "procedure.learner": _extra(GROUP, "options of stable-baselines3's TD3"),
    "procedure.learner.hidden": Option(list_of(COUNT, least=1), "widths of the hidden layers"),
    "procedure.learner.learning_rate": Option(POSITIVE, "of actor and critics"),
    "procedure.learner.gamma": Option(real("[0, 1]"), "discount of later rewards"),
    "procedure.learner.tau": Option(real("(0, 1]"), "how fast target networks follow"),
    "procedure.learner.batch_size": Option(COUNT, "steps in an update"),
    "procedure.learner.buffer_size": Option(COUNT, "steps that are remembered"),
    "procedure.learner.learning_starts": Option(whole(0), "random actions until then"),
    "procedure.learner.policy_delay": Option(COUNT, "critics' updates for one of the actor"),
    "procedure.learner.target_policy_noise": Option(NOT_NEGATIVE, "on the target's actions"),
    "procedure.learner.target_noise_clip": Option(NOT_NEGATIVE, "bound on that noise"),
    "procedure.learner.exploration": Option(NOT_NEGATIVE, "deviation of the noise on actions"),
}

ENSEMBLE = {
    "method.members": _extra(null_or(PART), "what keeps networks of a training for an ensemble"),
    "method.members.calendar": _extra(PART, "where the phases begin that give a member each"),
    "method.members.calendar.first": _extra(DURATION, "first phase"),
    "method.members.calendar.interval": _extra(DURATION, "between the beginnings of two phases"),
    "method.members.calendar.delay": _extra(DURATION, "how much later all of them begin"),
    "method.members.select": _extra(
        one_of("best", "last"), "which epoch of a phase: by validation accuracy, or the last"
    ),
    "procedure.members": _extra(
        either(whole(2), list_of(whole(0, LARGEST_SEED), least=2)),
        "of an ensemble: how many, with the seeds from `seed` on, or their seeds",
    ),
    "procedure.core_steps": _extra(whole(0), "of the core in each turn of partially_masked"),
    "procedure.full_steps": _extra(whole(0), "of the whole network in each turn"),
    "procedure.bins": _extra(COUNT, "of the calibration error"),
}


SUPER_RESOLUTION = {
    "procedure.scale": _extra(whole(2), "how many times higher and wider images become"),
}

LEVELS = {
    "procedure.levels": _extra(
        null_or(COUNT), "of pruning and retraining; null: the fewest that reach sparsity by rate"
    ),
    "procedure.rate": _extra(
        null_or(real("(0, 1)")), "fraction cut in a level; null: levels equal steps to sparsity"
    ),
    "procedure.last_rate": _extra(
        null_or(FRACTION),
        "rate of the output layer, with allocation=layerwise; null: as the others",
    ),
    "procedure.retrain": _extra(
        FLAG, "whether the last level is trained; if not, it is measured as it would begin"
    ),
    "procedure.epochs": _extra(
        null_or(SPAN), "of retraining; null: from the rewind point on, or all of the training"
    ),
    "procedure.rewind": _extra(GROUP, "where each level's retraining begins"),
    "procedure.rewind.weights": Option(
        null_or(DURATION), "the time of the first training whose weights return; null: they stay"
    ),
    "procedure.rewind.rate": Option(
        FLAG, "whether learning rate and order of images go back too, or stay at the last"
    ),
}
"""Of procedure=lottery."""

AS_THE_AUTHORS = {
    "rounding": Option(PART, "the whole number of weights that a round keeps"),
    "method.pruner.rounding": _extra(PART, "follows rounding"),
    "scoring_mode": Option(
        one_of(*MODES), "snip, grasp: BatchNorm by the batch, or by its running statistics"
    ),
    "method.pruner.scorer.mode": _extra(one_of(*MODES), "follows scoring_mode"),
    "method.pruner.scorer.detach_first": _extra(
        FLAG, "ProsPr's first step without a derivative, as in its authors' code"
    ),
    "prune_from": Option(one_of(*NETWORKS), "which network of the training loses its channels"),
    "method.channels.prune_from": _extra(one_of(*NETWORKS), "follows prune_from"),
    "method.channels.allocate.count": _extra(
        one_of("nearest", "quantile", "at_most"), "the whole number of channels that are removed"
    ),
    "procedure.environment.observe": _extra(
        one_of("next", "same"), "the batch of the next round, or the one just scored"
    ),
}
"""What some authors' codes do otherwise than their papers say; most are of some parts alone."""

OPTIONS: dict[str, Option] = {
    **RUN,
    **RECIPE,
    **STRATEGY,
    **DATASET,
    **MODEL,
    **PRUNER,
    **REGROWTH,
    **GROWING_PENALTY,
    **CHANNELS,
    **POLICY,
    **QUANTIZATION,
    **AGENT,
    **ENSEMBLE,
    **LEVELS,
    **SUPER_RESOLUTION,
    **AS_THE_AUTHORS,
    **LAUNCHER,
    **LOGGER,
}
"""Dotted name -> option. "launcher.gpus@slurm" is that of launcher.slurm alone, by its function."""

COPIES = {
    "dataset.batch_size": "recipe.batch_size",
    "dataset.seed": "seed",
    "dataset.scale": "procedure.scale",
    "model.scale": "procedure.scale",
    "model.name": "name",
    "schedule.target": "sparsity",
    "policy.seed": "seed",
    "policy.file": "agent",
    "quantization.seed": "seed",
    "quantization.activation_schedule.target": "quantization.activation_sparsity",
    "method.pruner.allocator": "allocation",
    "method.pruner.schedule": "schedule",
    "method.pruner.rounding": "rounding",
    "method.pruner.scorer.mode": "scoring_mode",
    "method.channels.prune_from": "prune_from",
    "method.pruner.policy": "policy",
    "method.pruner.seed": "seed",
    "method.pruner.sparsity": "sparsity",
    "method.pruner.scorer.seed": "seed",
    "method.pruner.grow.seed": "seed",
    "method.pruner.invert": "controls.invert",
    "method.pruner.shuffle": "controls.shuffle",
    "method.pruner.reinitialize": "controls.reinitialize",
}
"""Options that follow another one unless they are set themselves."""
