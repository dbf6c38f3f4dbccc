"""Row 16: an epoch of LeNet-300-100 on MNIST, of which a table has thousands.

The rival is a published script's loop, told from the description of SNFS's code: every image is
made a tensor and normalised by itself in a DataLoader, cut weights are zeroed layer by layer after
each step, validation images are gone through after each epoch.
"""

from collections.abc import Sequence
from statistics import mean
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.epoch import trained_in_turn
from benchmarks.in_memory import RandomImages
from benchmarks.measure import Pairs
from benchmarks.rows import Row, at_least
from goldpan.data.datasets import Images
from goldpan.models.lenet import lenet_300_100

IMAGES, VALIDATION, BATCH, EPOCHS = 20_000, 0.1, 100, 7
RUNS, EPOCHS_OF_RUN, IMAGES_OF_RUN = 45, 100, 60_000

WORDS = [
    *("dataset=mnist", "model=lenet_300_100", "method=snfs", "sparsity=0.95", "recipe=snfs_mnist"),
    *("dataset.validation=0.1", "allocation=layerwise", "strategy.threads=1", "logger=none"),
]


class OneByOne(Dataset[tuple[Tensor, int]]):
    """Images that are transformed one by one, as torchvision's MNIST gives them."""

    def __init__(self, images: Images) -> None:
        self.pixels, self.labels = images.images, images.labels
        normal = transforms.Normalize((0.1307,), (0.3081,))
        self.transform = transforms.Compose([transforms.ToTensor(), normal])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.pixels[index, 0].numpy())
        return self.transform(image), int(self.labels[index])


class Script:
    """A published script's training of one masked LeNet-300-100."""

    def __init__(self, data: RandomImages) -> None:
        assert isinstance(data.train, Images)
        every, held_out = OneByOne(data.train), round(VALIDATION * len(data.train.labels))
        kept = torch.utils.data.Subset(every, range(len(every) - held_out))
        rest = torch.utils.data.Subset(every, range(len(every) - held_out, len(every)))
        self.train = DataLoader(kept, BATCH, shuffle=True, drop_last=True)
        self.validation = DataLoader(rest, BATCH)
        self.net = lenet_300_100(linear=nn.Linear)
        options: dict[str, Any] = {"momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1, **options)
        draw = torch.Generator().manual_seed(0)
        self.masks = {
            weight: (torch.rand(weight.shape, generator=draw) < 0.05).float()
            for weight in self.net.parameters()
            if weight.dim() > 1
        }
        self._zero()

    def epoch(self) -> float:
        """Train, then go through the validation images; their loss."""
        self.net.train()
        for x, y in self.train:
            self.optimizer.zero_grad()
            F.cross_entropy(self.net(x), y).backward()
            self.optimizer.step()
            self._zero()
        self.net.eval()
        with torch.no_grad():
            return sum(F.cross_entropy(self.net(x), y).item() for x, y in self.validation)

    def _zero(self) -> None:
        for weight, mask in self.masks.items():
            weight.data = weight.data * mask


def table(device: torch.device) -> Pairs:
    """Epochs of both in turn, on one thread each, as two of a table's runs share two cores."""
    threads = torch.get_num_threads()
    data = RandomImages(IMAGES, BATCH, VALIDATION, name="mnist", test=IMAGES // 6)
    data.load()
    try:
        torch.set_num_threads(1)
        pairs = trained_in_turn(data, Script(data), [*WORDS, f"recipe.epochs={EPOCHS}"], device)
    finally:
        torch.set_num_threads(threads)
    note = (
        f"A table of {RUNS} runs of {EPOCHS_OF_RUN} epochs, two at a time: "
        f"{_hours(pairs.ours):.1f} hours, by the script {_hours(pairs.rival):.1f}."
    )
    return Pairs(pairs.ours, pairs.rival, note=note)


def _hours(epochs: Sequence[float]) -> float:
    return RUNS * EPOCHS_OF_RUN * mean(epochs) * IMAGES_OF_RUN / IMAGES / 2 / 3600


ROWS = [
    Row(
        16,
        "small-table",
        f"an epoch of SNFS, LeNet-300-100 on {IMAGES:,} images at 95 %, through run.py's training",
        "a published script's loop: transforms image by image, masks layer by layer",
        at_least(4),
        "A table of such runs takes that many times less.",
        table,
    )
]
