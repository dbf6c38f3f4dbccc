"""How often neurons fire on images and on scrambled ones: whether they are AND-like or OR-like.

A. Fontana, And/or trade-off in artificial neurons: impact on adversarial robustness, arXiv
2102.07389: few combinations of inputs activate an AND-like neuron, many an OR-like one; a neuron's
outputs on the data are compared with those on a "scrambled" data set.

*Interpretation*, as nothing beyond the abstracts of its three versions was found, and no code:

- The scrambled images have each pixel's values, shuffled over the images on its own. So each pixel
  has the histogram that it had, and no two pixels go together.
- A neuron fires where its activation is above 0. What is compared is how often: f_D of the images,
  f_S of the scrambled ones. An AND-like neuron needs inputs that occur together, so f_D > f_S; an
  OR-like one does not, so f_D <= f_S. A neuron that reads one pixel has f_D = f_S.
- Neurons are those of `goldpan.activations`; a channel fires as often as its positions do on
  average. That of deeper layers is compared on the same scrambled images, not on scrambled inputs
  of its own.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from goldpan.activations import by_neuron, hidden_activations


def scramble(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shuffle each pixel of (N, C, H, W) over the N images, independently of all other pixels."""
    flat = images.flatten(1)
    order = torch.rand(flat.shape, generator=generator).argsort(0).to(images.device)
    return flat.gather(0, order).reshape(images.shape)


@torch.no_grad()
def firing_rates(model: nn.Module, batches: Iterable[Tensor]) -> dict[str, Tensor]:
    """How often each hidden neuron fires: name of the layer that reads it -> fractions (n,).

    `batches` are normalised images (N, C, H, W), of any N.
    """
    fired: dict[str, Tensor] = {}
    total = 0
    for images in batches:
        total += len(images)
        for name, received in hidden_activations(model, images)[0].items():
            reader = model.get_submodule(name.partition("#")[0])
            counts = by_neuron((received > 0).double(), reader).mean(2).sum(0)
            fired[name] = fired[name] + counts if name in fired else counts
    return {name: counts / total for name, counts in fired.items()}
