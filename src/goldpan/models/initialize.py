"""Initial weights by the name of their paper, the same on every device for the same seed.

| scheme | convolutions | linear layers | norm scale | biases | used by |
|---|---|---|---|---|---|
| kaiming_normal | N(0, 2/fan_out) | N(0, 0.01^2) | 1 | 0 | torchvision, GraSP, Panning |
| kaiming_normal_fan_in | N(0, 2/fan_in) | N(0, 2/fan_in) | 1 | 0 | SynFlow |
| xavier_normal | N(0, 2/(fan_in+fan_out)) | the same | 1 | 0 | GraSP's scoring copy |
| rni | N(0, 2/fan_out) | N(0, 0.01^2) | 0.5 | 0 | Receding Neuron Importances |
| open_lth | N(0, 2/fan_in) | N(0, 2/fan_in) | U(0, 1) | PyTorch's | Frankle et al. (open_lth) |
| default | U(-b, b), b = 1/sqrt(fan_in) | the same | 1 | U(-b, b) | PyTorch's `reset_parameters` |

fan_in = C_in/groups * K * K, fan_out = C_out * K * K. A norm's shift is 0 and its running
statistics start afresh. Norms are drawn after all other layers, so schemes that differ in the
norms alone give the same convolutions.

*Differs from the papers:* SynFlow's code leaves biases at PyTorch's draw; here they are 0.
"""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from goldpan.layers.masked import MaskedLayer

Filler = Callable[..., Tensor]  # (tensor, *, generator) -> the tensor, filled in place


def _constant(tensor: Tensor, value: float, generator: torch.Generator) -> Tensor:
    return tensor.fill_(value)


_FAN_IN = partial(nn.init.kaiming_normal_, mode="fan_in", nonlinearity="relu")
_FAN_OUT = partial(nn.init.kaiming_normal_, mode="fan_out", nonlinearity="relu")
_SMALL = partial(nn.init.normal_, std=0.01)
_XAVIER = nn.init.xavier_normal_
_PYTORCH = partial(nn.init.kaiming_uniform_, a=math.sqrt(5))  # U(-b, b), b = 1/sqrt(fan_in)
_ONE = partial(_constant, value=1.0)
_HALF = partial(_constant, value=0.5)


@dataclass(frozen=True)
class Scheme:
    """How a paper fills convolutions, linear layers and the scale of norms.

    Biases are U(-b, b) with b = bias_bound / sqrt(fan_in).
    """

    conv: Filler
    linear: Filler
    norm: Filler = _ONE
    bias_bound: float = 0.0


SCHEMES = {
    "kaiming_normal": Scheme(_FAN_OUT, _SMALL),
    "kaiming_normal_fan_in": Scheme(_FAN_IN, _FAN_IN),
    "xavier_normal": Scheme(_XAVIER, _XAVIER),
    "rni": Scheme(_FAN_OUT, _SMALL, norm=_HALF),
    "open_lth": Scheme(_FAN_IN, _FAN_IN, norm=nn.init.uniform_, bias_bound=1.0),
    "default": Scheme(_PYTORCH, _PYTORCH, bias_bound=1.0),
}

_Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm
_PLAIN_RESETS = {
    norm.reset_parameters for norm in (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Start the CPU's global generator at `seed` inside; outside it is as it was before."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also seed the GPUs
        yield


@torch.no_grad()
def initialize(model: nn.Module, scheme: str, seed: int) -> None:
    """Fill the model's weights in place by the scheme of that name; cut weights stay zero.

    Convolutions, linear layers and PyTorch's norms are drawn on the CPU from a generator that
    starts at `seed`; the global generator is left as it was. Any other module, a norm with its
    own `reset_parameters` included, draws for itself. Tensors on the meta device are passed over.

    Raises ValueError if no scheme has that name.
    """
    if scheme not in SCHEMES:
        raise ValueError(f"initialization must be one of {', '.join(SCHEMES)}, got {scheme!r}.")
    rules = SCHEMES[scheme]
    generator = torch.Generator("cpu").manual_seed(seed)
    modules = list(model.modules())
    with seeded(seed):
        for module in modules:
            _reset(module)
    for layer in modules:
        if isinstance(layer, nn.Conv2d):
            _fill_layer(layer, rules.conv, rules.bias_bound, generator)
        elif isinstance(layer, nn.Linear):
            _fill_layer(layer, rules.linear, rules.bias_bound, generator)
    for norm in modules:
        if isinstance(norm, _Norm) and _is_plain(norm):
            norm.reset_parameters()
            _fill(norm.weight, rules.norm, generator)


def _is_plain(module: nn.Module) -> bool:
    return getattr(type(module), "reset_parameters", None) in _PLAIN_RESETS


def _reset(module: nn.Module) -> None:
    """Let a module that is no convolution, linear layer or plain norm draw for itself, on a CPU."""
    own = list(module.parameters(recurse=False))
    drawn_below = isinstance(module, nn.Conv2d | nn.Linear) or _is_plain(module)
    if drawn_below or not own or own[0].is_meta or not hasattr(module, "reset_parameters"):
        return
    fresh = copy.deepcopy(module).cpu()
    fresh.reset_parameters()  # type: ignore[operator]
    module.load_state_dict(fresh.state_dict())


def _fill_layer(
    layer: nn.Conv2d | nn.Linear, filler: Filler, bias_bound: float, generator: torch.Generator
) -> None:
    """Draw the weight and then the bias of one layer; keep its cut weights at zero."""
    _fill(layer.weight, filler, generator)
    if isinstance(layer, MaskedLayer):
        layer.weight.mul_(layer.mask)
    bound = bias_bound / math.sqrt(layer.weight[0].numel())
    uniform, zero = partial(nn.init.uniform_, a=-bound, b=bound), partial(_constant, value=0.0)
    _fill(layer.bias, uniform if bound > 0 else zero, generator)


def _fill(tensor: Tensor | None, filler: Filler, generator: torch.Generator) -> None:
    if tensor is not None and not tensor.is_meta:
        fresh = torch.empty(tensor.shape, dtype=torch.float32, device="cpu")
        tensor.copy_(filler(fresh, generator=generator))
