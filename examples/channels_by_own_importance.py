"""Remove channels by an importance of your own, here Taylor's: |sum of w * dL/dw| of each filter.

P. Molchanov et al., Importance Estimation for Neural Network Pruning, CVPR 2019, arXiv 1906.10771.

    python examples/channels_by_own_importance.py
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

import goldpan as gp

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16  # (1797, 1, 8, 8)
y = torch.tensor(digits.target)


def train(model: nn.Module, epochs: int) -> None:
    """Train on the first 1,400 images."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(epochs):
        for batch in torch.randperm(1400).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model.train()(x[batch]), y[batch]).backward()
            optimizer.step()


def accuracy(model: nn.Module) -> float:
    """Of the other 397 images, in percent."""
    return 100 * float((model.eval()(x[1400:]).argmax(1) == y[1400:]).float().mean())


def taylor(name: str, layer: nn.Module) -> Tensor:
    """A layer that makes channels, weight (C_out, C_in, K, K) -> importances (C_out,)."""
    return (layer.weight * layer.weight.grad).flatten(1).sum(1).abs()


def block(channels: int, out: int) -> list[nn.Module]:
    """A convolution with BatchNorm: channels that pass one can be removed."""
    return [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]


model = nn.Sequential(
    *block(1, 32), nn.MaxPool2d(2), *block(32, 64), nn.Flatten(), nn.Linear(1024, 10)
)
train(model, 2)
model.zero_grad()
F.cross_entropy(model.eval()(x[:1400]), y[:1400]).backward()  # for taylor

small = gp.shrink(model, x, 0.5, taylor)
before = accuracy(small)
train(small, 2)
whole, less = gp.count_cost(model, x), gp.count_cost(small, x)
print(f"whole network: {accuracy(model):.1f} %, {whole.parameters:,} parameters")
print(f"half of its channels: {before:.1f} %, trained on {accuracy(small):.1f} %, ", end="")
print(f"{less.parameters:,} parameters, {100 * less.flops / whole.flops:.0f} % of the FLOPs")
