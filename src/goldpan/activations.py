"""The hidden activations of any network: what its convolutions and linear layers receive.

The neurons of a hidden layer are the numbers that the next convolution or linear layer receives. In
an MLP these are the activations after the ReLU; elsewhere they lie behind norms and pooling too.
"""

from typing import Any

from torch import Tensor, nn

from goldpan.gradients import mode, removing


def hidden_activations(model: nn.Module, images: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """What each layer but the first receives for these images, by the layer's name; the logits.

    The images (N, C, H, W) pass in evaluation mode. What two layers receive, as at a residual
    block, is listed once, at the first of them.
    """
    received: dict[int, tuple[str, Tensor]] = {}  # by identity; held, so that none is another's

    def see(layer: nn.Module, given: tuple[Any, ...]) -> None:
        received.setdefault(id(given[0]), (names[layer], given[0]))

    named = model.named_modules()
    names: dict[nn.Module, str] = {
        layer: name for name, layer in named if isinstance(layer, nn.Linear | nn.Conv2d)
    }
    hooks = [layer.register_forward_pre_hook(see) for layer in names]
    with removing(hooks), mode(model, training=False):
        outputs = model(images)
    hidden: dict[str, Tensor] = {}
    for name, tensor in list(received.values())[1:]:  # without the images
        # A layer that is used twice has two names.
        hidden[name if name not in hidden else f"{name}#{len(hidden)}"] = tensor
    return hidden, outputs


def by_neuron(values: Tensor, layer: nn.Module) -> Tensor:
    """What a layer reads or makes of N images, as (N, neurons, positions).

    A linear layer has its neurons in the last dimension, a convolution or a norm in the second.
    """
    second = values.movedim(-1, 1) if isinstance(layer, nn.Linear) else values
    return second.reshape(*second.shape[:2], -1)
