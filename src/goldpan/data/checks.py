"""What may be wrong with a dataset's options or its images, said before any training."""

from pathlib import Path

from goldpan.data.datasets import Spec
from goldpan.data.normalization import KINDS
from goldpan.data.sampling import HOLD_OUT

DECODED = ("image_folder", "tiny_imagenet", "imagenet")  # whose images can be scaled to a size
MAY_BE_ZERO = ("workers", "padding")


def check_options(spec: Spec, validation: float, size: int | None, **counts: int | None) -> None:
    """Raise ValueError for an option out of its range, before anything is read."""
    if not (0 <= validation < 1 or (isinstance(validation, int) and validation > 1)):
        raise ValueError(
            "expected validation, the training images held out, as a fraction in [0, 1) or a whole "
            f"number from 2 on, got {validation}; 0 holds none out"
        )
    for name, value in {**counts, "size": size}.items():
        smallest = 0 if name in MAY_BE_ZERO else 1
        if value is not None and value < smallest:
            raise ValueError(f"expected dataset.{name} of at least {smallest}, got {value}")
    if size is not None and spec.name not in DECODED:
        raise ValueError(
            f"expected no dataset.size for {spec.name}, whose images are {spec.size}x{spec.size}, "
            f"got {size}; it is for {', '.join(DECODED)}"
        )


def check_words(normalization: str, hold_out: str) -> None:
    """Raise ValueError when there is no such normalisation or way to hold images out."""
    for name, word, known in (
        ("normalization", normalization, KINDS),
        ("hold_out", hold_out, HOLD_OUT),
    ):
        if word not in known:
            raise ValueError(f"expected dataset.{name} of {', '.join(known)}, got {word!r}")


def check_images(root: Path, classes: int, train: int, test: int) -> None:
    """Raise ValueError when there is nothing to learn or nothing to test on."""
    if not train or classes < 2:
        raise ValueError(
            f"expected images of at least two classes in {root.absolute()}, got {train} training "
            f"images in {classes} class folder(s); make a folder for each class, or train/ and "
            "test/ folders of them"
        )
    if not test:
        raise ValueError(
            f"expected images to test on in {root.absolute()}, got {train} training images and no "
            "test image; add images or a test/ folder"
        )


def check_limit(limit: int | None, classes: int, train: int) -> None:
    """Raise ValueError when `limit` images of `train` cannot hold each class."""
    if limit is not None and not classes <= limit <= train:
        raise ValueError(
            f"expected dataset.limit between {classes}, one training image of each class, and "
            f"{train}, all of them, got {limit}"
        )


def check_batches(batch_size: int, validation: float, train: int, held_out: int) -> None:
    """Raise ValueError when the training split gives no whole batch or no validation split."""
    if validation and not held_out:
        raise ValueError(
            f"expected validation={validation} to hold out at least one image, got none of "
            f"{train}; raise it, or set it to 0 for no validation split"
        )
    if not train:
        raise ValueError(
            f"expected validation={validation} to leave images to train on, got {held_out} held "
            "out, all of them; lower it"
        )
    if batch_size > train:
        raise ValueError(
            f"expected a batch_size of at most {train}, the number of training images left, got "
            f"{batch_size}; lower recipe.batch_size, or raise dataset.limit"
        )
