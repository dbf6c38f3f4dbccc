"""Images for super-resolution: the luminance of each, small as the input and whole as the target.

A small image is the whole one reduced by Keys' bicubic kernel with a = -0.5, widened against
aliasing, as the field's imresize does. At an edge the kernel's part inside the image is scaled up
to 1, where imresize mirrors the image. *Interpretation:* small images are clipped to [0, 1] and not
rounded to 8 bits, since they are never stored.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from goldpan.data.sampling import Sampling
from goldpan.data.vision import VisionData
from goldpan.types import Batch

BT_601 = (65.481, 128.553, 24.966)
BLACK = 16.0


def luminance(images: Tensor) -> Tensor:
    """ITU-R BT.601's Y of images in [0, 1]: (N, 3, H, W) -> (N, 1, H, W) in [16, 235] / 255.

    Y = (16 + 65.481 R + 128.553 G + 24.966 B) / 255. A grey image (N, 1, H, W) is its own.
    """
    if images.shape[1] == 1:
        return images
    weights = images.new_tensor(BT_601).view(1, 3, 1, 1)
    return ((images * weights).sum(1, keepdim=True) + BLACK) / 255


def reduce(images: Tensor, scale: int) -> Tensor:
    """Images of 1 / scale the height and width, (N, C, H, W) in [0, 1], by bicubic averages."""
    size = [side // scale for side in images.shape[-2:]]
    return _bicubic(images, size)


def enlarge(images: Tensor, scale: int) -> Tensor:
    """Images of scale times the height and width, by bicubic interpolation: what nets must beat."""
    return _bicubic(images, [side * scale for side in images.shape[-2:]])


def _bicubic(images: Tensor, size: list[int]) -> Tensor:
    # torch 2.14: the kernel has a = -0.5 with antialias, and a = -0.75 without.
    return F.interpolate(images, size, mode="bicubic", antialias=True).clamp(0, 1)


class SuperResolutionData(VisionData):
    """Any dataset, as pairs of small and whole images; `image_shape` is that of a small one.

    Batches are float32 (N, 1, H / scale, W / scale) and (N, 1, H, W), in [0, 1], for training
    mirrored at random where the dataset's are.

    Args:
        scale: how many times higher and wider the whole image is.
        options: those of VisionData; normalization=none and padding=0 among them.
    """

    def __init__(self, name: str, root: str = "data", *, scale: int = 2, **options: Any) -> None:
        super().__init__(name, root, **options)
        self.scale = scale

    def load(self) -> None:
        """Read and check the data as VisionData.

        Raises ValueError for images that are normalised or padded, or too small for the scale.
        """
        if self.normalization != "none" or (self.augment and self.padding):
            raise ValueError(
                "super-resolution needs pixels in [0, 1] without black borders: "
                "dataset.normalization=none and dataset.padding=0; got "
                f"{self.normalization} and {self.padding}"
            )
        super().load()
        side, least = self.image_size, 2 * self.scale + 1
        if side % self.scale or side < least:
            raise ValueError(
                f"procedure.scale={self.scale} needs images of a side that it divides, of {least} "
                f"pixels or more; got {side} x {side}"
            )
        small = self.image_size // self.scale
        self.image_shape = (1, small, small)

    def describe(self) -> dict[str, Any]:
        """What a run's record says of its data; `image_shape` is that of a small image."""
        return super().describe() | {"scale": self.scale, "luminance": "BT.601"}

    def draw_batches(self, sampling: Sampling, seed: int, device: torch.device) -> list[Batch]:
        """Draw pairs of training images for scoring, as VisionData draws its batches."""
        return [self._pair(images) for images, _ in super().draw_batches(sampling, seed, device)]

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Make pairs of a batch, on the device that it has reached."""
        images, _ = super().on_after_batch_transfer(batch, dataloader_idx)
        return self._pair(images)

    def _pair(self, images: Tensor) -> Batch:
        whole = luminance(images)
        return reduce(whole, self.scale), whole
