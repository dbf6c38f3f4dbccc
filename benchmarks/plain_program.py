"""The rival of row 22: one run as a program of Hydra and Lightning would have it without goldpan.

python benchmarks/plain_program.py +train=true     # or false: it imports, composes and ends
"""

import hydra
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class Digits(pl.LightningModule):
    """LeNet-300-100 on scikit-learn's digits."""

    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Flatten(), nn.Linear(64, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU()]
        self.net = nn.Sequential(*layers, nn.Linear(100, 10))

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        """Cross-entropy."""
        return F.cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch: list[Tensor], _: int) -> None:
        """Log the accuracy."""
        self.log("accuracy", (self.net(batch[0]).argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """SGD with momentum."""
        return torch.optim.SGD(self.parameters(), 0.1, momentum=0.9)


@hydra.main(version_base="1.3", config_path=None)
def main(cfg: DictConfig) -> None:
    """Train for an epoch, if asked to."""
    if not cfg.train:
        return
    from sklearn.datasets import load_digits

    torch.set_num_threads(1)
    images, labels = load_digits(return_X_y=True)
    data = TensorDataset(torch.tensor(images).float() / 16, torch.tensor(labels))
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    trainer.fit(Digits(), DataLoader(data, 64, shuffle=True), DataLoader(data, 500))


if __name__ == "__main__":
    main()
