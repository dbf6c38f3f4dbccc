"""Prune, remove what the masks leave dead, and write the network as ONNX.

    python examples/export_onnx.py network.onnx      needs pip install onnx onnxruntime onnxscript
"""

import sys
from pathlib import Path

import onnxruntime
import torch
from torch import nn

import goldpan as gp

path = Path((sys.argv[1:] or ["network.onnx"])[0])
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
# ... train it here, with gp.keep_masked ...

small = gp.plain(gp.compact(model, x)).eval()
torch.onnx.export(
    small,
    (x[:2],),
    path,
    input_names=["images"],
    output_names=["logits"],
    dynamic_shapes=({0: torch.export.Dim("batch")},),
    external_data=False,
    verbose=False,
)
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
logits = session.run(None, {"images": x.numpy()})[0]
difference = float((torch.from_numpy(logits) - small(x)).abs().max())
whole, less = gp.count_cost(model, x), gp.count_cost(small, x)
print(f"{whole.flops:,} FLOPs an image before, {less.flops:,} in {path.name}; ", end="")
print(f"logits differ by {difference:.1g}")
