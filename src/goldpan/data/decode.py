"""Decode image files into arrays: (N, C, H, W) uint8, one channel only if every image is grey."""

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from rich.progress import track

from goldpan.data.datasets import Images, Splits
from goldpan.data.folders import Layout, read_members

GREY_MODES = ("1", "L", "LA", "F")

Pixels = NDArray[np.uint8]


def decode(source: Path, layout: Layout, size: int | None) -> Splits:
    """Decode every image of the layout, in the order of its member name, into two splits.

    `size` in pixels: images are scaled to it by their shorter side and cut to its centre square.
    None: all must be squares of one size.

    Raises ValueError when an image is broken or its size differs; it says which.
    """
    rows = {name: row for row, name in enumerate([*sorted(layout.train), *sorted(layout.test)])}
    filled = _Array(len(rows))
    hidden, members = not sys.stdout.isatty(), read_members(source, rows)
    for name, content in track(members, "decoding", total=len(rows), disable=hidden):
        filled.put(rows[name], name, _pixels(content, f"{source}: {name}", size))
    images = torch.from_numpy(filled.array)
    known = layout.train | layout.test
    labels = torch.tensor([known[name] for name in rows], dtype=torch.int64)
    count = len(layout.train)
    mean, std = measure(images[:count])
    return Splits(
        Images(images[:count], labels[:count]),
        Images(images[count:], labels[count:]),
        *(layout.class_names, mean, std),
    )


def measure(images: torch.Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return each channel's mean and standard deviation: uint8 (N, C, H, W) as pixels in [0, 1]."""
    counts = torch.zeros(images.shape[1], 256, dtype=torch.float64)
    for part in images.split(4096):  # bincount works on int64 copies
        for channel, pixels in enumerate(part.unbind(1)):
            counts[channel] += torch.bincount(pixels.flatten(), minlength=256)
    values = torch.arange(256, dtype=torch.float64) / 255
    weights = counts / counts.sum(1, keepdim=True)
    mean = weights @ values
    std = ((weights @ values**2) - mean**2).clamp_min(1e-8).sqrt()
    return tuple(mean.tolist()), tuple(std.tolist())


class _Array:
    """An array filled image by image; grey until the first colour image comes."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.array: Pixels = np.zeros((count, 1, 0, 0), np.uint8)
        self.first = ""

    def put(self, row: int, name: str, pixels: Pixels) -> None:
        if not self.first:
            self.array, self.first = np.zeros((self.count, *pixels.shape), np.uint8), name
        if self.array.shape[2:] != pixels.shape[1:]:
            raise ValueError(
                f"expected images of one size, got {_shape(self.array[0])} ({self.first}) and "
                f"{_shape(pixels)} ({name}); set dataset.size to the size wanted, in pixels"
            )
        if self.array.shape[1] < pixels.shape[0]:
            self.array = self.array.repeat(pixels.shape[0], axis=1)
        self.array[row] = pixels  # a grey image is the same in all three channels


def _pixels(content: bytes, name: str, size: int | None) -> Pixels:
    """Decode one file to (C, H, W): C is 1 when the file is grey, else 3."""
    try:
        with Image.open(BytesIO(content)) as file:
            if size is not None:
                file.draft(None, (2 * size, 2 * size))  # decodes large JPEGs at a fraction
            image: Image.Image = ImageOps.exif_transpose(file)
            if "transparency" in image.info:
                image = image.convert("RGBA")
            if image.mode.startswith("I"):  # 16 bits, which Pillow would clip
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            image = image.convert("L" if image.mode in GREY_MODES else "RGB")
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        raise ValueError(
            f"expected a whole image file, got {name} ({error}); replace it or remove it"
        ) from error
    if size is not None and image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    if image.width != image.height:
        raise ValueError(
            f"expected square images, got {name} of {image.width}x{image.height}; "
            "set dataset.size to the size wanted, in pixels"
        )
    array = np.asarray(image)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def _shape(pixels: Pixels) -> str:
    return f"{pixels.shape[2]}x{pixels.shape[1]}"
