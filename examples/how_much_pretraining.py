"""How much training comes before a good sub-network can be picked? From the records of a sweep.

C. Wolfe et al., How Much Pre-training Is Enough to Discover a Good Subnetwork?, TMLR 2024, arXiv
2108.00259: in a two-layer network, the steps that greedy forward selection needs before it grow
with the logarithm of the number of training images. The experiment is our own design
(interpretation: the paper's widths and margins are unknown to us, and it speaks of the training
error): networks of one hidden layer are trained for 1, 2, 4, ... steps on a part of the images, a
fifth of their units is picked, and no step follows before the test accuracy is measured
(`channels.pruned` of the record). For each number of images, the fewest steps after which the
accuracy is within a margin of the best one. One seed is noisy: add seed=0,1,2.

    goldpan -m method=greedy_forward sparsity=0.8 model=mlp model.hidden=[300] dataset=mnist \\
        dataset.limit=500,2000,8000,32000 dataset.validation=0 method.channels.epochs=1it \\
        method.channels.scorer.picks=100 method.channels.sampling.size=400 \\
        recipe.learning_rate._target_=goldpan.schedules.learning_rate.constant \\
        recipe.epochs=1it,2it,4it,8it,16it,32it,64it,128it,256it,512it output=outputs/pretraining
    python examples/how_much_pretraining.py outputs/pretraining pretraining.png

The margin is 1 (percent point) unless a third word says another.
"""

import math
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import linear_regression, mean

from goldpan.pictures import STYLES, figure
from goldpan.runs.record import RECORD, read_record

Curve = Mapping[int, float]
"""Steps of training -> test accuracy of the picked sub-network, percent, mean over the seeds."""


def read_curves(folder: Path) -> dict[int, Curve]:
    """The curve for each number of training images, from the records of runs below a folder.

    Raises ValueError if no run there has removed channels.
    """
    found: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for path in folder.glob(f"*/{RECORD}"):
        record = read_record(path)
        if record.channels is not None:
            steps, images = record.channels.trained.step, record.origin.data["train"]
            found[images][steps or 0].append(record.channels.pruned.test)
    if not found:
        raise ValueError(f"expected records of method=greedy_forward in {folder}, found none there")
    return {
        images: {steps: mean(values) for steps, values in sorted(curve.items())}
        for images, curve in sorted(found.items())
    }


def steps_enough(curve: Curve, margin: float) -> int:
    """The fewest steps after which the accuracy is that near to the best one."""
    best = max(curve.values())
    return min(steps for steps, accuracy in curve.items() if accuracy >= best - margin)


def per_doubling(enough: Mapping[int, int]) -> float:
    """The slope of the steps by log2 of the images: how many more steps twice the images take."""
    return linear_regression([math.log2(images) for images in enough], list(enough.values())).slope


def draw(curves: Mapping[int, Curve], enough: Mapping[int, int], path: Path) -> None:
    """Left the accuracies by steps, with those that are enough; right these by the images."""
    with figure(path, 1, 2, (8, 3.2)) as ((left, right),):
        for (images, curve), (colour, marker) in zip(curves.items(), STYLES, strict=False):
            name = f"{images:,} images"
            left.plot([*curve], [*curve.values()], color=colour, marker=marker, label=name)
            left.axvline(enough[images], color=colour, linestyle=":")
        left.set(xscale="log", xlabel="steps before the selection", ylabel="test accuracy (%)")
        left.legend()
        right.plot([*enough], [*enough.values()], "o-")
        right.set(xscale="log", xlabel="training images", ylabel="steps that are enough")


def main(folder: str, picture: str | None = None, margin: str = "1") -> None:
    """Print a table in Markdown, and draw it."""
    curves = read_curves(Path(folder))
    enough = {images: steps_enough(curve, float(margin)) for images, curve in curves.items()}
    print(f"| training images | best accuracy | steps to be within {margin} of it |")
    print("|---|---|---|")
    for images, curve in curves.items():
        print(f"| {images:,} | {max(curve.values()):.2f} % | {enough[images]} |")
    if len(enough) > 1:
        print(f"\n{per_doubling(enough):.1f} more steps for twice the images")
    if picture is not None:
        draw(curves, enough, Path(picture))


if __name__ == "__main__":
    if not 1 <= len(sys.argv) - 1 <= 3:
        sys.exit("usage: python examples/how_much_pretraining.py FOLDER [PICTURE [MARGIN]]")
    main(*sys.argv[1:])
