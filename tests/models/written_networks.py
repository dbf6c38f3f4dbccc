"""Networks as people write them, each with one habit that a mask, a count or a copy may miss."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations

WIDTH = 16


class Written(nn.Module):
    """Layers `first`, `second` and `head`, with a habit: see `forward`."""

    def __init__(self, habit: str, classes: int, channels: int, size: int) -> None:
        super().__init__()
        self.habit = habit
        self.first: nn.Module = nn.Linear(channels * size * size, WIDTH)
        self.second: nn.Module = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, classes)
        if habit == "tied":
            self.third = nn.Linear(WIDTH, WIDTH)
            self.third.weight = self.second.weight  # type: ignore[assignment]
        elif habit == "normed":
            self.first = parametrizations.weight_norm(self.first)
            self.second = parametrizations.spectral_norm(self.second)
        elif habit == "old_norm":
            self.second = nn.utils.weight_norm(self.second)
        elif habit == "spare":
            self.spare = nn.Linear(8, 8)
        elif habit in ("lstm", "gru"):
            kind: Any = {"lstm": nn.LSTM, "gru": nn.GRU}[habit]
            self.first = kind(channels * size, WIDTH, batch_first=True)
        elif habit == "attention":
            self.first = nn.Linear(channels * size, WIDTH)
            self.mix = nn.MultiheadAttention(WIDTH, 2, batch_first=True)
        elif habit == "bare":
            self.weight = nn.Parameter(torch.randn(WIDTH, WIDTH) / WIDTH**0.5)
        elif habit == "lazy":
            self.first = nn.LazyLinear(WIDTH)

    def forward(self, x: Tensor) -> Any:
        """Logits (N, classes) of images (N, C, H, W), or what the habit makes of them."""
        rows = x.transpose(1, 2).flatten(2)  # (N, H, C W)
        if self.habit in ("lstm", "gru"):
            x = self.first(rows)[0][:, -1]
        elif self.habit == "attention":
            rows = self.first(rows)
            x = self.mix(rows, rows, rows, need_weights=False)[0].mean(1)
        else:
            x = self.first(x.flatten(1))
        x = F.relu(self.second(F.relu(x)))
        if self.habit == "tied":
            x = self.third(x)
        elif self.habit == "shared" or (self.habit == "branch" and x.mean() > 0.2):
            x = self.second(x)
        elif self.habit == "bare":
            x = F.linear(x, self.weight)
        elif self.habit == "function":
            x = F.linear(x, self.second.weight)  # type: ignore[arg-type]
        logits = self.head(x)
        if self.habit == "tuple":
            return logits, x
        if self.habit == "dict":
            return {"logits": logits}
        return logits[:, :3] if self.habit == "narrow" else logits


def build(
    classes: int, channels: int, image_size: int, seed: int, habit: str = "plain"
) -> nn.Module:
    """What `model._target_` names; the caller has seeded."""
    return Written(habit, classes, channels, image_size)
