"""Prune, remove what the masks leave dead, and write the network as ONNX, checked by ONNX Runtime.

python examples/export_onnx.py network.onnx      needs pip install "goldpan[export]"
"""

import sys

import torch
from torch import nn

import goldpan as gp

path = (sys.argv[1:] or ["network.onnx"])[0]
torch.manual_seed(0)

model = nn.Sequential(
    nn.Conv2d(3, 64, 3, padding=1, bias=False),
    nn.BatchNorm2d(64),
    nn.ReLU(),
    nn.Conv2d(64, 64, 3, padding=1, stride=2, bias=False),
    nn.BatchNorm2d(64),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(64, 10),
)
x = torch.randn(20, 3, 32, 32)
gp.prune(model, "synflow", 0.97, example=x)
# Train it here, with gp.keep_masked.

small = gp.compact(model, x)
difference = gp.export(small, path, x)
whole, less = gp.count_cost(model, x), gp.count_cost(gp.plain(small), x)
print(f"{whole.flops:,} FLOPs an image before, {less.flops:,} in the file; ", end="")
print(f"logits differ by {difference:.0e}")
