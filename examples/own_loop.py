"""Prune a network and train it in a loop of your own: PyTorch, scikit-learn's digits, no files.

python examples/own_loop.py snip 0.9
"""

import sys

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

import goldpan as gp

method, sparsity = sys.argv[1:] or ("snip", "0.9")
torch.manual_seed(0)

digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16  # (1797, 1, 8, 8)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
train, test = order[:1400], order[1400:]

model = nn.Sequential(
    nn.Conv2d(1, 32, 3, padding=1, bias=False),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Conv2d(32, 32, 3, padding=1, stride=2, bias=False),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(32 * 4 * 4, 10),
)

sample = train[:100]
gp.prune(model, method, float(sparsity), batches=[(x[sample], y[sample])])

optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
gp.keep_masked(model, optimizer)
for _ in range(3):
    for batch in train[torch.randperm(len(train))].split(64):
        optimizer.zero_grad()
        F.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()

model.eval()
accuracy = 100 * (model(x[test]).argmax(1) == y[test]).float().mean()
print(f"{method}: test accuracy {accuracy:.1f} % at sparsity {gp.sparsity(model):.4f}")
