"""Row 17: a run that is evaluated at its end alone, against one evaluated after each epoch."""

import torch

from benchmarks.epoch import train
from benchmarks.in_memory import RandomImages
from benchmarks.measure import Pairs, compare
from benchmarks.rows import Row, at_least
from goldpan.runs.curve import Row as CurveRow

TRAIN, TEST, BATCH, EPOCHS = 1_280, 1_280, 128, 3
"""As many images to train on as to test on: CIFAR-10 with dataset.limit=10000."""


def evaluation(_: torch.device) -> Pairs:
    """Both trainings in turn; their last accuracies have to be the same."""
    words = [
        *("dataset=cifar10", "model=resnet20", "method=dense", "recipe=synflow", "logger=none"),
        *(f"recipe.epochs={EPOCHS}", "strategy=cpu"),
    ]

    def ours() -> CurveRow:
        return _train([*words, f"recipe.evaluate_every={EPOCHS}ep"])

    def theirs() -> CurveRow:
        return _train(words)

    last, expected = ours(), theirs()
    if any(last[split] != expected[split] for split in ("val/accuracy", "test/accuracy")):
        raise RuntimeError("the accuracies differ")
    return compare(ours, theirs, 10, least=3, warm=False, note="The last accuracies are the same.")


def _train(words: list[str]) -> CurveRow:
    data = RandomImages(TRAIN, BATCH, validation=0.1, test=TEST)
    return train(data, words)[-1]


ROWS = [
    Row(
        17,
        "evaluation",
        f"{EPOCHS} epochs of ResNet-20 on {TRAIN:,} images, tested on as many at the end: "
        "recipe.evaluate_every",
        "evaluated after each epoch, as recipes are",
        at_least(1.15),
        "What a table of last epochs saves if nobody looks at its curves.",
        evaluation,
    )
]
