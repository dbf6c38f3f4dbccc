"""Initial weights by the name of their paper, the same on every device for the same seed.

| scheme | convolutions | linear layers | norm scale | biases | used by |
|---|---|---|---|---|---|
| kaiming_normal | N(0, 2/fan_out) | N(0, 0.01^2) | 1 | 0 | torchvision, GraSP, Panning |
| kaiming_normal_fan_in | N(0, 2/fan_in) | N(0, 2/fan_in) | 1 | 0 | SynFlow's VGG, ResNet-20 |
| fan_out_default_linear | N(0, 2/fan_out) | U(-b, b) | 1 | U(-b, b) | SynFlow's ResNet-18 |
| xavier_normal | N(0, 2/(fan_in+fan_out)) | the same | 1 | 0 | GraSP's scoring copy, LTH |
| xavier_uniform | U of the same variance | the same | 1 | 0 | Glorot and Bengio 2010 |
| variance_scaling | T(0, 1/fan_in) | the same | 1 | 0 | TensorFlow |
| variance_scaling_uncorrected | 0.8796 times these | the same | 1 | 0 | TensorFlow 1.7 |
| normal_0.1 | N(0, 0.1^2) | the same | 1 | 0 | SET's tutorial; any number after normal_ |
| rni | N(0, 2/fan_out) | N(0, 0.01^2) | 0.5 | 0 | Receding Neuron Importances |
| open_lth | N(0, 2/fan_in) | N(0, 2/fan_in) | U(0, 1) | PyTorch's | Frankle et al. (open_lth) |
| default | U(-b, b), b = 1/sqrt(fan_in) | the same | 1 | U(-b, b) | PyTorch's `reset_parameters` |

T is a normal distribution without what lies beyond two of its deviations, which leaves 0.8796 of
the deviation. `tf.variance_scaling_initializer` (scale 1, fan_in) divided by that number in no
version up to 1.7 (TensorFlow's issues 18634 and 19081), and does in 2.x. SNIP's code asks for a
TensorFlow before 1.13; which one made its tables is UNKNOWN.

fan_in = C_in/groups * K * K, fan_out = C_out * K * K. A norm's shift is 0 and its running
statistics start afresh. Norms are drawn after all other layers, so schemes that differ in the
norms alone give the same convolutions.

Prunable biases (`bias=prunable`) are drawn by the variance-scaling schemes too, with their number
for fan_in: SNIP's code draws those that it scores so, and starts its training from zeros.

b = 1/sqrt(fan_in). Which biases SynFlow's code leaves at PyTorch's draw: those of the classifier of
its ResNet-18, as `fan_out_default_linear` does; its VGG and ResNet-20 have biases 0, as here.
"""

import copy
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from goldpan.layers.masked import MaskedBias, MaskedLayer

Filler = Callable[..., Tensor]  # (tensor, *, generator) -> the tensor, filled in place


def _constant(tensor: Tensor, value: float, generator: torch.Generator) -> Tensor:
    return tensor.fill_(value)


