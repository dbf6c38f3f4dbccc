"""Write a network to a file that other programs read, and build a shrunk one again from its sizes.

What is written is `plain(model)` in eval mode, in float32 on the CPU, for batches of any size. The
file is run on random images before it gets its name: its logits must be those of the model.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from goldpan.channels.shrinkable import clear, sizes
from goldpan.channels.surgery import plain
from goldpan.files import replacing
from goldpan.stream import stream

PARITY = 1e-4  # the largest |difference| of logits that an export may have

Architecture = dict[str, dict[str, Any]]
"""Layer name -> its type and its sizes."""

_Run = Callable[[Tensor], Tensor]


def export_program(model: nn.Module, path: Path, shape: Sequence[int]) -> float:
    """Write a `torch.export` program (.pt2) for images (N, C, H, W), `shape` being (C, H, W).

    Returns the largest |difference| of logits between the file and the model on random images.
    Raises ValueError if the path does not end in .pt2, or the difference exceeds 1e-4.
    """
    net = _exportable(model, path, ".pt2")
    program = _program(net, shape)

    def write(file: Path) -> _Run:
        torch.export.save(program, file)
        return cast(_Run, torch.export.load(file).module())

    return _write(path, write, net, shape)


def export_onnx(model: nn.Module, path: Path, shape: Sequence[int]) -> float:
    """Write an ONNX model, input `images` (N, C, H, W), output `logits`; `shape` is (C, H, W).

    Returns the largest |difference| of logits between ONNX Runtime and the model on random images.
    Raises ModuleNotFoundError if an ONNX package is missing, ValueError as `export_program`.
    """
    try:
        _, _, onnxruntime = map(importlib.import_module, ("onnx", "onnxscript", "onnxruntime"))
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'Exporting to ONNX needs {error.name}: pip install "goldpan[export]".'
        ) from error
    net = _exportable(model, path, ".onnx")
    program = cast(
        torch.onnx.ONNXProgram,
        torch.onnx.export(
            _program(net, shape), (), verbose=False, input_names=["images"], output_names=["logits"]
        ),
    )

    def write(file: Path) -> _Run:
        program.save(file, external_data=False)
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0])

    return _write(path, write, net, shape)


def _exportable(model: nn.Module, path: Path, suffix: str) -> nn.Module:
    if path.suffix != suffix:
        raise ValueError(f"the path must end in {suffix}, got {path}")
    return plain(model).cpu().float().eval()


def _program(net: nn.Module, shape: Sequence[int]) -> ExportedProgram:
    images = torch.zeros(2, *shape)  # one image would be taken for a fixed batch size
    return torch.export.export(net, (images,), dynamic_shapes=({0: Dim("batch")},))


@torch.no_grad()
def _write(
    path: Path, write: Callable[[Path], _Run], net: nn.Module, shape: Sequence[int]
) -> float:
    """Write a file whole or not at all, after it has been run beside the network."""
    images = torch.randn(3, *shape, generator=stream("export"))
    with replacing(path) as temporary:
        difference = float((write(temporary)(images) - net(images)).abs().max())
        if not difference <= PARITY:
            raise ValueError(f"the export's logits may differ by {PARITY}, they do by {difference}")
    return difference


def architecture(model: nn.Module) -> Architecture:
    """Layer name -> its type and sizes, for every layer that holds parameters; fit for json."""
    layers: Architecture = {}
    for name, layer in model.named_modules():
        shapes = {key: list(value.shape) for key, value in layer.named_parameters(recurse=False)}
        if shapes:
            layers[name] = {"type": type(layer).__name__, **(sizes(layer) or {"shapes": shapes})}
    return layers


def rebuild(build: Callable[[], nn.Module], layers: Architecture) -> nn.Module:
    """Build a model and give its layers the sizes of an architecture: ready for `load_state_dict`.

    A layer whose sizes change holds zeros, and a mask that keeps all. Raises ValueError if the
    built model differs in more than the sizes of layers that can shrink.
    """
    model = build()
    built = architecture(model)
    if odd := [name for name in {**layers, **built} if name not in built or name not in layers]:
        raise ValueError(f"model and architecture must name the same layers; only one has {odd[0]}")
    for name, wanted in layers.items():
        layer, got = model.get_submodule(name), built[name]
        if got["type"] != wanted["type"] or (got != wanted and not sizes(layer)):
            raise ValueError(f"{name} must be {wanted}, the built model has {got}")
        if got != wanted:
            clear(layer, {size: wanted[size] for size in sizes(layer)})
    return model
