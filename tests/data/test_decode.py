import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from goldpan.data.decode import decode, measure
from goldpan.data.folders import Layout

Picture = Callable[..., bytes]


def source(folder: Path, *contents: bytes) -> tuple[Path, Layout]:
    for i, content in enumerate(contents):
        (folder / f"{i}.png").write_bytes(content)
    last = len(contents) - 1
    train = {f"{i}.png": i for i in range(last)}
    return folder, Layout(train, {f"{last}.png": 0}, ("a", "b"))


def test_images_come_in_the_order_of_their_names(tmp_path: Path, picture: Picture) -> None:
    splits = decode(*source(tmp_path, picture(1), picture(2), picture(3)), None)
    assert splits.train.images.shape == (2, 3, 8, 8)
    assert splits.train.images.dtype == torch.uint8
    assert splits.train.images[:, 0, 0, 0].tolist() == [1, 2]
    assert splits.train.labels.tolist() == [0, 1]
    assert splits.test.images.unique().tolist() == [3]


def test_grey_images_have_one_channel(tmp_path: Path, picture: Picture) -> None:
    splits = decode(*source(tmp_path, picture(1, mode="L"), picture(2, mode="L")), None)
    assert splits.train.images.shape == (1, 1, 8, 8)
    assert splits.test.images.shape == (1, 1, 8, 8)


@pytest.mark.parametrize("modes", [("L", "RGB", "L"), ("RGB", "L", "L"), ("L", "L", "RGB")])
def test_one_colour_image_makes_all_of_them_colour(
    tmp_path: Path, picture: Picture, modes: tuple[str, ...]
) -> None:
    contents = [picture(10 * i, mode=mode) for i, mode in enumerate(modes)]
    splits = decode(*source(tmp_path, *contents), None)
    assert splits.train.images.shape == (2, 3, 8, 8)
    assert splits.train.images[:, :, 0, 0].tolist() == [[0] * 3, [10] * 3]
    assert splits.test.images[0, :, 0, 0].tolist() == [20] * 3


def test_a_transparent_palette_is_read_without_a_warning(tmp_path: Path, picture: Picture) -> None:
    file = io.BytesIO()
    Image.new("P", (8, 8)).save(file, "PNG", transparency=bytes([0, 128]))
    assert decode(*source(tmp_path, file.getvalue(), picture(0)), None).train.images.max() == 0


def test_sixteen_bits_become_eight(tmp_path: Path, picture: Picture) -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), 100 * 256 + 7, np.uint16)).save(file, "PNG")
    splits = decode(*source(tmp_path, file.getvalue(), picture(0, mode="L")), None)
    assert splits.train.images.unique().tolist() == [100]


def test_images_are_scaled_and_cut_to_the_size(tmp_path: Path, picture: Picture) -> None:
    file = io.BytesIO()
    array = np.zeros((16, 48, 3), np.uint8)
    array[:, 16:32] = 200  # the centre square of a wide image
    Image.fromarray(array).save(file, "PNG")
    splits = decode(*source(tmp_path, file.getvalue(), picture(7, size=4)), 8)
    assert splits.train.images.shape == (1, 3, 8, 8)
    assert splits.train.images[..., 1:-1].unique().tolist() == [200]
    assert splits.test.images.unique().tolist() == [7]


def test_images_of_two_sizes_are_an_error(tmp_path: Path, picture: Picture) -> None:
    contents = picture(0), picture(0, size=9), picture(0)
    with pytest.raises(ValueError, match=r"8x8 \(0.png\) and 9x9 \(1.png\); set dataset.size"):
        decode(*source(tmp_path, *contents), None)


def test_a_test_image_of_another_size_is_an_error(tmp_path: Path, picture: Picture) -> None:
    with pytest.raises(ValueError, match=r"9x9 \(1.png\); set dataset.size"):
        decode(*source(tmp_path, picture(0), picture(0, size=9)), None)


def test_a_truncated_image_is_named(tmp_path: Path, picture: Picture) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG")
    with pytest.raises(ValueError, match=r"whole image file, got .*0.png \(.*truncated"):
        decode(*source(tmp_path, file.getvalue()[:2000], picture(0)), 8)


def test_what_is_no_image_is_named(tmp_path: Path, picture: Picture) -> None:
    with pytest.raises(ValueError, match=r"whole image file, got .*0.png"):
        decode(*source(tmp_path, b"hello", picture(0)), None)


def test_measure_by_hand() -> None:
    images = torch.tensor([0, 255, 51, 51], dtype=torch.uint8).view(1, 2, 1, 2)
    mean, std = measure(images)
    assert mean == pytest.approx((0.5, 0.2))
    assert std == pytest.approx((0.5, 1e-4))  # one value alone: not 0, which would divide