def _truncated(tensor: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Fill with normal numbers within two deviations, for a `deviation` of 1 at fan_in 1."""
    std = deviation / math.sqrt(tensor[0].numel())
    return nn.init.trunc_normal_(tensor, 0.0, std, -2 * std, 2 * std, generator=generator)


def _truncated_bias(tensor: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """The same for biases (C, 1): TensorFlow takes a vector's length for its fan_in."""
    return _truncated(tensor.view(1, -1), deviation, generator).view_as(tensor)


_LEFT = 0.87962566103423978  # deviation of a standard normal without what lies beyond -2 and 2
_FAN_IN = partial(nn.init.kaiming_normal_, mode="fan_in", nonlinearity="relu")
_FAN_OUT = partial(nn.init.kaiming_normal_, mode="fan_out", nonlinearity="relu")
_SMALL = partial(nn.init.normal_, std=0.01)
_XAVIER = nn.init.xavier_normal_
_XAVIER_UNIFORM = nn.init.xavier_uniform_
_TRUNCATED = partial(_truncated, deviation=1.0)
_TRUNCATED_BIAS = partial(_truncated_bias, deviation=1.0)
_CORRECTED = partial(_truncated, deviation=1 / _LEFT)
_CORRECTED_BIAS = partial(_truncated_bias, deviation=1 / _LEFT)
_PYTORCH = partial(nn.init.kaiming_uniform_, a=math.sqrt(5))  # U(-b, b), b = 1/sqrt(fan_in)
_ONE = partial(_constant, value=1.0)
_HALF = partial(_constant, value=0.5)


@dataclass(frozen=True)
class Scheme:
    """How a paper fills convolutions, linear layers and the scale of norms.

    Biases are U(-b, b) with b = bias_bound / sqrt(fan_in). Prunable biases, which stand apart from
    their layer, are the same unless the scheme has a filler for them.
    """

    conv: Filler
    linear: Filler
    norm: Filler = _ONE
    bias_bound: float = 0.0
    prunable_bias: Filler | None = None


SCHEMES = {
    "kaiming_normal": Scheme(_FAN_OUT, _SMALL),
    "kaiming_normal_fan_in": Scheme(_FAN_IN, _FAN_IN),
    "fan_out_default_linear": Scheme(_FAN_OUT, _PYTORCH, bias_bound=1.0),
    "xavier_normal": Scheme(_XAVIER, _XAVIER),
    "xavier_uniform": Scheme(_XAVIER_UNIFORM, _XAVIER_UNIFORM),
    "variance_scaling": Scheme(_CORRECTED, _CORRECTED, prunable_bias=_CORRECTED_BIAS),
    "variance_scaling_uncorrected": Scheme(_TRUNCATED, _TRUNCATED, prunable_bias=_TRUNCATED_BIAS),
    "rni": Scheme(_FAN_OUT, _SMALL, norm=_HALF),
    "open_lth": Scheme(_FAN_IN, _FAN_IN, norm=nn.init.uniform_, bias_bound=1.0),
    "default": Scheme(_PYTORCH, _PYTORCH, bias_bound=1.0),
}

NORMAL = r"normal_(\d+\.?\d*)"
"""The names of schemes whose weights are all normal with the deviation that is named."""

_Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm
_PLAIN_RESETS = {
    norm.reset_parameters for norm in (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
}


def find_scheme(name: str) -> Scheme:
    """The scheme of that name; `normal_` and a number is one of that deviation.

    Raises:
        ValueError: if there is none.
    """
    if name in SCHEMES:
        return SCHEMES[name]
    if found := re.fullmatch(NORMAL, name):
        normal = partial(nn.init.normal_, std=float(found[1]))
        return Scheme(normal, normal)
    raise ValueError(
        f"initialization must be one of {', '.join(SCHEMES)}, or normal_ and a deviation, as in "
        f"normal_0.1, got {name!r}."
    )


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
    rules = find_scheme(scheme)
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
        elif isinstance(layer, MaskedBias):
            filler = rules.prunable_bias or _uniform(rules.bias_bound, layer.fan_in)
            _fill(layer.weight, filler, generator)
            layer.weight.mul_(layer.mask)
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
    _fill(layer.bias, _uniform(bias_bound, layer.weight[0].numel()), generator)


def _uniform(bias_bound: float, fan_in: int) -> Filler:
    """U(-b, b) with b = bias_bound / sqrt(fan_in); zeros if that is 0."""
    bound = bias_bound / math.sqrt(fan_in)
    uniform, zero = partial(nn.init.uniform_, a=-bound, b=bound), partial(_constant, value=0.0)
    return uniform if bound > 0 else zero


def _fill(tensor: Tensor | None, filler: Filler, generator: torch.Generator) -> None:
    if tensor is not None and not tensor.is_meta:
        fresh = torch.empty(tensor.shape, dtype=torch.float32, device="cpu")
        tensor.copy_(filler(fresh, generator=generator))
