"""Row 21: inference of an exported network, compacted, in programs that only infer.

`goldpan export` writes the ONNX file; ONNX Runtime and OpenVINO lay its weights out themselves.
"""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.compacting import masks
from benchmarks.measure import Impossible, Pairs, compare
from benchmarks.rows import Row, at_least
from benchmarks.workloads import NETS, SHAPE, batch
from goldpan.channels.compaction import compact
from goldpan.channels.export import export_onnx
from goldpan.channels.surgery import plain
from goldpan.masks import write_masks

SPARSITY = 0.98

Infer = Callable[[Tensor], Tensor]


@cache
def networks() -> tuple[nn.Module, nn.Module, bytes]:
    """VGG-16 dense and compacted after SynFlow, in channels-last; and the latter's ONNX file."""
    dense = NETS["VGG-16"]()
    net = NETS["VGG-16"]()
    write_masks(net, masks("SynFlow")[SPARSITY])
    small = compact(net, SHAPE).small
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(small, path, SHAPE)
        written = path.read_bytes()
    layout = torch.channels_last
    first, second = (plain(one).eval().to(memory_format=layout) for one in (dense, small))
    return first, second, written


def in_torch(net: nn.Module, images: Tensor) -> Tensor:
    """The logits, by PyTorch."""
    with torch.inference_mode():
        return net(images.contiguous(memory_format=torch.channels_last))  # type: ignore[no-any-return]


def in_onnx_runtime(file: bytes) -> Infer:
    """A session of ONNX Runtime with torch's number of threads."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise Impossible("pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session: Any = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0])


def in_openvino(file: bytes) -> Infer:
    """A compiled model of OpenVINO with torch's number of threads, in float32."""
    try:
        import openvino
    except ModuleNotFoundError as error:
        raise Impossible("pip install openvino") from error
    core: Any = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "INFERENCE_PRECISION_HINT": "f32"}
    model: Any = core.compile_model(core.read_model(file), "CPU", settings)
    return lambda images: torch.from_numpy(model(images.numpy())[0])


PROGRAMS: dict[str, Callable[[bytes], Infer]] = {
    "ONNX Runtime": in_onnx_runtime,
    "OpenVINO": in_openvino,
}


def inference(program: str | None, count: int, device: torch.device) -> Pairs:
    """Forward passes of the compacted network in a program, or in PyTorch, and of the dense one."""
    dense, small, file = networks()
    images = batch(device, count)[0]
    infer = partial(in_torch, small) if program is None else PROGRAMS[program](file)
    difference = float((infer(images) - in_torch(small, images)).abs().max())
    if not difference <= 1e-4:
        raise RuntimeError(f"logits differ by {difference:.2g}")
    repeats = 10 if count == 1 else 1

    def several(one: Infer) -> None:
        for _ in range(repeats):
            one(images)

    return compare(partial(several, infer), lambda: several(partial(in_torch, dense)), 4)


ROWS = [
    Row(
        21,
        f"runtime-{(program or 'pytorch').lower().replace(' ', '-')}-{count}",
        f"VGG-16 compacted after SynFlow at {SPARSITY:.0%}, inference in {program or 'PyTorch'}, "
        f"batch {count}",
        "the dense network in PyTorch",
        at_least(None),
        "What a pruned network is worth where it is used.",
        partial(inference, program, count),
    )
    for program in (None, *PROGRAMS)
    for count in (1, 128)
]
