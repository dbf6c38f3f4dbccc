"""How much faster a network gets when channels go, beside how many FLOPs they took.

VGG-16 (32 x 32 images, 10 classes, random weights) with 50, 70 and 90 % of each layer's channels
removed, against the whole network, which is also what the masked one costs: eval forward passes of
both in turn in this process, the median of 15.

    python benchmarks/shrunk_speed.py
"""

import torch

from goldpan.allocation.channels import layerwise_channels
from goldpan.cost import cost
from goldpan.latency import latencies
from goldpan.models.vgg import vgg16
from goldpan.surgery import plain, shrink
from goldpan.thinning import thin

SHAPE = (3, 32, 32)


def main() -> None:
    """Print a Markdown table."""
    dense = vgg16(10)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print("| channels removed | FLOPs | batch 1 | batch 128 |")
    print("| --- | --- | --- | --- |")
    for sparsity in (0.5, 0.7, 0.9):
        small = shrink(dense, thin(dense, SHAPE, sparsity, layerwise_channels).kept, SHAPE)
        fewer = cost(dense, SHAPE).flops / cost(small, SHAPE).flops
        cells = [f"{100 * sparsity:g} %", f"1/{fewer:.1f}"]
        for batch in (1, 128):
            times = latencies({"dense": plain(dense), "shrunk": plain(small)}, SHAPE, batch)
            faster = times["dense"] / times["shrunk"]
            cells.append(f"{times['dense']:.2f} -> {times['shrunk']:.2f} ms ({faster:.1f}x)")
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
